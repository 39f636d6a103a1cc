"""Jobs: each is done by one at a time, and none is lost with whoever did it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import NotFoundError, TooManyError
from discovery.model.job import ARGUMENTS, DONE, FAILED, RUNNING, WAITING, Job
from discovery.store import jobs as module
from discovery.store.store import Store

pytestmark = pytest.mark.stores

LEASE = 60_000
OVER = -1
"""A lease that is over when it begins: its owner has died."""


def take(store: Store, owner: str = "me", lease: int = LEASE) -> Job | None:
    return store.jobs.take(owner, lease, kinds=ARGUMENTS)


def taken(store: Store, owner: str = "me", lease: int = LEASE) -> Job:
    job = take(store, owner, lease)
    assert job is not None
    return job


def test_jobs_are_taken_oldest_first_and_ended(store: Store) -> None:
    first, second = store.jobs.ask("harvest", {"source": "esa"}), store.jobs.ask("retry", {"number": 4})
    job = taken(store)
    assert (job.id, job.kind, job.arguments, job.status, job.attempts) == (
        first.id,
        "harvest",
        {"source": "esa"},
        RUNNING,
        1,
    )
    store.jobs.end(first.id, "me", ok=True, message="complete", result={"seen": 5})
    assert taken(store).id == second.id
    assert take(store) is None
    store.jobs.end(second.id, "me", ok=False, message="no such entry")
    states = [(each.status, each.message, each.result, each.ended) for each in store.jobs.jobs()]
    assert states == [(FAILED, "no such entry", {}, True), (DONE, "complete", {"seen": 5}, True)]
    assert store.jobs.job(first.id).finished is not None


def test_every_job_is_taken_by_exactly_one_of_many_takers(store: Store) -> None:
    asked = [store.jobs.ask("retry", {"number": n}).id for n in range(1, 25)]
    start = threading.Barrier(8)

    def all_of(owner: int) -> list[int]:
        start.wait()
        return [job.id for job in iter(lambda: take(store, str(owner)), None)]

    with ThreadPoolExecutor(8) as threads:
        each = [each for future in [threads.submit(all_of, n) for n in range(8)] for each in future.result()]
    assert sorted(each) == asked


def test_a_lease_begins_when_the_job_is_had_however_long_that_took(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.jobs.ask("retry", {"number": 4})
    asked = module.now()
    # Another writer was waited for in between.
    moments = iter((asked, asked + LEASE))
    monkeypatch.setattr(module, "now", lambda: next(moments, asked + LEASE + 1))
    assert take(store, "slow") is not None
    assert take(store, "other") is None


def test_a_job_whose_owner_died_is_taken_again_and_the_dead_have_no_say(store: Store) -> None:
    id = store.jobs.ask("harvest", {"source": "esa"}).id
    assert taken(store, "dead", OVER).attempts == 1
    assert taken(store, "alive").attempts == 2
    assert not store.jobs.keep(id, "dead", LEASE)
    store.jobs.end(id, "dead", ok=False, message="late")
    store.jobs.put_back(id, "dead")
    assert store.jobs.job(id).status == RUNNING
    assert store.jobs.keep(id, "alive", LEASE)
    store.jobs.end(id, "alive", ok=True)
    assert store.jobs.job(id).status == DONE


def test_a_job_that_kills_whoever_takes_it_is_given_up(store: Store) -> None:
    id = store.jobs.ask("harvest", {"source": "esa"}).id
    for _ in range(module.MAX_ATTEMPTS):
        assert taken(store, "dead", OVER).id == id
    assert take(store) is None
    job = store.jobs.job(id)
    assert (job.status, job.message) == (FAILED, "whoever did this job died, 3 times in a row")


def test_a_job_that_is_put_back_waits_and_was_never_begun(store: Store) -> None:
    id = store.jobs.ask("harvest", {"source": "esa"}).id
    taken(store)
    store.jobs.put_back(id, "me")
    assert taken(store).attempts == 1
    store.jobs.put_back(id, "me", wait=60_000)
    assert (take(store), store.jobs.job(id).status) == (None, WAITING)


def test_two_jobs_over_one_source_never_run_at_a_time(store: Store) -> None:
    first = store.jobs.ask("harvest", {"source": "esa"})
    store.jobs.ask("harvest", {"source": "esa", "full": True})
    other = store.jobs.ask("harvest", {"source": "eso"})
    assert [taken(store, "a").id, taken(store, "b").id] == [first.id, other.id]
    assert take(store, "c") is None
    store.jobs.end(first.id, "a", ok=True)
    assert taken(store, "c").arguments == {"source": "esa", "full": True}


def test_a_short_job_does_not_wait_for_a_long_one_over_its_source(store: Store) -> None:
    store.jobs.ask("harvest", {"source": "esa"})
    look = store.jobs.ask("preview", {"source": "esa"})
    taken(store)
    assert taken(store, "b").id == look.id


def test_only_the_kinds_and_jobs_that_are_free_are_taken(store: Store) -> None:
    store.jobs.ask("harvest", {"source": "esa"})
    store.jobs.ask("harvest", {"source": "eso"})
    assert store.jobs.take("me", LEASE, kinds=("retry",)) is None
    job = store.jobs.take("me", LEASE, kinds=("harvest",), free=lambda job: job.source == "eso")
    assert job is not None
    assert job.source == "eso"


def test_what_waits_already_is_not_asked_twice(store: Store) -> None:
    first = store.jobs.ask("harvest", {"source": "esa"})
    assert store.jobs.ask("harvest", {"source": "esa"}) == first
    taken(store)
    assert store.jobs.ask("harvest", {"source": "esa"}).id != first.id


def test_a_queue_has_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    store.jobs.ask("remap", {})
    store.jobs.ask("remap", {"source": "esa"})
    with pytest.raises(TooManyError, match="2 jobs are waiting"):
        store.jobs.ask("remap", {"source": "eso"})


def test_a_result_that_is_too_large_is_left_out_and_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RESULT", 100)
    id = store.jobs.ask("preview", {"record": "x"}).id
    taken(store)
    store.jobs.end(id, "me", ok=True, message="done", result={"text": "x" * 200})
    job = store.jobs.job(id)
    assert (job.status, job.result) == (DONE, {})
    assert "was left out" in job.message


def test_jobs_of_long_ago_are_forgotten_and_waiting_ones_never(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old, waiting = store.jobs.ask("remap", {}), store.jobs.ask("harvest", {"source": "esa"})
    taken(store)
    store.jobs.end(old.id, "me", ok=True)
    assert store.jobs.prune() == 0
    monkeypatch.setattr(module, "KEPT", -1000)
    assert store.jobs.prune() == 1
    assert [each.id for each in store.jobs.jobs()] == [waiting.id]
    with pytest.raises(NotFoundError, match=f"no job {old.id}"):
        store.jobs.job(old.id)
