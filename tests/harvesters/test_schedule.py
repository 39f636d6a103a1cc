"""When a source is harvested next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from discovery.errors import ConfigError
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, RUNNING, Report, Run, Source
from harvesters.schedule import FIRST_RETRY, LAST_RETRY, Next, checked, upcoming


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def source(schedule: str, id: str = "esa", *, enabled: bool = True) -> Source:
    return Source(id, "tap", "https://x.org/tap", settings={"schedule": schedule}, enabled=enabled)


def run(status: str, started: str, minutes: int = 10) -> Run:
    begin = at(started)
    return Run(1, "esa", status, begin, begin + minutes * 60_000, Report("esa", 1, status))


def when(found: Next | None) -> str:
    assert found is not None
    return datetime.fromtimestamp(found.at / 1000, UTC).isoformat()[:16]


@pytest.mark.parametrize("text", ["0 4 * * *", "*/15 * * * *", "0 0 1,15 * MON-FRI", "@hourly", "@Daily", "@weekly"])
def test_five_fields_and_names_are_schedules(text: str) -> None:
    assert checked(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("daily", "neither five fields"),
        ("@yearly", "nor @hourly, @daily, @weekly, @monthly"),
        ("* * * *", "neither five fields"),
        ("0 0 4 * * *", "neither five fields"),
        ("60 * * * *", "Bad minute"),
        ("0 0 30 2 *", "30 2"),
        ("1," * 200 + "1 * * * *", "neither five fields"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(text)


def test_the_next_time_is_the_first_after_the_last_run_in_utc() -> None:
    found = upcoming(source("15 2 * * *"), [run(COMPLETE, "2026-03-29T02:20")], 0)
    assert when(found) == "2026-03-30T02:15"


def test_many_missed_times_are_made_up_once() -> None:
    found = upcoming(source("15 2 * * *"), [run(COMPLETE, "2026-01-01T02:20")], 0)
    assert when(found) == "2026-01-02T02:15"
    after = upcoming(source("15 2 * * *"), [run(COMPLETE, "2026-02-01T11:00")], 0)
    assert when(after) == "2026-02-02T02:15"


def test_a_source_without_runs_waits_for_its_first_time() -> None:
    assert when(upcoming(source("0 4 * * *"), [], at("2026-01-01T05:00"))) == "2026-01-02T04:00"


def test_a_held_run_is_no_failure() -> None:
    found = upcoming(source("0 4 * * *"), [run(HELD, "2026-01-01T04:01")], 0)
    assert (when(found), found and found.failures) == ("2026-01-02T04:00", 0)


@pytest.mark.parametrize("schedule", ["0 4 * * *", "@weekly", "* * * * *"])
def test_a_failing_source_is_tried_again_ever_later(schedule: str) -> None:
    pauses = []
    for count in range(1, 15):
        runs = [run(FAILED if n % 2 else PARTIAL, "2026-01-01T04:00") for n in range(count)]
        found = upcoming(source(schedule), [*runs, run(COMPLETE, "2025-12-31T04:00")], 0)
        assert found is not None
        assert found.failures == count
        pauses.append(timedelta(milliseconds=found.at - at("2026-01-01T04:10")))
    assert pauses[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_RETRY


def test_a_run_that_goes_on_is_no_failure() -> None:
    found = upcoming(source("0 4 * * *"), [run(RUNNING, "2026-01-01T04:01")], 0)
    assert found is not None
    assert (when(found), found.failures) == ("2026-01-02T04:00", 0)


@pytest.mark.parametrize(("schedule", "most"), [("@hourly", 6), ("@daily", 60), ("@weekly", 60), ("0 * * * *", 1)])
def test_sources_of_one_schedule_begin_apart_and_each_always_at_its_own_time(schedule: str, most: int) -> None:
    def minutes(id: str) -> float:
        found = upcoming(source(schedule, id), [run(COMPLETE, "2026-01-01T12:30")], 0)
        assert found is not None
        moment = datetime.fromtimestamp(found.at / 1000, UTC)
        return moment.minute + moment.second / 60

    found = [minutes(f"source-{n}") for n in range(200)]
    assert all(0 <= each < most for each in found)
    assert max(found) - min(found) > most * 0.9
    assert found == [minutes(f"source-{n}") for n in range(200)]


def test_a_time_that_is_kept_later_is_not_kept_twice() -> None:
    for n in range(50):
        first = upcoming(source("@daily", f"source-{n}"), [], at("2026-01-01T12:00"))
        assert first is not None
        begun = Run(1, "esa", COMPLETE, first.at + 1, first.at + 2, Report("esa", 1, COMPLETE))
        second = upcoming(source("@daily", f"source-{n}"), [begun], 0)
        assert second is not None
        assert second.at - first.at == 24 * 3_600_000


def test_without_a_schedule_or_where_it_is_not_enabled_nothing_comes() -> None:
    assert upcoming(Source("esa", "tap", "https://x.org/tap"), [], 0) is None
    assert upcoming(source("@daily", enabled=False), [], 0) is None


@pytest.mark.parametrize("status", [COMPLETE, PARTIAL, FAILED])
@pytest.mark.parametrize(("rest", "then"), [("2026-03-03T12:00", "2026-03-03T12:00"), ("2026-03-01T02:31", "")])
def test_it_is_never_before_the_source_wants_it(status: str, rest: str, then: str) -> None:
    plain = run(status, "2026-03-01T02:20")
    asked = replace(plain, report=replace(plain.report, not_before=at(rest)))
    usual = when(upcoming(source("15 2 * * *"), [plain], 0))
    assert when(upcoming(source("15 2 * * *"), [asked], 0)) == (then or usual)
    later = run(COMPLETE, "2026-03-01T02:40")
    assert when(upcoming(source("15 2 * * *"), [later, asked], 0)) == "2026-03-02T02:15", "it has been asked since"


def test_what_the_source_wants_is_kept_with_the_run() -> None:
    report = Report("esa", 1, FAILED, not_before=at("2026-03-03T12:00"))
    assert Report.from_dict(report.to_dict()) == report
    assert Report.from_dict(Report("esa", 1, FAILED).to_dict()).not_before is None
