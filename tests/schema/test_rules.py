"""Codes are stable, of one form, and nobody's twice; a finding carries what its rule says."""

from __future__ import annotations

import re

import pytest

from catchment.schema import rules
from catchment.schema.rules import NAME_LIES, RULES, Rule, declare, is_error


@pytest.fixture
def no_rules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Rule]:
    own: dict[str, Rule] = {}
    monkeypatch.setattr(rules, "RULES", own)
    return own


def test_a_code_is_declared_once(no_rules: dict[str, Rule]) -> None:
    declare("TOY-001", "error", "a toy is broken", expected="a whole toy", fix="mend it")
    with pytest.raises(ValueError, match="rule TOY-001 is declared twice"):
        declare("TOY-001", "info", "another", expected="x", fix="y")
    assert list(no_rules) == ["TOY-001"]


def test_a_finding_says_what_its_rule_says_unless_told_better(no_rules: dict[str, Rule]) -> None:
    rule = declare("TOY-001", "warning", "a toy is broken", expected="a whole toy", fix="mend it")
    plain = rule.broken("box", "half a toy")
    assert (plain.code, plain.level, plain.where, plain.found) == ("TOY-001", "warning", "box", "half a toy")
    assert (plain.expected, plain.fix, plain.count) == ("a whole toy", "mend it", 1)
    better = rule.broken("box", "half a toy", expected="two wheels", fix="glue it", count=3)
    assert (better.expected, better.fix, better.count) == ("two wheels", "glue it", 3)


@pytest.mark.parametrize(("level", "expected"), [("error", True), ("warning", False), ("info", False)])
def test_only_an_error_holds_an_asset(level: str, expected: bool) -> None:
    assert is_error(NAME_LIES.broken("x", "y").model_copy(update={"level": level})) is expected


def test_every_rule_has_a_code_of_the_one_form_and_says_what_to_do() -> None:
    # the rooms of the foundation; those of the modalities are held to it by the same words where they are declared
    import catchment.isolation
    import catchment.quality
    import catchment.submission.rules
    import catchment.submission.sdrf  # noqa: F401

    assert {"FMT-001", "XML-001", "ISO-001", "QC-001", "LIST-001", "SDRF-001"} <= set(RULES)
    for code, rule in RULES.items():
        assert code == rule.code
        assert re.fullmatch(r"[A-Z0-9]+-\d{3}", code), code
        for text in (rule.title, rule.expected, rule.fix):
            assert text.strip() == text != "", code
            assert not text.endswith("."), code
