"""What is shown, and what is kept of it."""

from __future__ import annotations

import pytest

from discovery.people import proofs


def test_a_secret_has_256_bits_and_is_never_the_same() -> None:
    made = {proofs.secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(each) for each in made} == {43}


def test_what_is_kept_does_not_tell_what_was_shown() -> None:
    assert proofs.digest("a") != proofs.digest("b")
    assert len(proofs.digest("\ud800")) == 64


def test_the_key_of_forms_does_not_tell_the_session() -> None:
    assert proofs.form_key("a") != proofs.form_key("b")
    assert "a" * 40 not in proofs.form_key("a" * 40)
    assert proofs.form_key("a") != proofs.digest("a")


def test_texts_are_compared_whatever_they_are() -> None:
    assert proofs.same("é", "é")
    assert not proofs.same("é", "e")
    assert not proofs.same("", "\ud800")


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", ""),
        ("abc", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearerabc", ""),
        ("", ""),
        ("Bearer " + "a" * 501, ""),
    ],
)
def test_only_bearers_are_read_and_none_that_is_longer_than_any_of_ours(header: str, shown: str) -> None:
    assert proofs.bearer(header) == shown
