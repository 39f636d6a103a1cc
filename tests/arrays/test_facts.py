from __future__ import annotations

import orjson
import pytest

from discovery.arrays import facts
from discovery.arrays.facts import Look, Picture, Structure, Variable

VARIABLE = Variable("r60m/b02", "b02", "blue", "1", "uint16", ("y", "x"), (183, 183), (61, 61), (), 66978, 7442)
PICTURE = Picture(
    "r60m/b02", "b02", "blue", "W", "all 183 x 183 cells", 366, 366, 0.25, 0.5, 0.1, "viridis", b"\x89PNG"
)
LOOK = Look(
    facts.READ,
    "https://a.example/x.zarr",
    structure=Structure(2, True, (VARIABLE,), groups=("r60m",), levels=("r10m", "r60m"), size=66978),
    picture=PICTURE,
    picture_state=facts.READ,
    fingerprint="f",
)


def test_a_look_travels_to_another_process_and_back_as_json() -> None:
    assert Look.unpacked(orjson.loads(orjson.dumps(LOOK.packed()))) == LOOK
    assert Look.unpacked(orjson.loads(orjson.dumps(Look(facts.SLOW).packed()))) == Look(facts.SLOW)


def test_json_for_readers_has_everything_but_the_bytes_of_the_picture() -> None:
    told = LOOK.to_dict()
    assert orjson.loads(orjson.dumps(told)) == told
    assert "png" not in told["quicklook"]
    assert told["structure"]["variables"][0]["dims"] == ["y", "x"]


def test_the_alternative_text_says_what_is_seen_in_which_colours_and_units() -> None:
    assert PICTURE.alt == (
        "Quicklook of b02 (blue): all 183 x 183 cells. "
        "Colours: viridis, from 0.25 (dark) to 0.5 W (bright); missing is transparent."
    )


@pytest.mark.parametrize("state", sorted(facts.STATES))
def test_every_state_is_said_in_words(state: str) -> None:
    assert Look(state, detail="it has 9 bytes.").message == f"{facts.STATES[state]} It has 9 bytes."
    assert Look(state).picture_message


def test_a_store_that_cannot_be_read_says_the_same_of_its_picture() -> None:
    found = Look(facts.REFUSED, detail="it answers 403.")
    assert found.picture_message == found.message
    assert found.to_dict()["quicklook_state"] == facts.REFUSED
