from __future__ import annotations

import json
from collections.abc import Callable

from discovery.launch.opening import Around, Opening, opening
from discovery.launch.rules import shipped
from discovery.model.record import Asset, Record

Open = Callable[[Record], Opening]
Make = Callable[..., Record]


def test_the_demo_has_its_volumes_and_datalabs(around: Around) -> None:
    assert (len(around.volumes), len(around.datalabs)) == (23, 38)
    elsewhere = {each.mount_path for each in around.volumes if not each.mount_path.startswith("/media/data/")}
    assert elsewhere == {"/eodata"}


def test_data_and_volumes_can_be_opened_and_words_cannot(open_: Open, make: Make) -> None:
    volume = Record("s", "", "v", "volume", "V", properties={"mount_path": "/media/data/v"})
    assert open_(make(Asset("https://x.example/a.nc"))).is_openable
    assert open_(volume).is_openable
    assert open_(volume).mount_path == "/media/data/v"
    assert not open_(make()).is_openable
    assert not open_(make(Asset("https://x.example/page.html"))).is_openable


def test_an_empty_catalogue_still_opens_a_file(make: Make) -> None:
    ways = opening(make(Asset("https://x.example/a.nc")), shipped(), Around())
    assert (len(ways.files), ways.volumes, ways.datalabs) == (1, (), ())


def test_the_ways_are_told_as_json(open_: Open, hubble: Record) -> None:
    found = json.loads(json.dumps(open_(hubble).to_dict()))
    assert found["openable"] is True
    assert found["files"][0]["places"][0]["rule"] == "ehst-fits"
    assert found["volumes"][0]["mount_path"] == "/media/data/hst_stis"
    assert {"id", "title", "interface", "reason", "start"} == set(found["datalabs"][0])
