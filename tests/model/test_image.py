"""Names of container images are read as registries read them."""

from __future__ import annotations

import time

import pytest

from discovery.model.image import Image, parse, pinned

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("ubuntu", Image("docker.io", "library/ubuntu")),
        ("jupyter/base-notebook:latest", Image("docker.io", "jupyter/base-notebook", "latest")),
        ("localhost/x", Image("localhost", "x")),
        ("localhost:5000/x:1", Image("localhost:5000", "x", "1")),
        (f"quay.io/a/b.c__d-e:V1.0_x@{DIGEST}", Image("quay.io", "a/b.c__d-e", "V1.0_x", DIGEST)),
        (f"r.example@{DIGEST}", Image("docker.io", "library/r.example", "", DIGEST)),
        (f"r.example:5/x@sha512:{'ab' * 64}", Image("r.example:5", "x", "", f"sha512:{'ab' * 64}")),
    ],
)
def test_names_are_taken_apart(text: str, image: Image) -> None:
    assert parse(text) == image
    assert parse(str(image)) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "https://quay.io/a",
        "quay.io/",
        "quay.io//a",
        "quay.io/A",
        "a b",
        "a:",
        "a:-x",
        f"a:{'x' * 129}",
        "a@",
        "a@sha256:12",
        f"a@{DIGEST.upper()}",
        f"a@{DIGEST}@{DIGEST}",
        f"a@md5:{'0' * 32}",
        "a/../b",
        "a/./b",
        ".a/b",
        "-x/y",
        "quay.io:port/a",
        "a\nb",
        "a/b\0",
        "quay.io/a:1;rm -rf /",
        "$(x)",
        "é",
        "x" * 300,
        "a___b",
        "a/b/",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"has|is an address"):
        parse(text)


def test_a_name_without_digest_says_which_bytes_nobody_knows() -> None:
    with pytest.raises(ValueError, match="has no digest"):
        pinned("quay.io/a/b:1")
    assert pinned(f"a/b@{DIGEST}") == f"docker.io/a/b@{DIGEST}"


@pytest.mark.parametrize(
    "text", ["a" * 200 + "!/x", "a." * 100 + "!/x", "x/" + "a-" * 120 + "!", "a" * 100_000, "a:" * 50_000]
)
def test_no_name_takes_long(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="has"):
        parse(text)
    assert time.process_time() - began < 1
