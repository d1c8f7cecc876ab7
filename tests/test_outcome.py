"""A step ends as a record: stamped, saved, and held with a reason where it cannot go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from catchment import __version__, outcome
from catchment.errors import BadInput, NothingKept, ReaderFailed
from catchment.isolation import Limits
from catchment.outcome import (
    NOTE,
    Stopwatch,
    confined,
    content_of,
    finish,
    held,
    passed_on,
    stored,
    with_reason,
)
from catchment.schema.records import Asset, Finding, Held
from catchment.schema.rules import DOCTYPE, RULES
from catchment.schema.submission_records import OtherFile
from catchment.storage import load
from catchment.submission.rules import CHECKSUM

from .schema.kept import EXAMPLES

ASSET = load(Asset, EXAMPLES / "v1/asset.json")
NOTICE = OtherFile(name="n", bytes=1, sha256="a" * 64, role="metadata")


@pytest.fixture(autouse=True)
def no_modality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "rules_of", lambda name: RULES)


def watch(step: str = "admit", **inputs: str) -> Stopwatch:
    return Stopwatch(step, 3, inputs, {"level": 1})


# --- stamps ------------------------------------------------------------------------------------------------------


def test_a_stamp_says_step_versions_inputs_settings_and_apart_from_these_the_time() -> None:
    stamp = watch(asset="abc").stamp()
    made = stamp["made_by"]
    assert (made.step, made.step_version, made.catchment) == ("admit", 3, __version__)
    assert (made.inputs, made.settings) == ({"asset": "abc"}, {"level": 1})
    assert stamp["times"].seconds >= 0
    assert stamp["times"].started_at.endswith("+00:00")


def test_the_content_of_a_record_does_not_depend_on_when_it_was_made() -> None:
    record = held("admit", ASSET, [CHECKSUM.broken("a", "b")], watch())
    later = record.model_copy(update={"times": record.times.model_copy(update={"seconds": 99.0})})
    other = record.model_copy(update={"held_at": "convert"})
    assert content_of(record) == content_of(later) != content_of(other)


def test_a_step_ends_by_saving_its_record_and_saying_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = held("admit", ASSET, [CHECKSUM.broken("liver.h5ad", "an HTML page")], watch())
    with caplog.at_level(logging.INFO):
        assert finish(record, tmp_path / "admit.json") is record
    assert load(Held, tmp_path / "admit.json") == record
    assert "admit ends: held in" in caplog.text
    assert "error SUM-001: liver.h5ad: found an HTML page" in caplog.text


# --- held --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "published"),
    [
        (CHECKSUM.broken("x", "y"), True),
        (DOCTYPE.broken("x", "y"), False),
        (DOCTYPE.broken("x", "y").model_copy(update={"level": "warning"}), False),
        (CHECKSUM.broken("x", "y").model_copy(update={"code": "NEW-001"}), False),
    ],
    ids=["harmless", "unsafe", "unsafe, though a warning", "of a rule that nobody here knows"],
)
def test_the_bytes_of_a_held_asset_are_published_unless_a_rule_of_safety_failed(
    finding: Finding, published: bool
) -> None:
    assert held("admit", ASSET, [finding], watch()).publish_bytes is published


def test_one_unsafe_fault_among_many_is_enough() -> None:
    findings = [CHECKSUM.broken("x", "y"), DOCTYPE.broken("x", "y")]
    assert held("admit", ASSET, findings, watch()).publish_bytes is False


def test_a_held_asset_is_passed_on_as_it_is_under_the_next_stamp() -> None:
    first = held("admit", ASSET, [CHECKSUM.broken("x", "y")], watch())
    second = passed_on(first, watch("convert", admit="abc"))
    assert (second.held_at, second.findings, second.publish_bytes) == ("admit", first.findings, True)
    assert (second.made_by.step, second.made_by.inputs) == ("convert", {"admit": "abc"})


def test_a_store_that_was_given_up_without_an_error_is_held_for_that_reason() -> None:
    warning = CHECKSUM.broken("x", "y").model_copy(update={"level": "warning"})
    (first, reason) = with_reason([warning], NothingKept("link.txt: found a link"))
    assert first == warning
    assert (reason.code, reason.level, reason.found) == ("ISO-004", "error", "link.txt: found a link")
    error = CHECKSUM.broken("x", "y")
    assert with_reason([error], NothingKept("held")) == [error]


# --- confined ----------------------------------------------------------------------------------------------------


def calls(monkeypatch: pytest.MonkeyPatch, function: Callable[..., object]) -> None:
    monkeypatch.setattr(outcome.isolation, "call", lambda _, *arguments, limits: function(*arguments))


def test_what_a_child_returns_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    calls(monkeypatch, lambda n: n + 1)
    findings: list[Finding] = []
    assert confined(findings, Limits(), len, 1) == 2
    assert findings == []


@pytest.mark.parametrize("code", ["ISO-001", "ISO-002", "ISO-003", "ISO-004"])
def test_a_child_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def fail() -> None:
        raise ReaderFailed(code, "the reader's process ended by SIGSEGV")

    calls(monkeypatch, fail)
    findings: list[Finding] = []
    assert confined(findings, Limits(), fail) is None
    assert [(f.code, f.level, f.found) for f in findings] == [(code, "error", "the reader's process ended by SIGSEGV")]


def test_what_a_child_raises_on_purpose_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise BadInput("not this way")

    calls(monkeypatch, refuse)
    findings: list[Finding] = []
    with pytest.raises(BadInput):
        confined(findings, Limits(), refuse)
    assert findings == []


# --- stores ------------------------------------------------------------------------------------------------------


def test_a_store_is_made_once_and_then_reused(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(scratch: Path) -> OtherFile:
        made.append(scratch)
        (scratch / "data").write_bytes(b"abc")
        return NOTICE

    store = tmp_path / "deep/key"
    first, second = stored(store, OtherFile, make), stored(store, OtherFile, make)
    assert first == second
    assert first[0] == NOTICE
    assert [file.path for file in first[1]] == ["data"]
    assert len(made) == 1
    assert sorted(path.name for path in store.iterdir()) == ["data", NOTE]


def test_a_store_that_fails_is_not_there_and_is_made_again(tmp_path: Path) -> None:
    def fail(scratch: Path) -> OtherFile:
        (scratch / "half").write_bytes(b"abc")
        raise NothingKept("no")

    with pytest.raises(NothingKept):
        stored(tmp_path / "key", OtherFile, fail)
    assert list(tmp_path.iterdir()) == []
    assert stored(tmp_path / "key", OtherFile, lambda _: NOTICE) == (NOTICE, ())


def test_a_store_with_a_link_in_it_is_not_kept(tmp_path: Path) -> None:
    def make(scratch: Path) -> OtherFile:
        (scratch / "link").symlink_to("/etc/passwd")
        return NOTICE

    with pytest.raises(NothingKept, match="link: found a link"):
        stored(tmp_path / "key", OtherFile, make)
    assert list(tmp_path.iterdir()) == []
