"""Units and calendars of the tables that archives publish, each by a value that is known elsewhere."""

from __future__ import annotations

import pytest

from harvesters.cells import Cells, data_asset, location, ordered
from harvesters.document import MAX_TAIL, Notes, tail


def cells(value: str, unit: str = "") -> tuple[Cells, Notes]:
    notes = Notes()
    return Cells({"x": value}, {"x": unit} if unit else {}, notes), notes


@pytest.mark.parametrize(
    ("read", "value", "unit", "expected"),
    [
        # J2000.0 is 2000-01-01T12:00 of that day: the same instant in both calendars.
        ("jd", "2451545.0", "", 946_728_000_000),
        ("mjd", "51544.5", "", 946_728_000_000),
        ("jd", "2440587.5", "d", 0),
        ("mjd", "40587", "d", 0),
        ("instant", "2000-01-01T12:00:00", "", 946_728_000_000),
        ("instant", "1999-07-24 14:14:57.27", "", 932_825_697_270),
        # Visible light: 500 nm, 599.58 THz and 2.4797 eV are one wavelength; 1 keV is 1.2398 nm.
        ("metres", "500", "nm", 5e-7),
        ("metres", "5e-7", "m", 5e-7),
        ("metres", "5000", "Angstrom", 5e-7),
        ("metres", "599584916000000", "Hz", 5e-7),
        ("metres", "599.584916", "THz", 5e-7),
        ("metres", "2.479683968664", "eV", 5e-7),
        ("metres", "1", "keV", 1.239841984e-9),
        ("metres", "713.5", "nm", 7.135e-7),
        ("metres", "0", "Hz", None),
        ("degrees", "3600", "arcsec", 1.0),
        ("degrees", "0.712305333", "hour", 10.684579995),
        ("arcseconds", "1", "arcmin", 60.0),
        ("arcseconds", "0.5", "", 0.5),
        ("seconds", "2", "h", 7200.0),
        ("seconds", "-1", "", None),
        ("bytes", "2", "kbyte", 2000),
        ("bytes", "2", "", 2),
        ("bytes", "-1", "", None),
        ("number", "1e3", "", 1000.0),
        ("number", "", "", None),
    ],
)
def test_a_number_is_read_in_its_unit(read: str, value: str, unit: str, expected: float | None) -> None:
    found, notes = cells(value, unit)
    out = getattr(found, read)("x")
    assert out is None if expected is None else out == pytest.approx(expected, rel=1e-9)
    assert notes.issues == ()


@pytest.mark.parametrize(
    ("read", "value", "unit", "code"),
    [
        ("mjd", "many", "", "not-a-number"),
        ("jd", "inf", "", "not-a-number"),
        ("jd", "1e300", "", "not-a-number"),
        ("metres", "-5", "nm", "not-a-number"),
        ("metres", "5", "furlong", "not-a-number"),
        ("seconds", "5", "yr", "not-a-number"),
        ("bytes", "1e400", "", "not-a-number"),
        ("instant", "last week", "", "bad-date"),
        ("region", "Blob 1 2", "", "bad-region"),
        ("region", "Union (Circle 1 2 3 Not (Circle 1 2 1))", "", "approximate-region"),
    ],
)
def test_what_cannot_be_read_is_an_issue_with_its_column(read: str, value: str, unit: str, code: str) -> None:
    found, notes = cells(value, unit)
    out = getattr(found, read)("x")
    assert (out is None) is (code != "approximate-region")
    assert [(issue.code, issue.path) for issue in notes.issues] == [(code, "x")]


def test_the_unit_beside_the_column_counts_before_the_usual_one() -> None:
    row = {"a": "1", "b": "1"}
    found = Cells(row, {"a": "km"}, Notes(), {"a": "mm", "b": "mm"})
    assert (found.metres("a"), found.metres("b")) == (1000.0, 1e-3)


def test_a_list_in_one_text_is_taken_apart() -> None:
    found, _ = cells(" Mars # Phobos##Mars ")
    assert found.words("x") == ("Mars", "Phobos")
    assert found.words("y") == ()


def test_an_interval_is_put_in_order_and_its_absence_is_said() -> None:
    found, notes = cells("")
    assert found.interval(2, 1, "x") == (1, 2)
    assert found.interval(1, None, "x") == (1, None)
    assert found.interval(None, None, "x") == (None, None)
    assert [issue.code for issue in notes.issues] == ["bad-interval", "no-time"]


def test_ranges_of_frequency_are_turned_round() -> None:
    assert ordered(2.0, 1.0) == (1.0, 2.0)
    assert ordered(1.0, 2.0) == (1.0, 2.0)
    assert ordered(None, 2.0) == (None, 2.0)


def test_an_address_keeps_no_secret() -> None:
    notes = Notes()
    assert "secret" not in location("https://me:secret@archive.example/a", notes, "x")
    assert location("https://s3.example/a?X-Amz-Signature=1&X-Amz-Expires=60", notes, "x") == ""
    assert location("https://archive.example/a", notes, "x") == "https://archive.example/a"
    assert [issue.code for issue in notes.issues] == ["secret-in-link", "signed-asset"]


def test_a_links_document_is_not_taken_for_the_data() -> None:
    links = data_asset("https://a.example/links", "application/x-votable+xml; content=datalink", None)
    assert (links.roles, data_asset("https://a.example/a.fits", "image/fits", 5).roles) == (("datalink",), ("data",))


@pytest.mark.parametrize(
    "row",
    [
        {"a": "1", "b": "2", "used": "3", "": "4", "n" * 100: "5", "n" * 101: "6"},
        {"a": "x" * 2000, "b": " \u2028 ", "c\x07": "1", "d\u2028": "2"},
        {f"n{number}": "1" for number in range(MAX_TAIL + 2)},
    ],
    ids=["names", "texts", "many"],
)
def test_columns_that_no_field_is_for_are_kept_as_properties_are(row: dict[str, str]) -> None:
    notes, others = Notes(), Notes()
    found = Cells(row, {}, notes).others({"used"})
    assert found == tail(((name, value) for name, value in row.items() if name != "used"), others)
    assert notes.issues == others.issues
