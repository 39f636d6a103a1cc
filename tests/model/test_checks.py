"""Single values of documents: what may be is kept in its shortest form, everything else is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from discovery.model import checks
from discovery.model.record import record_id

REFUSED = [
    (checks.slug, ["", "A", "a b", "-a", "a-", "a--b", "../a", "a/b", "é", "a" * 65, "a\n", "."]),
    (
        checks.web,
        [
            "",
            "x",
            "ftp://a.b",
            "javascript:alert(1)",
            "http://",
            "https://u:p@h/x",
            "https://h/x?X-Amz-Signature=a&X-Amz-Credential=b",
            "https://h/a b",
            "https://h/\n",
            "//h/x",
            "https://[",
            "https://h:port/",
            "data:text/html,x",
            "file:///etc/passwd",
        ],
    ),
    (checks.root, ["https://h/x?y=1", "https://h/x#y"]),
    (checks.bucket_root, ["https://h/x", "s3://", "s3://b/../c", "s3://b/?versionId=1", "s3://k:s@b/x"]),
    (
        checks.mail,
        [
            "",
            "a",
            "@b",
            "a@",
            "a@b c",
            "a b@c",
            "<a@b.org>",
            "a@b@c",
            "a,b@c.org",
            "a@b.org\n",
            "a..b@c.org",
            "mailto:a@b.org",
        ],
    ),
    (checks.license, ["", "nope", "MIT AND", "x" * 300]),
    (checks.reference, ["", "abc", "https://h/x", "a::", ":b:c", "abcdefgh1234567!"]),
    (checks.doi, ["", "x", "10.1/x", "10.5270/", "https://doi.org/"]),
]
MOUNTS = [
    "",
    "/",
    "//",
    "media/x",
    "../x",
    "/media/../etc",
    "/..",
    "/media/data/..",
    "/etc",
    "/etc/passwd",
    "/proc/1",
    "/usr/share/x",
    "/dev/null",
    "/root" + "/x",
    "/var/run",
    "/home",
    "/tmp",
    "/media",
    "/mnt/",
    "{home}",
    "{home}/",
    "{home}/../x",
    "/a/{home}",
    "/x/{pass}",
    "/x/{slug",
    "/x/}",
    "{slug}",
    "{slug}/x",
    "/{slug}",
    "/{user}/x",
    "C:\\data",
    "/media\\x",
    "/media/-rf",
    "/media/x\0",
    "/media/x\ny",
    "/x{{slug}}",
    "/" + "a" * 1001,
    "/media/\u202ex",
    "~/x",
    "$HOME/x/../..",
    "{home}x/y",
]


@pytest.mark.parametrize(("check", "text"), [(check, each) for check, texts in REFUSED for each in texts])
def test_what_cannot_be_is_refused(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r"is|has|holds|names"):
        check(text)


@pytest.mark.parametrize("text", MOUNTS)
def test_no_mount_leaves_or_hides_what_is_not_its_own(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|has|may name|would hide"):
        checks.mount(text)


@pytest.mark.parametrize(
    ("check", "text", "kept"),
    [
        (checks.slug, "hst-nicmos_2.0", "hst-nicmos_2.0"),
        (checks.web, "https://example.org/a?b=c", "https://example.org/a?b=c"),
        (checks.bucket_root, "s3://eodata/Sentinel-2/", "s3://eodata/Sentinel-2/"),
        (checks.mail, "help.desk+x@esa.example.org", "help.desk+x@esa.example.org"),
        (checks.mount, "/media//data/./{slug}/", "/media/data/{slug}"),
        (checks.mount, "{home}/data/{slug}", "{home}/data/{slug}"),
        (checks.mount, "/eodata", "/eodata"),
        (checks.mount, "/data/user/{user}/x", "/data/user/{user}/x"),
        (checks.license, "mit", "MIT"),
        (checks.license, "Apache-2.0 or LicenseRef-ESA", "Apache-2.0 OR LicenseRef-ESA"),
        (checks.license, "https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        (checks.mission, "HST", "astronomy/hubble"),
        (checks.mission, "my/own", "my/own"),
        (checks.reference, "abcdefgh22223333", "abcdefgh22223333"),
        (checks.reference, "https://p.example.org/records/abcdefgh22223333?f=json", "abcdefgh22223333"),
        (checks.reference, "s:c:i:d", record_id("s", "c", "i:d")),
        (checks.reference, "s::i", record_id("s", "", "i")),
        (checks.volume_reference, "euclid-q1", record_id("portal", "volumes", "euclid-q1")),
        (checks.volume_reference, "s:c:i", record_id("s", "c", "i")),
        (checks.doi, "https://doi.org/10.5270/esa-8nfsmyt", "10.5270/esa-8nfsmyt"),
    ],
)
def test_what_may_be_is_kept_in_its_shortest_form(check: Callable[[str], str], text: str, kept: str) -> None:
    assert check(text) == kept
    assert check(kept) == kept


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/media/data/{slug}", "/media/data/x"),
        ("{home}/data/{slug}", "/home" + "/ada/data/x"),
        ("/data/{user}/x", "/data/ada/x"),
    ],
)
def test_templates_mean_paths(template: str, path: str) -> None:
    assert checks.expanded(template, slug="x", user="ada", home="/home/ada") == path


@pytest.mark.parametrize("user", ["", "..", ".", "a/b", "../..", "a\0", "a\n"])
def test_no_name_of_somebody_leads_elsewhere(user: str) -> None:
    assert checks.expanded("/data/{user}/x", slug="x", user=user, home="/h") == ""
