"""YAML from a stranger is text, lists and maps, or is refused with file and line."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catchment.errors import BadInput
from catchment.submission import yaml_text
from catchment.submission.yaml_text import read_yaml

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]))
documents = st.dictionaries(
    words, st.recursive(words, lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=3), max_leaves=6)
)


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_yaml(text, "submission.yaml")
    message = str(caught.value)
    assert message.startswith("submission.yaml")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "value",
    [
        "no",
        "off",
        "true",
        "null",
        "~",
        "017",
        "12:30:00",
        "0x1F",
        "1e3",
        "1_000",
        ".inf",
        ".nan",
        "2024-01-31",
        "<<",
        "=",
    ],
)
def test_a_value_stays_as_it_is_written(value: str) -> None:
    assert read_yaml(f"key: {value}\n{value}: [{value}]", "x") == {"key": value, value: [value]}


def test_an_empty_value_is_empty_text() -> None:
    assert read_yaml("samples:\nstudy: ''", "x") == {"samples": "", "study": ""}


@given(documents)
def test_what_a_writer_of_yaml_writes_is_read_back(document: dict[str, Any]) -> None:
    assert read_yaml(yaml.safe_dump(document, allow_unicode=True, default_style='"'), "x") == document


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read_yaml("\ufeffstudy: a", "x") == {"study": "a"}


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "x:\n  - {a: 1, 'a': 2}", '{"a": 1, a: 2}'])
def test_a_key_that_stands_twice_is_refused_with_its_line(text: str) -> None:
    assert "key 'a' is given twice; keep one" in refusal(text)
    assert "line " in refusal(text)


@pytest.mark.parametrize("text", ["[a]: 1", "{b: 1}: 2", "? - a\n: b"])
def test_a_key_that_is_not_text_is_refused(text: str) -> None:
    assert "line 1: found a key that is not text; give a plain name" in refusal(text)


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['id']",
        "!!python/name:os.system",
        "!!python/tuple [1]",
        "!!int five",
        "!!int ''",
        "!!float x",
        "!!bool maybe",
        "!!timestamp x",
        "!!binary x",
        "!!set {a}",
        "!!omap [a: 1]",
        "!!null x",
        "!secret x",
        "!<tag:example.org,2002:x> x",
    ],
)
def test_a_tag_that_makes_an_object_is_refused(value: str) -> None:
    assert "submission.yaml line 1: not valid YAML (could not determine a constructor" in refusal(f"a: {value}")


def test_a_merge_cannot_bring_in_a_key_twice() -> None:
    text = "base: &base {a: 1}\nuse:\n  <<: *base\n  a: 2"
    assert read_yaml(text, "x")["use"] == {"<<": {"a": "1"}, "a": "2"}
    assert "not valid YAML" in refusal("base: &base {a: 1}\nuse:\n  !!merge <<: *base\n")


def test_aliases_that_expand_beyond_all_bounds_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    started = time.monotonic()
    assert "aliases or nesting expand beyond 100,000 values or 64 levels; write it flat" in refusal("\n".join(lines))
    assert time.monotonic() - started < 10


def test_an_alias_to_itself_is_refused() -> None:
    assert "aliases or nesting expand beyond" in refusal("a: &a [*a]")


@pytest.mark.parametrize("depth", [65, 5_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    assert refusal("a: " + "[" * depth + "]" * depth)
    assert refusal("a: " + "[" * depth)


def test_nesting_within_the_limit_is_read() -> None:
    assert read_yaml("a: " + "[" * 60 + "]" * 60, "x")["a"]


def test_a_document_of_too_many_values_is_given_up_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MAX_NODES", 100)
    assert "found more than 100 values or 64 levels; split the description" in refusal("a:\n" + "- b\n" * 200)


def test_a_document_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    message = refusal("#" * (yaml_text.MAX_CHARACTERS + 1))
    assert "found 4,000,001 characters, expected at most 4,000,000; split the description" in message


@pytest.mark.parametrize("text", ["- a", "text", ""])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert "on top, expected a mapping with `study` and `assets`" in refusal(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1\nb: 2", 2), ("a: 'x", 1), ("\ta: 1", 1), ("a: b: c", 1), ("a: *nowhere", 1), ("a: 1\n---\nb: 2", 2)],
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    assert f"submission.yaml line {line}: not valid YAML (" in refusal(text)


def test_half_a_character_is_refused_with_its_line() -> None:
    assert "line 2: found half of a surrogate pair" in refusal('a: b\nc: "\\ud800"')
    assert "line 1: found half of a surrogate pair" in refusal('"\\udfff": b')


def test_control_characters_are_refused() -> None:
    assert "not valid YAML" in refusal("a: \x00")
    assert "not valid YAML" in refusal("a: \x1b[31m")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read_yaml(text, "x"), dict)
    except BadInput as error:
        assert str(error).startswith("x")
