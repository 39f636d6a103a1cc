from __future__ import annotations

from collections.abc import Callable

import pytest

from discovery.launch.matching import holdings, matches
from discovery.launch.opening import Opening
from discovery.model.datalab import Datalab
from discovery.model.record import Asset, Record
from discovery.model.volume import Volume

Open = Callable[[Record], Opening]
Make = Callable[..., Record]


def volumes(ways: Opening) -> list[tuple[str, str]]:
    return [(each.volume.mount_path, each.reason) for each in ways.volumes]


def datalabs(ways: Opening) -> dict[str, str]:
    return {each.datalab.title: each.reason for each in ways.datalabs}


def test_the_volume_of_a_file_comes_before_those_of_its_mission(open_: Open, hubble: Record) -> None:
    assert volumes(open_(hubble)) == [("/media/data/hst_stis", "path")]


def test_a_volume_of_the_mission_is_named_unless_its_instrument_is_another(open_: Open, make: Make) -> None:
    foc = make(missions=("astronomy/hubble",), instruments=("FOC",))
    assert volumes(open_(foc)) == [("/media/data/hst_foc", "mission")]
    assert len(volumes(open_(make(missions=("astronomy/hubble",))))) == 7
    assert volumes(open_(make(missions=("astronomy/hubble",), instruments=("WFC3",)))) == []


def test_a_volume_of_a_whole_branch_is_not_named(open_: Open, make: Make) -> None:
    assert volumes(open_(make(missions=("astronomy/iso",)))) == []
    assert volumes(open_(make(missions=()))) == []


def test_datalabs_of_the_mission_come_first(open_: Open, make: Make) -> None:
    record = make(Asset("https://x.example/a.fits"), missions=("astronomy/jwst",), domain="space-science")
    found = datalabs(open_(record))
    assert list(found)[:4] == [
        "JupyterLab for JWST", "JupyterLab for JWST (MIRACLE)", "JupyterLab for JWST (NIPS)",
        "JupyterLab for JWST (NSRT)",
    ]  # fmt: skip
    assert found["JupyterLab"] == "notebook"
    assert found["FITS Viewer (fv)"] == "format"
    assert "JupyterLab for Herschel" not in found
    assert "FileZilla" not in found


def test_tools_are_offered_for_what_they_open(open_: Open, make: Make) -> None:
    table = datalabs(open_(make(Asset("https://x.example/a.vot"))))
    assert "TOPCAT" in table
    assert "FITS Viewer (fv)" not in table
    assert "TOPCAT" in datalabs(open_(make(formats=("image/fits",))))


def test_a_mission_tool_without_notebooks_needs_the_format(open_: Open, make: Make) -> None:
    name = "XMM-Newton Science Analysis Software (SAS)"
    fits = make(Asset("https://x.example/a.fits"), missions=("astronomy/xmm-newton",))
    assert datalabs(open_(fits))[name] == "mission"
    assert name not in datalabs(open_(make(Asset("https://x.example/a.pdf"), missions=("astronomy/xmm-newton",))))


@pytest.mark.parametrize("formats", [("FITS",), ("image/fits",), ("fits", "GeoTIFF")])
def test_a_datalab_that_lists_formats_is_believed(formats: tuple[str, ...], make: Make, open_: Open) -> None:
    lab = Datalab("id", "Lab", "web", formats=formats, names=frozenset({"x-topcat"}))
    fits, table = (open_(make(Asset(f"https://x.example/a.{end}"))) for end in ("fits", "vot"))
    assert [each.reason for each in matches(fits.record, fits.files, [lab])] == ["format"]
    assert matches(table.record, table.files, [lab]) == ()


@pytest.mark.parametrize("kind", ["datalab", "volume", "service", "document"])
def test_nobody_opens_what_is_no_data(kind: str, make: Make, open_: Open) -> None:
    record = make(Asset("https://x.example/a.fits"), kind=kind, missions=("astronomy/jwst",))
    assert open_(record).datalabs == ()


def test_a_volume_that_names_the_record_or_its_dataset_is_named_before_those_of_the_mission(make: Make) -> None:
    record = make(missions=("astronomy/hubble",), dataset="abcdefgh22223333")
    said = [
        Volume("a", "A", missions=("astronomy/hubble",)),
        Volume("b", "B", datasets=("abcdefgh22223333",)),
        Volume("c", "C", missions=("astronomy/hubble",), datasets=(record.id,)),
        Volume("d", "D", datasets=("zzzzzzzz22223333",)),
    ]
    found = [(each.volume.id, each.reason) for each in holdings(record, (), said)]
    assert found == [("b", "holds"), ("c", "holds"), ("a", "mission")]


def test_a_datalab_has_the_volumes_that_it_names_itself(make: Make) -> None:
    lab = make(kind="datalab", missions=("astronomy/hubble",), properties={"volumes": ["ccf", "abcdefgh22223333"]})
    said = [
        Volume("a", "A", missions=("astronomy/hubble",)),
        Volume("abcdefgh22223333", "B"),
        Volume("c", "C", slug="ccf"),
    ]
    found = [(each.volume.id, each.reason) for each in holdings(lab, (), said)]
    assert found == [("abcdefgh22223333", "works"), ("c", "works")]


def test_a_datalab_that_was_made_for_the_dataset_comes_first_whatever_its_mission(make: Make) -> None:
    record = make(missions=("astronomy/hubble",), dataset="abcdefgh22223333")
    labs = [
        Datalab("a", "A", "lab", missions=("astronomy/hubble",)),
        Datalab("b", "B", "desktop", missions=("astronomy/gaia",), datasets=("abcdefgh22223333",)),
        Datalab("c", "C", "lab", missions=("astronomy/gaia",)),
    ]
    assert [(each.datalab.id, each.reason) for each in matches(record, (), labs)] == [
        ("b", "dataset"),
        ("a", "mission"),
    ]
