"""Runs and their counts, as they are added up, printed and kept."""

from __future__ import annotations

from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, RUNNING, Counts, Report, Run

COUNTS = Counts(seen=10, added=1, updated=2, unchanged=3, deleted=4, quarantined=5, warnings=6)


def test_counts_add_up_field_by_field() -> None:
    assert COUNTS + Counts() == COUNTS
    assert Counts(20, 2, 4, 6, 8, 10, 12) == COUNTS + COUNTS


def test_a_report_reads_back_from_its_flat_form() -> None:
    report = Report(
        "esa",
        7,
        COMPLETE,
        COUNTS,
        requests=8,
        bytes=9,
        seconds=2.5,
        message="done",
        stated=12,
        not_before=1_700_000_000_000,
    )
    flat = report.to_dict()
    assert flat["records_per_second"] == 4.0
    assert all(isinstance(value, str | int | float) for value in flat.values())
    assert Report.from_dict(flat) == report
    assert Report.from_dict(Report("esa", 7, COMPLETE).to_dict()).stated is None


def test_a_report_without_a_duration_has_no_rate() -> None:
    assert Report("esa", 7, RUNNING, COUNTS).to_dict()["records_per_second"] == 0.0


def test_a_run_ends_with_its_report() -> None:
    run = Run(7, "esa", RUNNING, 100, None, Report("esa", 7, RUNNING))
    ended = run.ended(Report("esa", 7, COMPLETE, COUNTS), 200)
    assert (ended.status, ended.started, ended.finished, ended.report.counts) == (COMPLETE, 100, 200, COUNTS)


def test_a_run_tells_what_somebody_should_know() -> None:
    def trouble(status: str, message: str = "", moment: int = 0) -> str:
        return Run(7, "esa", status, 0, None, Report("esa", 7, status, seconds=60.0, message=message)).trouble(moment)

    assert trouble(COMPLETE, "nothing was written", 10**9) == ""
    assert [trouble(status, "why") for status in (PARTIAL, HELD, FAILED)] == ["why"] * 3
    assert trouble(PARTIAL) == PARTIAL
    assert trouble(RUNNING, moment=(60 + 599) * 1000) == ""
    assert trouble(RUNNING, moment=(60 + 720) * 1000).startswith("nothing was heard of it for 12 minutes; ")
