from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError
from discovery.launch.rules import load, read, shipped

RULE = '[[rule]]\nname = "r"\nwhen = [{ of = "href", match = "^x:(?P<tail>.+)$" }]\ngive = ["/x/{tail}"]\n'


def test_the_shipped_rules_are_read_and_say_what_they_are_for() -> None:
    assert [each.name for each in shipped()][:3] == ["ehst-fits", "ehst", "ehst-hap-fits"]
    assert all(each.about for each in shipped())


def test_rules_of_an_operator_come_first_and_replace_by_name(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULE + RULE.replace('"r"', '"ehst"'))
    names = [each.name for each in load(file)]
    assert names[:2] == ["r", "ehst"]
    assert names.count("ehst") == 1
    assert "heasarc" in names


def test_a_file_that_is_not_there_or_not_text_is_a_mistake_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nothing.toml")
    (tmp_path / "rules.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "rules.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rule = ", "rules.toml: "),
        ("[rules]", "'rules' is none of rule, tables"),
        ("rule = 1", r"written as \[\[rule\]\]"),
        ("tables = 1", r"\[tables\] holds tables of texts"),
        ("[tables.a]\nb = 1", r"\[tables\] holds tables of texts"),
        ("[[rule]]", "a rule has no name"),
        (RULE.replace('"r"', "1"), "a rule has no name"),
        (RULE + RULE, "two rules are called 'r'"),
        (RULE + 'run = "rm"', "rule 'r': 'run' is none of"),
        (RULE.replace("when", "about"), "when must be a list"),
        (RULE.replace('["/x/{tail}"]', "[]"), "give must be a list"),
        (RULE.replace('{ of = "href", match = "^x:(?P<tail>.+)$" }', '"x"'), "a condition is written"),
        (RULE.replace('"href"', '"password"'), "of = 'password' is not one of href, container"),
        (RULE.replace('"href"', '"properties."'), r"of = 'properties\.' is not one of"),
        (RULE.replace("(?P<tail>.+)", "(?P<tail>.+"), "no regular expression"),
        (RULE.replace('"^x:(?P<tail>.+)$"', "1"), "no regular expression"),
        (RULE.replace("/x/{tail}", "x/{tail}"), "does not begin with one of /, https://"),
        (RULE.replace("/x/{tail}", "ftp://x/{tail}"), "does not begin with one of"),
        (RULE.replace("{tail}", "{tail.__class__}"), "hold the name of a variable and nothing else"),
        (RULE.replace("{tail}", "{tail!r}"), "hold the name of a variable and nothing else"),
        (RULE.replace("{tail}", "{tail:>9}"), "hold the name of a variable and nothing else"),
        (RULE.replace("{tail}", "{}"), "hold the name of a variable and nothing else"),
        (RULE.replace("{tail}", "{tail"), "give = '/x/{tail': "),
        (RULE.replace("{tail}", "{head}"), r"\{head\} is none of tail"),
        (RULE + 'words = { a = "b" }', "a word is written"),
        (RULE + 'words = { a = { of = "tail", table = "t" } }', r"table 't' is none of \(none\)"),
        (RULE + 'words = { a = { of = "b", table = "t" } }\n[tables.t]\nx = "y"', "'a' must be new, and made of one"),
        (RULE + "store = 1", "store is written"),
        (RULE + 'store = { bucket = "b" }', "store: 'bucket' is none of endpoint, region"),
        (RULE + "store = { region = 1 }", "region = 1 is neither a text nor true or false"),
        (RULE + 'store = { endpoint = "{tail" }', "endpoint = '{tail': "),
        (RULE + 'store = { endpoint = "https://{host}" }', r"\{host\} is none of tail"),
        (RULE + 'store = { endpoint = "https://u:p@x.example" }', "an endpoint is https://HOST"),
        (RULE + 'store = { region = "a b" }', "a region has letters"),
        (RULE + 'store = { anonymous = "perhaps" }', "it is true or false"),
        (RULE + 'words = { tail = { of = "tail", table = "t" } }\n[tables.t]\nx = "y"', "'tail' must be new"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_name(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(text, "rules.toml")
