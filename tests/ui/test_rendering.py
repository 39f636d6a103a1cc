from __future__ import annotations

import json

from discovery.errors import ConflictError, LimitError, MovedError, UnavailableError, UnknownFieldError
from ui.rendering import HEADERS, Renderer, answer


def test_a_moved_record_is_followed_in_the_same_format() -> None:
    renderer = Renderer("T")
    assert renderer.error(MovedError("abc"), as_json=False).headers["location"] == "/records/abc"
    assert renderer.error(MovedError("abc"), as_json=True).headers["location"] == "/records/abc?f=json"


def test_an_error_says_when_to_come_back() -> None:
    for as_json in (True, False):
        response = Renderer("T").error(UnavailableError("busy", retry_after=0.2), as_json=as_json)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_an_error_as_json_names_what_to_change() -> None:
    response = Renderer("T").error(LimitError("page-size", "too many", parameter="size"), as_json=True)
    found = json.loads(bytes(response.body))["error"]
    assert (found["kind"], found["limit"], found["parameter"]) == ("limit", "page-size", "size")


def test_any_error_of_ours_has_a_page() -> None:
    assert b"This did not work" in bytes(Renderer("T").error(ConflictError("no"), as_json=False).body)


def test_a_message_is_text_on_its_page() -> None:
    error = UnknownFieldError("<script>", ["<b>scrip</b>"], parameter="x")
    body = bytes(Renderer("<i>T</i>").error(error, as_json=False).body)
    assert b"<script>" not in body
    assert b"<i>" not in body


def test_json_of_broken_text_is_still_json() -> None:
    response = answer({"text": "\ud800 ü"})
    assert json.loads(bytes(response.body)) == {"text": "\ud800 ü"}
    assert all(response.headers[name] == value for name, value in HEADERS.items())
