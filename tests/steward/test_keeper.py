"""A steward follows the store and does jobs at once, and ends as one."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from discovery.config import Settings
from discovery.model.job import DONE
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.query.query import Query
from discovery.steward import Steward
from discovery.wiring import open_portal


def test_jobs_are_done_while_the_store_is_followed(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    portal = open_portal(settings)
    steward = Steward(settings, portal)
    thread = threading.Thread(target=steward.run)
    thread.start()
    record = Record("s", "c", "a", "dataset", "Crab")
    portal.store.ingest.page("s", 1, [Mapped(record, RawRecord("c", "a", b"{}"))])
    job = portal.ask("retry", {})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job = portal.job(job.id)
        if job.ended and portal.search(Query(text="crab")).records:
            break
        time.sleep(0.05)
    steward.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert (job.status, job.result) == (DONE, {"released": 0, "left": 0})
    assert [each.record for each in portal.search(Query(text="crab")).records] == [record]
    portal.close()
