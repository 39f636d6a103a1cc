from __future__ import annotations

from lxml import etree

from harvesters import iso_tree as tree


def parsed(text: str) -> etree._Element:
    return etree.fromstring(
        f'<o xmlns:g="urn:g" xmlns:gco="urn:c" xmlns:xlink="http://www.w3.org/1999/xlink">{text}</o>'
    )


def test_names_have_no_namespace() -> None:
    found = tree.group(parsed("<g:a/><g:b/><a/>"))
    assert {key: len(each) for key, each in found.items()} == {"a": 2, "b": 1}
    assert tree.group(None) == {}


def test_a_text_is_found_in_whatever_holds_it() -> None:
    found = tree.group(
        parsed(
            "<s><gco:CharacterString>  one\n  two </gco:CharacterString></s>"
            '<c><g:Code codeListValue="three"/></c>'
            "<u>four</u>"
            '<n nilReason="missing"/>'
            "<f><gco:CharacterString/><g:PT_FreeText><g:textGroup>"
            '<g:LocalisedCharacterString locale="#FR">cinq</g:LocalisedCharacterString>'
            "</g:textGroup></g:PT_FreeText></f>"
        )
    )
    assert [tree.first(found, key) for key in "scunfx"] == ["one two", "three", "four", "", "cinq", ""]
    assert tree.translations(found["f"][0]) == {"fr": "cinq"}
    assert tree.values(found, "s") == ["one two"]


def test_a_code_is_its_value_in_the_list_and_of_a_uri_the_end() -> None:
    found = tree.group(
        parsed('<a><g:C codeListValue="x">other</g:C></a><b><g:C>y</g:C></b><d><g:C codeListValue="http://e/t#z"/></d>')
    )
    assert [tree.code(found, key) for key in "abde"] == ["x", "y", "z", ""]
    assert tree.codes(found, "a") == ["x"]


def test_objects_inside_each_other_are_reached_by_their_properties() -> None:
    found = tree.group(parsed("<a><X><b><Y><c>deep</c></Y></b></X></a>"))
    assert tree.first(tree.inside(found, "a", "b"), "c") == "deep"
    assert tree.inside(found, "a", "z") == {}


def test_an_anchor_says_where_it_leads() -> None:
    found = tree.group(parsed('<a><g:Anchor xlink:href=" http://e/1 ">x</g:Anchor></a><b xlink:href="http://e/2"/>'))
    assert [tree.href(found[key][0]) for key in "ab"] == ["http://e/1", "http://e/2"]


def test_a_document_of_endless_names_does_not_fill_the_memory() -> None:
    for n in range(200):
        tree.group(parsed("".join(f"<n{n}x{m}/>" for m in range(100))))
    assert len(tree._NAMES) <= 10_000
