"""The page with the ways to open a record, and the notebook that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, urlsplit

import nbformat
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from discovery.model.record import Asset, Record
from discovery.store.schema import records

pytestmark = pytest.mark.slow

Make = Callable[[Iterable[Record]], TestClient]
VOLUME = Record("labs", "", "vol", "volume", "Hubble <b>volume</b>", missions=("astronomy/hubble",),
                properties={"mount_path": "/media/data/hst_stis"})  # fmt: skip
LAB = Record("labs", "", "lab", "datalab", "JupyterLab", properties={"interface": "lab"})
DESKTOP = Record("labs", "", "datalab-fv", "datalab", "FITS viewer", properties={"interface": "desktop"})
IMAGE = Record(
    "ehst", "artifact", "o4sp040b0", "observation", "STIS <script>alert(1)</script> image",
    missions=("astronomy/hubble",),
    properties={"file_path": "/hstdata/hstdata_o/o/4sp/04", "file_name": "o4sp040b0_raw.fits"},
    assets=(Asset("https://archive.example/preview.jpg", "preview"),
            Asset("https://archive.example/other.fits", "second", "Other \"file\""),
            Asset("https://archive.example/signed.fits?X-Amz-Signature=secret", "signed")),
)  # fmt: skip
WORDS = Record("ehst", "", "words", "project", "Only words")


@pytest.fixture
def client(make_client: Make) -> TestClient:
    return make_client([VOLUME, LAB, DESKTOP, IMAGE, WORDS])


def test_a_record_that_has_data_offers_a_notebook(client: TestClient) -> None:
    page = client.get(f"/records/{IMAGE.id}").text
    assert f'href="/open?id={IMAGE.id}">Open in a notebook</a>' in page
    assert f'href="/records/{VOLUME.id}"' in page
    assert f'href="/records/{LAB.id}"' in page
    assert "holds files of this record" in page
    assert "Open in a notebook" not in client.get(f"/records/{WORDS.id}").text
    assert "Open in a notebook" in client.get(f"/records/{VOLUME.id}").text


def test_the_page_shows_the_choices_and_where_the_files_are(client: TestClient) -> None:
    page = client.get(f"/open?id={IMAGE.id}")
    assert page.status_code == 200
    assert '<form class="choices" action="/launch" method="get">' in page.text
    assert 'formaction="/open/notebook"' in page.text
    assert f'<option value="{VOLUME.id}">Hubble &lt;b&gt;volume&lt;/b&gt;</option>' in page.text
    assert f'<option value="{LAB.id}">JupyterLab</option>' in page.text
    assert "/media/data/hst_stis/o/4sp/04/o4sp040b0_raw.fits.gz" in page.text
    assert 'href="https://archive.example/other.fits"' in page.text
    assert f"discovery open {IMAGE.id}" in page.text
    assert "<script>alert" not in page.text
    assert "secret" not in page.text
    assert "preview.jpg" not in page.text


def test_an_entry_that_is_not_real_says_so(make_client: Make) -> None:
    made = Record("labs", "", "made", "observation", "Made up", assets=(Asset("https://example.org/a.fits"),))
    client = make_client([made, IMAGE])
    assert "This entry is an example" in client.get(f"/open?id={made.id}").text
    assert "This entry is" not in client.get(f"/open?id={IMAGE.id}").text


def test_json_says_the_same(client: TestClient) -> None:
    found = client.get(f"/open?id={IMAGE.id}&f=json").json()
    assert found["openable"] is True
    assert [each["key"] for each in found["files"]] == ["ehst-fits", "second"]
    assert found["files"][0]["places"][0] == {
        "kind": "volume", "address": "/media/data/hst_stis/o/4sp/04/o4sp040b0_raw.fits.gz", "volume": VOLUME.id,
        "rule": "ehst-fits",
    }  # fmt: skip
    assert [(each["id"], each["reason"]) for each in found["volumes"]] == [(VOLUME.id, "path")]
    assert [(each["id"], each["reason"]) for each in found["datalabs"]] == [
        (LAB.id, "notebook"),
        (DESKTOP.id, "format"),
    ]
    for file in found["files"]:
        assert client.get(file["notebook"]).status_code == 200


def test_the_notebook_is_a_file_to_download(client: TestClient) -> None:
    answer = client.get(f"/open/notebook?id={IMAGE.id}&file=second&volume={VOLUME.id}&datalab={LAB.id}")
    assert answer.headers["content-type"] == "application/x-ipynb+json"
    name = f"stis-script-alert-1-script-image-{IMAGE.id}.ipynb"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    book = nbformat.reads(answer.text, as_version=4)
    nbformat.validate(book)
    data = book.cells[1].source
    assert data.index('"key": "second"') < data.index('"key": "ehst-fits"')
    assert f"http://testserver/records/{IMAGE.id}" in book.cells[1].source
    assert f"http://testserver/selection?id={IMAGE.id}&f=ndjson" in book.cells[1].source
    assert '"citation": "STIS <script>alert(1)</script> image (n.d.)' in book.cells[1].source
    assert client.head(f"/open/notebook?id={IMAGE.id}").status_code == 200


def test_the_form_without_a_choice_gives_the_same_as_the_plain_link(client: TestClient) -> None:
    plain = client.get(f"/open/notebook?id={IMAGE.id}")
    assert client.get(f"/open/notebook?id={IMAGE.id}&file=&volume=&datalab=").content == plain.content


def test_an_archive_can_link_with_its_own_names(client: TestClient) -> None:
    asked = "source=ehst&container=artifact&source_id=o4sp040b0"
    answer = client.get(f"/open?{asked}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/open?id={IMAGE.id}")
    url = urlsplit(client.get(f"/open?{asked}&f=json").headers["location"])
    assert dict(parse_qsl(url.query)) == {"id": IMAGE.id, "f": "json"}
    assert client.get(f"/open/notebook?{asked}").content == client.get(f"/open/notebook?id={IMAGE.id}").content


@pytest.mark.parametrize("path", ["/open", "/open/notebook"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?source=ehst", 400),
        ("?source_id=x", 400),
        ("?id=nothing", 404),
        ("?source=ehst&container=artifact&source_id=other", 404),
        ("?id=%00", 404),
    ],
)
def test_what_is_not_there_is_said_as_elsewhere(client: TestClient, path: str, query: str, status: int) -> None:
    assert client.get(path + query).status_code == status
    answer = client.get(f"{path}{query}{'&' if query else '?'}f=json")
    assert answer.status_code == status
    assert answer.json()["error"]["kind"] in ("bad_query", "not_found")


@pytest.mark.parametrize("choice", ["file=third", "volume=nothing", "datalab=%3Cscript%3E"])
def test_a_choice_that_there_is_not_is_refused(client: TestClient, choice: str) -> None:
    answer = client.get(f"/open/notebook?id={IMAGE.id}&{choice}")
    assert answer.status_code == 400
    assert f"Unknown {choice.partition('=')[0]}" in answer.text
    assert "<script>" not in answer.text


def test_a_record_of_words_leads_to_a_notebook_of_links(client: TestClient) -> None:
    assert "names no file that a notebook could open" in client.get(f"/open?id={WORDS.id}").text
    assert client.get(f"/open/notebook?id={WORDS.id}").status_code == 200


def test_deleted_and_merged_records_are_gone_and_moved(make_client: Make) -> None:
    client = make_client([IMAGE, WORDS])
    portal = client.app.state.portal  # type: ignore[attr-defined]
    portal.store.ingest.remove("ehst")
    assert client.get(f"/open?id={IMAGE.id}").status_code == 410
    assert client.get(f"/open/notebook?id={IMAGE.id}").status_code == 410


def test_a_merged_record_is_opened_where_it_lives_on(make_client: Make) -> None:
    client = make_client([IMAGE, WORDS])
    portal = client.app.state.portal  # type: ignore[attr-defined]
    with portal.store.database.write() as connection:
        connection.execute(update(records).where(records.c.id == WORDS.id).values(merged=IMAGE.id))
    answer = client.get(f"/open?id={WORDS.id}")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/open?id={IMAGE.id}")
    answer = client.get(f"/open/notebook?id={WORDS.id}&file=second")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/open/notebook?id={IMAGE.id}&file=second")
