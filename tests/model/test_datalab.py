from __future__ import annotations

from discovery.model.datalab import Datalab
from discovery.model.record import Link, Record


def datalab(*links: Link, **properties: str | tuple[str, ...]) -> Datalab:
    record = Record("s", "", "datalab-x-topcat", "datalab", "TOPCAT", keywords=("Datalab", " "), links=links,
                    properties=properties)  # fmt: skip
    return Datalab.from_record(record)


def test_a_datalab_is_known_by_its_short_names() -> None:
    assert datalab().names == {"datalab-x-topcat", "x-topcat", "datalab"}


def test_its_interface_says_whether_notebooks_run() -> None:
    assert datalab(interface="Lab").runs_notebooks
    assert datalab(interface=("ide", "web")).interface == "ide"
    assert not datalab(interface="desktop").runs_notebooks
    assert not datalab().runs_notebooks


def test_it_is_started_where_its_record_says_and_nowhere_else() -> None:
    service = Link("https://labs.example/service", "service")
    launch = Link("https://labs.example/launch", "launch")
    assert datalab(service, launch).url == "https://labs.example/launch"
    assert datalab(Link("https://labs.example/", "about")).url == ""
    bad = ("javascript:alert(1)", "https://u:p@labs.example/", "http://[broken", "ftp://labs.example/")
    assert datalab(*(Link(each, "launch") for each in bad)).url == ""
