"""A datalab's document becomes a record and comes back from it, but for what is private."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.model import datalab_document
from discovery.model.datalab import Datalab
from discovery.model.record import Record, record_id

IMAGE = f"quay.io/esa/euclid:1.4@sha256:{'ab' * 32}"
FULL: dict[str, Any] = {
    "name": "JupyterLab for Euclid",
    "alternate_name": "jl-euclid",
    "abstract": "Tools for *Euclid*.",
    "contact": {"email": "help@euclid.example.org", "name": "Euclid desk", "url": "https://help.example.org"},
    "creator": ["Ada Lovelace", "ESAC"],
    "version": "1.4",
    "image": IMAGE,
    "interface": "lab",
    "domain": "space-science",
    "missions": ["astronomy/euclid"],
    "opens": ["application/fits"],
    "license": "Apache-2.0",
    "tags": ["euclid"],
    "tools": [{"name": "astropy", "version": "7.0"}, {"name": "SAOImage DS9", "url": "https://ds9.example.org"}],
    "volumes": [record_id("portal", "volumes", "euclid-q1")],
    "datasets": [record_id("s", "c", "i")],
    "zones": ["sci-cloud"],
    "documentation": "https://docs.example.org",
    "source": "https://git.example.org/euclid",
    "notebooks": ["https://git.example.org/euclid/raw/first.ipynb"],
    "provider": "ESAC",
    "capabilities": ["Analysis Tool"],
    "doi": "10.5270/esa-8nfsmyt",
    "example": True,
}
LEAST = {name: FULL[name] for name in ("name", "alternate_name", "abstract", "contact", "creator", "version")}


def test_a_document_comes_back_from_its_record_without_the_address() -> None:
    values, problems = datalab_document.check(FULL)
    assert problems == ()
    assert values == FULL
    record = datalab_document.to_record(values)
    shown = {**FULL, "contact": {"name": "Euclid desk", "url": "https://help.example.org"}}
    assert datalab_document.from_record(record) == shown
    assert datalab_document.from_record(Record.from_json(record.to_json())) == shown
    assert b"help@euclid" not in record.to_json()


def test_the_record_says_what_is_needed_to_start_it() -> None:
    lab = Datalab.from_record(datalab_document.to_record(datalab_document.check(FULL)[0]))
    assert (lab.image, lab.interface, lab.version, lab.license) == (IMAGE, "lab", "1.4", "Apache-2.0")
    assert lab.tools == ("astropy (7.0)", "SAOImage DS9 <https://ds9.example.org>")
    assert (lab.zones, lab.volumes, lab.datasets) == (("sci-cloud",), tuple(FULL["volumes"]), tuple(FULL["datasets"]))
    assert lab.runs_notebooks
    assert "jl-euclid" in lab.names


def test_the_names_of_meta_data_yaml_are_understood() -> None:
    given = {"title": "T", "alternateName": "t", "abstract": "A", "contactPoint": "a@b.org", "creator": "C",
             "version": 1.0, "keywords": ["k"], "type": "desktop", "softwareHelp": "https://h.org/x"}  # fmt: skip
    values, problems = datalab_document.check(given)
    assert problems == ()
    assert values == {"name": "T", "alternate_name": "t", "abstract": "A", "contact": {"email": "a@b.org"},
                      "creator": ["C"], "version": "1.0", "interface": "desktop", "tags": ["k"],
                      "documentation": "https://h.org/x"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": "quay.io/esa/euclid:1.4"}, "image has no digest"),
        ({"image": "https://quay.io/x"}, "image is an address"),
        ({"interface": "url"}, "url is missing, and the interface is a page of its own"),
        ({"contact": {"name": "x"}}, "contact.email is missing"),
        ({"licence": "MIT"}, "licence is no name here; did you mean license"),
        ({"license": "free"}, "license 'free' is no licence of SPDX"),
        ({"tools": [{"version": "1"}]}, "tools[1].name is missing"),
        ({"url": "javascript:alert(1)"}, "url 'javascript:alert(1)' is no address"),
        ({"capabilities": ["Magic"]}, "capabilities[1] 'Magic' is not one of"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    problems = [str(each) for each in datalab_document.check(LEAST | change)[1]]
    assert any(each.startswith(told) for each in problems), problems


def test_a_draft_may_lack_almost_everything() -> None:
    assert datalab_document.check({"name": "Later", "interface": "url"}, complete=False)[1] == ()
