from __future__ import annotations

import subprocess
import sys
import time

import pytest

from discovery.errors import ConfigError
from discovery.query import names
from discovery.query.names.table import FILES, Table, key, table, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M31", "m 31"),
        ("  Messier   31 ", "m 31"),
        ("NGC0224", "ngc 224"),
        ("Île d\u2019Oléron", "ile doleron"),
        ("Saint-Denis", "st denis"),
        ("\u03b1 Ori", "alpha ori"),
        ("意大利", "意 大 利"),
        ("Sgr A*", "sgr a"),
        ("0", "0"),
        ("", ""),
        ("\u202eylatI\u0000", "ylati"),
    ],
)
def test_names_are_compared_without_what_people_leave_out(text: str, expected: str) -> None:
    assert key(text) == expected
    assert " ".join(words(text)) == expected


@pytest.mark.slow
def test_every_line_is_found_again_by_its_own_name_and_frame() -> None:
    for each in table():
        assert each.kind in names.KINDS
        assert names.near(each.name, frame=each.frame) == each.region, each.name


def test_every_box_and_cone_is_one_that_can_be_asked_for() -> None:
    for each in table():
        assert bool(each.cone) != bool(each.boxes), each.name
        for west, south, east, north in each.boxes:
            assert -180 <= west <= 180, each.name
            assert -180 <= east <= 180, each.name
            assert -90 <= south < north <= 90, each.name
        if each.cone:
            lon, lat, radius = each.cone
            assert 0 <= lon < 360, each.name
            assert -90 <= lat <= 90, each.name
            assert 0.1 <= radius <= 180, each.name


def test_the_table_is_small_and_quickly_read() -> None:
    table.cache_clear()
    began = time.process_time()
    found = table()
    assert time.process_time() - began < 7
    assert 20_000 < len(found.lines) < 25_000


def test_a_beginning_gives_the_best_known_first_and_always_the_same() -> None:
    first = [each.name for each in table().beginning("med", 5)]
    assert first[0] == "Mediterranean Sea"
    known = table()
    turned = Table(known.lines, known.ranks, dict(reversed(known.index.items())), known.ordered)
    assert first == [each.name for each in turned.beginning("med", 5)]


def test_what_is_called_exactly_so_comes_before_what_only_begins_so() -> None:
    assert table().beginning("ngc 1", 1)[0].name == "NGC 1"
    assert [each.matched for each in table().beginning("crab", 3)] == ["name", "beginning", "beginning"]


def test_a_line_of_another_form_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigError, match=r"mine\.tsv line 2 has 1 fields"):
        Table.read([("mine.tsv", "A\tcity\t1,2,3,4\nB\n")])


def test_a_name_that_counts_only_alone_is_marked_by_a_tilde() -> None:
    mine = Table.read([("regions.tsv", "~Java\tisland\t105,-9,114,-5\tJava Island|~Jawa\n")])
    assert [each.name for each in mine.exact("java")] == ["Java"]
    assert mine.exact("java", alone=False) == []
    assert [each.matched for each in mine.exact("java island", alone=False)] == ["alias"]


@pytest.mark.slow
def test_nothing_is_read_before_somebody_asks() -> None:
    code = "import discovery.query.names.table as t; assert t.table.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_files_say_where_they_come_from() -> None:
    from importlib.resources import files

    folder = files("discovery.query.names") / "data"
    origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in origin for name in FILES)
    assert (folder / "LICENSE.d3-celestial.txt").is_file()
