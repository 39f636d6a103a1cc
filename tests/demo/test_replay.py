"""The replay server answers as a TAP service does, also to a client that is not ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
from lxml import etree

from discovery.demo.replay import ReplayServer
from discovery.errors import ConfigError

PACK = Path(__file__).parents[2] / "fixtures" / "demo"
NS = "{http://www.ivoa.net/xml/VOTable/v1.3}"


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer(PACK) as running:
        yield running


class Answer:
    """What a VOTable answer says, read without our own reader."""

    def __init__(self, body: bytes) -> None:
        root = etree.fromstring(body)
        infos = [element for element in root.iter(f"{NS}INFO") if element.get("name") == "QUERY_STATUS"]
        self.states = [element.get("value") for element in infos]
        self.message = infos[-1].text or ""
        self.fields = {str(element.get("name")): element for element in root.iter(f"{NS}FIELD")}
        lines = [[cell.text or "" for cell in line] for line in root.iter(f"{NS}TR")]
        self.rows: list[dict[str, str]] = [dict(zip(self.fields, line, strict=True)) for line in lines]


def ask(
    server: ReplayServer,
    query: str,
    *,
    service: str = "synthetic",
    post: bool = False,
    **more: str,
) -> Answer:
    form = urlencode({"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": query, **more})
    url = f"{server.url}/{service}/tap/sync"
    reply = urlopen(url, form.encode(), timeout=10) if post else urlopen(f"{url}?{form}", timeout=10)
    with reply:
        return Answer(reply.read())


def pages(server: ReplayServer, size: int) -> list[list[str]]:
    """Walk the synthetic table as the harvester does: a keyset on the identifier, until the status is OK."""
    found: list[list[str]] = []
    where = ""
    while True:
        query = f"SELECT obs_publisher_did FROM ivoa.ObsCore {where} ORDER BY obs_publisher_did"
        answer = ask(server, query, MAXREC=str(size))
        found.append([row["obs_publisher_did"] for row in answer.rows])
        if answer.states[-1] == "OK":
            return found
        where = f"WHERE obs_publisher_did > '{found[-1][-1]}'"


def test_the_real_rows_come_back_as_they_were_recorded(server: ReplayServer) -> None:
    answer = ask(server, "SELECT * FROM ivoa.ObsCore", service="gavo")
    recorded = etree.parse(PACK / "tap" / "gavo" / "obscore.xml")
    assert [list(row.values()) for row in answer.rows] == [
        [cell.text or "" for cell in line] for line in recorded.iter(f"{NS}TR")
    ]
    assert len(answer.rows) == 10
    assert answer.states == ["OK"]


def test_fields_keep_unit_ucd_utype_and_null_of_the_recording(
    server: ReplayServer,
) -> None:
    fields = ask(server, "SELECT * FROM ivoa.ObsCore", service="gavo").fields
    recorded = etree.parse(PACK / "tap" / "gavo" / "obscore.xml")
    for element in recorded.iter(f"{NS}FIELD"):
        sent = fields[str(element.get("name"))]
        assert sorted(sent.items()) == sorted(element.items())
        null, values = element.find(f"{NS}VALUES"), sent.find(f"{NS}VALUES")
        assert (values.get("null") if values is not None else None) == (null.get("null") if null is not None else None)


def test_synthetic_rows_say_that_they_are_synthetic(server: ReplayServer) -> None:
    rows = ask(server, "SELECT obs_title, access_url FROM ivoa.ObsCore").rows
    assert rows
    assert all(row["obs_title"].endswith("(synthetic)") for row in rows)
    assert all(row["access_url"].startswith("https://example.org/synthetic/") for row in rows)


def test_overflow_is_said_after_the_table_and_ok_before_it(
    server: ReplayServer,
) -> None:
    form = urlencode(
        {
            "REQUEST": "doQuery",
            "LANG": "ADQL",
            "QUERY": "SELECT obs_id FROM ivoa.ObsCore",
        }
    )
    with urlopen(f"{server.url}/synthetic/tap/sync?{form}", timeout=10) as reply:
        body = reply.read().decode()
    assert body.index('value="OK"') < body.index("<TABLE ") < body.index("</TABLE>") < body.index('value="OVERFLOW"')


def test_the_hard_limit_cuts_what_maxrec_asks_for(server: ReplayServer) -> None:
    answer = ask(server, "SELECT obs_id FROM ivoa.ObsCore", MAXREC="100000")
    assert (len(answer.rows), answer.states) == (100, ["OK", "OVERFLOW"])


@pytest.mark.parametrize("size", [61, 99, 1000])
def test_a_keyset_walk_meets_every_row_once(server: ReplayServer, size: int) -> None:
    found = pages(server, size)
    flat = [did for page in found for did in page]
    assert len(flat) == len(set(flat)) == 500
    assert flat == sorted(flat)


def test_a_page_that_ends_exactly_at_the_end_does_not_overflow(
    server: ReplayServer,
) -> None:
    assert [len(page) for page in pages(server, 100)] == [100] * 5


def test_top_with_as_many_rows_never_overflows(server: ReplayServer) -> None:
    answer = ask(server, "SELECT TOP 5 obs_id FROM ivoa.ObsCore", MAXREC="5")
    assert (len(answer.rows), answer.states) == (5, ["OK"])


def test_maxrec_0_answers_the_columns_alone(server: ReplayServer) -> None:
    answer = ask(server, "SELECT * FROM ivoa.ObsCore", MAXREC="0")
    assert (len(answer.fields), len(answer.rows), answer.states[-1]) == (
        36,
        0,
        "OVERFLOW",
    )


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("", 500),
        ("WHERE obs_publisher_did IS NULL", 0),
        ("WHERE obs_publisher_did IS NOT NULL", 500),
        ("WHERE pol_xel IS NULL", 500),
        ("WHERE obs_collection = 'HST'", 112),
        ("WHERE obs_collection <> 'HST'", 388),
        ("WHERE LOWER(obs_collection) = 'hst'", 112),
        ("WHERE obs_collection = 'HST' OR obs_collection = 'ISO'", 193),
        (
            "WHERE (obs_collection = 'HST' OR obs_collection = 'ISO') AND calib_level = 9",
            0,
        ),
        ("WHERE calib_level >= 2", 351),
        ("WHERE 2 <= calib_level", 351),
        ("WHERE s_ra >= 0 AND s_ra < 360", 500),
        ("WHERE obs_title = 'O''Brien'", 0),
        ("WHERE obs_collection IN ('HST')", 112),
        ("WHERE obs_collection IN ('HST', 'ISO', 'no''thing') AND calib_level IN (0, 1, 2, 3, 4)", 193),
    ],
)
def test_counts_follow_the_condition(server: ReplayServer, condition: str, count: int) -> None:
    answer = ask(server, f"SELECT COUNT(*) AS n FROM ivoa.ObsCore {condition}")
    assert answer.rows == [{"n": str(count)}]


def test_an_open_end_of_a_window_and_the_rest_add_up(server: ReplayServer) -> None:
    below = ask(server, "select count(*) as n from ivoa.obscore where t_min < 51000.5").rows[0]["n"]
    above = ask(server, "select count(*) as n from ivoa.obscore where t_min >= 51000.5").rows[0]["n"]
    assert int(below) + int(above) == 500
    assert int(below) > 0
    assert int(above) > 0


def test_order_follows_the_column_in_both_directions(server: ReplayServer) -> None:
    rising = [float(row["t_min"]) for row in ask(server, "SELECT t_min FROM ivoa.ObsCore ORDER BY t_min").rows]
    falling = [float(row["t_min"]) for row in ask(server, "SELECT t_min FROM ivoa.ObsCore ORDER BY t_min DESC").rows]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert rising[0] < falling[-1]


def test_tap_schema_describes_the_columns(server: ReplayServer) -> None:
    query = "SELECT column_name, datatype, unit, indexed FROM TAP_SCHEMA.columns WHERE table_name = 'ivoa.ObsCore'"
    rows = {row["column_name"]: row for row in ask(server, query, service="gavo").rows}
    assert len(rows) == 36
    assert rows["t_min"] == {
        "column_name": "t_min",
        "datatype": "double",
        "unit": "d",
        "indexed": "1",
    }
    assert rows["access_estsize"]["unit"] == "kbyte"


def test_tap_schema_names_the_table(server: ReplayServer) -> None:
    query = "SELECT table_name FROM TAP_SCHEMA.tables WHERE LOWER(table_name) = 'ivoa.obscore'"
    assert ask(server, query).rows == [{"table_name": "ivoa.ObsCore"}]


def test_get_and_post_say_the_same(server: ReplayServer) -> None:
    query = "SELECT * FROM ivoa.ObsCore ORDER BY obs_publisher_did"
    assert ask(server, query).rows == ask(server, query, post=True).rows


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("DROP TABLE ivoa.ObsCore", "SELECT"),
        ("SELECT * FROM ivoa.ObsCore GROUP BY obs_id", "the end of the query"),
        (
            "SELECT * FROM ivoa.ObsCore WHERE 1=CONTAINS(POINT(1,2), s_region)",
            "expected",
        ),
        ("SELECT * FROM ivoa.ObsCor", "ivoa.obscore"),
        ("SELECT obs_idd FROM ivoa.ObsCore", "did you mean obs_id"),
        ("SELECT * FROM ivoa.ObsCore WHERE obs_id > 5", "types differ"),
        ("SELECT * FROM ivoa.ObsCore WHERE obs_id = 'open", "is not ADQL"),
        ("SELECT * FROM ivoa.ObsCore WHERE " + "(" * 5000, "parentheses"),
        ("SELECT * FROM ivoa.ObsCore WHERE " + "a" * 30_000, "characters"),
        ("SELECT * FROM ivoa.ObsCore WHERE obs_id = '<&\x00'  ;", "is not ADQL"),
    ],
)
def test_a_query_outside_the_family_is_an_error_in_a_votable(server: ReplayServer, query: str, word: str) -> None:
    answer = ask(server, query, post=True)
    assert answer.states == ["ERROR"]
    assert word in answer.message


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"MAXREC": "-1"}, "MAXREC"),
        ({"MAXREC": "many"}, "MAXREC"),
        ({"LANG": "SQL"}, "LANG"),
        ({"RESPONSEFORMAT": "csv"}, "votable/td"),
        ({"REQUEST": "getCapabilities"}, "doQuery"),
        ({"QUERY": ""}, "QUERY"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(server: ReplayServer, parameters: dict[str, str], word: str) -> None:
    form = {"LANG": "ADQL", "QUERY": "SELECT obs_id FROM ivoa.ObsCore", **parameters}
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{server.url}/gavo/tap/sync?{urlencode(form)}", timeout=10)
    with caught.value as reply:
        answer = Answer(reply.read())
        assert (reply.code, answer.states) == (400, ["ERROR"])
    assert word in answer.message


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere/tap/sync", "/gavo/tap/async", "/gavo/tap/sync/../../x", "/%00"],
)
def test_an_unknown_path_is_404(server: ReplayServer, path: str) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(server.url + quote(path, safe="/%"), timeout=10)
    caught.value.close()
    assert caught.value.code == 404


def test_capabilities_name_this_server_its_limit_and_its_only_format(
    server: ReplayServer,
) -> None:
    with urlopen(f"{server.url}/gavo/tap/capabilities", timeout=10) as reply:
        root = etree.fromstring(reply.read())
    assert {url.text for url in root.iter("accessURL")} == {
        f"{server.url}/gavo/tap",
        f"{server.url}/gavo/tap/capabilities",
    }
    assert [element.text for element in root.iterfind(".//outputLimit/*")] == [
        "100",
        "100",
    ]
    assert [element.text for element in root.iterfind(".//outputFormat/alias")] == ["votable/td"]


def test_requests_are_remembered_with_their_rows() -> None:
    with ReplayServer(PACK, limit=250) as server:
        assert [len(page) for page in pages(server, 250)] == [250, 250]
        assert [asked.rows for asked in server.asked] == [250, 250]
        assert server.asked[1].parameters["MAXREC"] == "250"


def test_many_clients_are_answered_at_once(server: ReplayServer) -> None:
    counts: list[str] = []

    def count() -> None:
        counts.append(ask(server, "SELECT COUNT(*) AS n FROM ivoa.ObsCore").rows[0]["n"])

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == ["500"] * 8


def test_a_server_that_has_stopped_has_no_address() -> None:
    with ReplayServer(PACK) as server:
        url = server.url
    with pytest.raises(ConfigError, match="not running"):
        _ = server.url
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{url}/gavo/tap/capabilities", timeout=5)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recorded TAP service"):
        ReplayServer(tmp_path)


def test_pyvo_reads_the_service(server: ReplayServer) -> None:
    pyvo = pytest.importorskip("pyvo", reason="the independent client of the VO is not installed")
    service = pyvo.dal.TAPService(f"{server.url}/gavo/tap")
    assert service.hardlimit == 100
    results = service.run_sync("SELECT * FROM ivoa.ObsCore ORDER BY obs_publisher_did")
    assert (len(results), results.query_status) == (10, "OK")
    assert results[0]["s_region"].startswith("Polygon ICRS")
    cut = pyvo.dal.TAPService(f"{server.url}/synthetic/tap").run_sync("SELECT * FROM ivoa.ObsCore", maxrec=10)
    assert (len(cut), cut.query_status) == (10, "OVERFLOW")
    with pytest.raises(pyvo.dal.DALQueryError, match="did you mean"):
        service.run_sync("SELECT obs_idd FROM ivoa.ObsCore")
