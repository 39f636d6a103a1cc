"""Maps of tables: what a map may say, and that every shipped one says where it was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError
from harvesters.table_map import FIELDS, QUANTITIES, load, read, shipped, variables

SMALL = """
name = "small"
table = "a.b"
id = "x"
[fields]
title = "t"
"""


def test_a_map_is_read() -> None:
    table = read(
        """
        name = "small"
        table = "a.b"
        id = "x"
        where = "x IS NOT NULL"
        window = "mjd"
        bin = 30
        modified = ["changed"]
        group = "g"
        apart = ["u", "v"]
        [fields]
        title = ["t", { template = "{a} {b}" }]
        start = { column = "mjd", as = "mjd" }
        size = { column = "s", unit = "MB" }
        keyword = { column = "k", separator = ";", values = { a = "b" } }
        """,
        "here",
    )
    assert (table.name, table.table, table.id, table.kind, table.verified) == (
        "small",
        "a.b",
        "x",
        "observation",
        False,
    )
    assert table.relation == "SELECT * FROM a.b WHERE x IS NOT NULL"
    assert (table.window, table.bin, table.modified, table.group, table.apart) == (
        "mjd", 30.0, ("changed",), "g", ("u", "v"),
    )  # fmt: skip
    assert table.columns == {"t", "a", "b", "mjd", "s", "k"}
    assert table.fields["size"][0].unit == "MB"
    assert table.fields["keyword"][0].values == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("this is none", "here:"),
        (SMALL.replace("[fields]", "tabel = 'a'\n[fields]"), "'tabel'; did you mean table?"),
        (SMALL.replace("title =", "titel ="), "did you mean title"),
        (SMALL + 'start = { colum = "a" }', "did you mean column"),
        (SMALL + 'start = { column = "a", as = "unix" }', "'unix' is not one of iso, mjd, jd"),
        (SMALL + 'size = { column = "a", unit = "furlong" }', "'furlong' is not one of byte"),
        (SMALL + 'fov = { column = "a", unit = "nm" }', "'nm' is not one of deg"),
        (SMALL + 'target = { column = "a", unit = "nm" }', "unit is only for fields such as ra"),
        (SMALL + 'target = { column = "a", as = "jd" }', "as is only for fields such as start"),
        (SMALL + 'level = { column = "a", separator = "," }', "separator is only for fields such as mission"),
        (SMALL + 'start = { value = "2020" }', "value gives no instant"),
        (SMALL + "start = {}", "it has none"),
        (SMALL + 'level = { column = "a", value = "b" }', "it has column, value"),
        (SMALL + "level = []", "is an empty list"),
        (SMALL + "level = 5", "is the name of a column"),
        (SMALL + 'level = "Not A Column"', "is no name such as observation_id"),
        (SMALL + 'level = { template = "{a!r}" }', "braces hold the name of a column"),
        (SMALL + 'level = { template = "{a.__class__}" }', "braces hold the name of a column"),
        (SMALL + 'level = { template = "{" }', "template = '{'"),
        (SMALL + 'level = { template = "a" }', "names no column"),
        (SMALL + 'level = { column = "a", values = { b = 1 } }', "values is a table of texts"),
        ('name = "A B"\n' + SMALL.replace('name = "small"', ""), "'A B' is no name such as ehst-files"),
        (SMALL.replace('"a.b"', '"a; DROP"'), "is no name such as ivoa.ObsCore"),
        (SMALL.replace('"x"', "5"), "id = 5 is not a text"),
        ('kind = "thing"' + SMALL, "kind = 'thing' is not one of dataset"),
        ("verified = 1" + SMALL, "verified = 1 is not true or false"),
        ("bin = 0" + SMALL, "bin = 0 is not a number above 0"),
        ('modified = "x"' + SMALL, "is not a list of columns"),
        ('relation = "DELETE FROM a"' + SMALL, "begins with SELECT"),
        ('relation = "SELECT a; SELECT b"' + SMALL, "without ; and comments"),
        ('relation = "SELECT a"\nwhere = "b"' + SMALL, "leave out where"),
        ('name = "n"\ntable = "t"\nid = "i"', "[fields] must say"),
    ],
)
def test_what_is_no_map_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, "here")
    assert str(caught.value).startswith("here:")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", list(shipped()))
def test_every_shipped_map_says_where_its_columns_were_read(name: str) -> None:
    table = shipped()[name]
    assert table.name == name
    assert table.about.endswith((".", ")"))
    assert any(
        origin in table.read_in for origin in ("astropy/astroquery 2e8c636b", "sunpy/sunpy-soar bd8ecdc8", "IVOA")
    )
    assert table.service.startswith(("https://", "http://")) or name == "tap-tables"
    # What a query does not select cannot be mapped.
    selected = table.relation.lower()
    if "join" in selected:
        listed = {part.strip().rpartition(".")[2] for part in selected[7 : selected.index(" from ")].split(",")}
        wanted = {table.id, *table.apart, *filter(None, (table.window, table.group))}
        wanted |= {name for name in table.columns if not _is_alternative(name)}
        assert wanted <= listed


def _is_alternative(column: str) -> bool:
    """Columns under names that only older answers had."""
    return column == "proposal_title"


def test_a_map_is_found_by_name_or_by_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL)
    assert load("ehst") is shipped()["ehst"]
    assert load("mine.toml", tmp_path).name == load(f"file:{tmp_path / 'mine.toml'}").name == "small"


def test_a_map_that_is_not_there_is_named_with_near_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no map 'ehst-file'.*ehst-files"):
        load("ehst-file")
    with pytest.raises(ConfigError, match="cannot be read"):
        load("none.toml", tmp_path)
    (tmp_path / "long.toml").write_text("#" * 200_001)
    with pytest.raises(ConfigError, match="longer than"):
        load("long.toml", tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        load("bytes.toml", tmp_path)


def test_a_template_names_its_columns() -> None:
    assert variables("https://a/{b}?c={d_1}") == ["b", "d_1"]


def test_every_quantity_is_a_field_in_a_unit_that_it_may_have() -> None:
    for name, (usual, allowed) in QUANTITIES.items():
        assert FIELDS[name] == "quantity"
        assert usual.lower() in allowed
