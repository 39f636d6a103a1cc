from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.index.tantivy import TantivyIndex
from discovery.model.source import Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router
from discovery_graphql.explorer import VENDORED
from discovery_graphql.operations import Operations, published

HTML = {"accept": "text/html,*/*;q=0.8"}
VENDOR = Path(__file__).parents[2] / "ui" / "static" / "vendor"


@pytest.fixture
def rich(portal: Portal, tmp_path: Path) -> FastAPI:
    for name in VENDORED:
        (tmp_path / name).write_text("/* " + name + " */")
    app = FastAPI()
    app.include_router(router(portal, vendor=tmp_path))
    return app


def test_without_graphiql_a_browser_gets_a_form_with_examples(client: TestClient) -> None:
    page = client.get("/graphql", headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert '<form method="get" action="/graphql">' in page.text
    links = re.findall(r'href="(/graphql\?[^"]+)"', page.text)
    assert links
    for link in links:
        assert "errors" not in client.get(link.replace("&amp;", "&"), headers=HTML).json()


def test_with_graphiql_every_file_is_ours(rich: FastAPI) -> None:
    with TestClient(rich) as client:
        page = client.get("/graphql", headers=HTML)
        files = re.findall(r'(?:src|href)="(/graphql/files/[^"]+)"', page.text)
        assert len(files) == 6
        assert all(client.get(each).status_code == 200 for each in files)
        assert '<form method="get"' in client.get("/graphql?plain", headers=HTML).text


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(rich: FastAPI) -> None:
    with TestClient(rich) as client:
        for path in ("/graphql", "/graphql?plain"):
            page = client.get(path, headers=HTML)
            assert "unsafe" not in page.headers["content-security-policy"]
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
            assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


def test_a_program_without_a_query_gets_no_page(client: TestClient) -> None:
    response = client.get("/graphql")
    assert response.status_code == 400
    assert "query" in response.json()["errors"][0]["message"]


@pytest.fixture
def served(portal: Portal) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(portal, vendor=VENDOR))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


def test_graphiql_is_given_every_published_operation(rich: FastAPI) -> None:
    with TestClient(rich) as client:
        texts = client.get("/graphql/files/examples.json").json()
        assert texts == [each.text for each in Operations(published() / "operations").all]
        for each in texts:
            assert "errors" not in client.post("/graphql", json={"query": each}).json(), each


@pytest.mark.browser
@pytest.mark.peer
def test_graphiql_runs_a_query_without_leaving_this_host(served: str, chromium: Path) -> None:
    if not all((VENDOR / name).is_file() for name in VENDORED):
        pytest.skip("GraphiQL's files are not here; `make assets` brings them")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        said: list[str] = []
        left: list[str] = []
        page.on("console", lambda each: said.append(each.text) if each.type in {"error", "warning"} else None)
        page.on("request", lambda each: None if each.url.startswith((served, "data:")) else left.append(each.url))
        page.goto(served + "/graphql")
        page.click(".graphiql-execute-button")
        page.wait_for_selector(".result-window .cm-property")
        assert "totalCount" in page.inner_text(".result-window")
        named = page.locator(".graphiql-tab").all_inner_texts()
        assert {"Counts", "Search", "Timeline", "Volumes"} < set(named)
        assert named[0].startswith("Start")
        for tab, answer in (("Resolve", "resolve"), ("Counts", "numbers"), ("Resolve", "resolve")):
            page.locator(".graphiql-tab", has_text=tab).click()
            page.click(".graphiql-execute-button")
            page.locator(".result-window .cm-property", has_text=answer).wait_for()
        browser.close()
    assert said == []
    assert left == []


@pytest.mark.browser
@pytest.mark.peer
def test_graphiql_follows_a_subscription(
    tmp_path: Path, chromium: Path, listening: Callable[[FastAPI], AbstractContextManager[str]]
) -> None:
    """The second tab is one; who asks shows a token under Headers."""
    if not all((VENDOR / name).is_file() for name in VENDORED):
        pytest.skip("GraphiQL's files are not here; `make assets` brings them")
    from playwright.sync_api import sync_playwright

    token = "0123456789abcdef" * 4
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"), operator_token=token)
    portal.store.ledger.add_source(Source("ice", "stac-api", "https://ice.example/stac", "Ice"))
    portal.store.ledger.begin("ice")
    app = FastAPI()
    app.include_router(router(portal, vendor=VENDOR))
    with listening(app) as place, sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda each: said.append(each.text) if each.type in {"error", "warning"} else None)
        page.goto(f"http://{place}/graphql")
        page.click(".graphiql-tab >> nth=1")
        page.click("button:has-text('Headers')")
        page.click(".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror")
        page.keyboard.insert_text(f'{{"Authorization": "Bearer {token}"}}')
        page.click(".graphiql-execute-button")
        page.wait_for_selector(".result-window .cm-property")
        shown = page.inner_text(".result-window")
        assert '"source": "ice"' in shown.replace("\u00a0", " ")
        assert "RUNNING" in shown
        browser.close()
    portal.close()
    assert said == []
