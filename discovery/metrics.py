"""What monitoring reads at `/metrics`: the catalogue as it stands, in the form of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fastapi import Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from discovery import __version__
from discovery.errors import UnavailableError
from discovery.model.job import RUNNING, WAITING
from discovery.model.person import HARVEST, Role
from discovery.portal import Portal

_COUNTED: Final = ("seen", "added", "updated", "deleted", "quarantined")


class Catalogue:
    """Reads the numbers of a portal whenever it is asked; all processes over one store give the same."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def collect(self) -> Iterator[Metric]:
        """Yield every family of numbers."""
        yield _family("discovery_info", "The version that runs.", ("version",), [((__version__,), 1)])
        held = self._portal.store.catalogue.counts()
        yield _family(
            "discovery_records",
            "Live records.",
            ("source", "kind"),
            [((source, kind), number) for source, kinds in held.items() for kind, number in kinds.items()],
        )
        quarantined = self._portal.store.ledger.quarantined_counts()
        yield _family(
            "discovery_quarantined",
            "Elements that became no record.",
            ("source",),
            [((source,), number) for source, number in quarantined.items()],
        )
        yield from self._runs()
        yield from self._index()
        jobs = self._portal.store.jobs.counts()
        waiting = [((status,), jobs.get(status, 0)) for status in (WAITING, RUNNING)]
        yield _family("discovery_jobs", "Jobs that wait or are being done.", ("status",), waiting)

    def _runs(self) -> Iterator[Metric]:
        ledger = self._portal.store.ledger
        # The runs of a source that was removed are kept; an alarm about it would never end.
        there = {each.id: each for each in ledger.sources()}
        last = {source: runs[0] for source, runs in ledger.latest(1).items() if source in there}
        yield _family(
            "discovery_source_enabled",
            "Whether a source is harvested.",
            ("source",),
            [((source,), int(each.enabled)) for source, each in there.items()],
        )
        yield _family(
            "discovery_last_run",
            "How the last run over a source stands: 1 for its status.",
            ("source", "status"),
            [((source, run.status), 1) for source, run in last.items()],
        )
        yield _family(
            "discovery_last_run_start_timestamp_seconds",
            "When the last run over a source began.",
            ("source",),
            [((source,), run.started / 1000) for source, run in last.items()],
        )
        yield _family(
            "discovery_last_run_seconds",
            "How long the last run over a source took.",
            ("source",),
            [((source,), run.report.seconds) for source, run in last.items()],
        )
        yield _family(
            "discovery_last_run_elements",
            "What the last run over a source did with how many elements.",
            ("source", "what"),
            [((source, what), getattr(run.report.counts, what)) for source, run in last.items() for what in _COUNTED],
        )
        stated = [((source,), number) for source, number in ledger.stated().items() if source in there]
        yield _family(
            "discovery_stated_elements",
            "Elements that a source said it has in its last run, else in its last whole walk.",
            ("source",),
            stated,
        )

    def _index(self) -> Iterator[Metric]:
        try:
            status = self._portal.status()
        except UnavailableError:
            yield _family("discovery_index_up", "Whether the search engine answers.", (), [((), 0)])
            return
        yield _family("discovery_index_up", "Whether the search engine answers.", (), [((), 1)])
        yield _family(
            "discovery_index_documents",
            "Documents that can be found.",
            ("scope",),
            [((scope,), made.documents) for scope, made in status.items()],
        )
        pending = self._portal.store.catalogue.pending
        yield _family(
            "discovery_index_waiting",
            "Changes that cannot be found yet.",
            ("scope",),
            [((scope,), pending(scope, made.change)) for scope, made in status.items()],
        )


def endpoint(portal: Portal) -> Callable[[Request], Response]:
    """Return what answers at `/metrics`: to programs of operators alone, by their token."""
    registry = CollectorRegistry()
    registry.register(Catalogue(portal))

    def metrics(request: Request) -> Response:
        """Say how the catalogue stands, for Prometheus; the operators' token opens it."""
        if not portal.people.who(request.headers.get("Authorization", "")).may(Role.OPERATOR, HARVEST):
            headers = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
            return Response("show the operators' token\n", 401, headers, "text/plain")
        headers = {"Cache-Control": "no-store"}
        return Response(generate_latest(registry), headers=headers, media_type=CONTENT_TYPE_LATEST)

    return metrics


def _family(
    name: str, help: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
