from __future__ import annotations

import pytest

from harvesters.index_page import links

URL = "https://h.org/waf/"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (b'<a href="a.xml">a</a><A HREF=b/>b</A>', ("a.xml", "b/")),
        (b'<a href="a.xml#x"></a><a href="a.xml"></a>', ("a.xml",)),
        (b'<a href="a%20b.xml">x</a><a href="/waf/c.xml?x=1&amp;y=2">', ("a%20b.xml", "c.xml?x=1&y=2")),
        (b'<a href="?C=N;O=D"><a href="/waf/?sort=name"><a href="../"><a href="/"><a href=".">', ()),
        (b'<a href="https://h.org/wafer/x"><a href="http://h.org/waf/x"><a href="javascript:x()">', ()),
        (b"<a name=x><a href><a href=''><img src=x.png>\xff\xfe<a href='y", ()),
        (b"<a href='http://[x'>", ()),
        (b"", ()),
    ],
)
def test_a_listing_leads_to_what_is_below_it(page: bytes, found: tuple[str, ...]) -> None:
    assert links(page, URL, URL) == tuple(URL + each for each in found)


def test_links_start_from_the_page_and_stay_below_the_root() -> None:
    page = b'<a href="x"><a href="../y"><a href="../../z">'
    assert links(page, f"{URL}sub/", URL) == (f"{URL}sub/x", f"{URL}y")
