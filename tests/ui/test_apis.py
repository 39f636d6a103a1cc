"""The page for programs: what it promises is there."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from ui.apis import PATH, apis_page
from ui.contexts import Site

pytestmark = pytest.mark.slow
BASE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a browser for the whole application over one dataset."""
    settings = Settings(tmp_path_factory.mktemp("home"))
    portal = wiring.open_portal(settings)
    extent = Extent("earth", None, (6.0, 42.0, 8.0, 44.0), 1_577_836_800_000, 1_609_459_199_000)
    record = Record("archive", "", "one", "dataset", "Sea ice thickness", extent=extent)
    portal.store.ingest.page("archive", 1, [Mapped(record, RawRecord("", "one", b"{}"))])
    follow(portal.store, portal.index)
    with TestClient(create_app(settings, portal), base_url=BASE) as found:
        yield found
    portal.close()


def test_every_address_of_the_page_answers(client: TestClient) -> None:
    page = client.get(PATH)
    assert page.status_code == 200
    for api in apis_page(Site("Discovery", "0", "", ()), BASE).apis:
        for each in (*api.links, *api.examples):
            answer = client.get(each.url, headers={"Accept": "text/html, */*;q=0.8", "Origin": "https://other.test"})
            assert answer.status_code == 200, f"{each.url}: {answer.text[:300]}"
            assert answer.headers["Access-Control-Allow-Origin"] == "*", each.url
            assert "ETag" in answer.headers, each.url
            assert '"errors"' not in answer.text[:20], each.url
            assert each.text in page.text


def test_every_way_has_an_example_that_answers_or_a_document() -> None:
    for api in apis_page(Site("Discovery", "0", "", ()), BASE).apis:
        assert api.examples, api.name


def test_every_command_of_the_page_is_one_that_answers(client: TestClient) -> None:
    for api in apis_page(Site("Discovery", "0", "", ()), BASE).apis:
        words = shlex.split(api.command)
        url = next(word for word in words if word.startswith(BASE))
        headers = dict(word.split(": ", 1) for flag, word in itertools.pairwise(words) if flag == "-H")
        body = next((word for flag, word in itertools.pairwise(words) if flag == "-d"), None)
        answer = client.post(url, content=body, headers=headers) if body else client.get(url, headers=headers)
        assert answer.status_code == 200, f"{api.command}: {answer.text[:300]}"
        assert "errors" not in answer.text[:20]


def test_nothing_of_the_page_comes_from_elsewhere(client: TestClient) -> None:
    for path in (PATH, "/stac/", "/ogc"):
        assert "//cdn" not in client.get(path).text
    assert client.get("/api/docs").status_code == 404
