"""Every setting is described, a wrong one stops with its name, and the generated files are in step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from catchment.config import Config, Limit, Section, generated_files, main, read_config
from catchment.errors import BadInput
from catchment.isolation import Limits

FOLDER = Path(__file__).parents[1] / "config"
STEPS = ("admit", "convert", "normalise")


def settings(section: type[BaseModel] = Config, above: str = "") -> Iterator[tuple[str, str | None]]:
    """Yield the dotted name of every setting below a section, and what it is said to mean."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{above}{name}.")
        else:
            yield above + name, field.description


@pytest.mark.parametrize("name", sorted(generated_files()))
def test_a_generated_file_is_in_step_with_the_code(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == generated_files()[name], "run `make config`"


def test_generating_writes_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["config", str(tmp_path)])
    assert main() == 0
    assert {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()} == generated_files()


def test_the_default_file_holds_the_defaults() -> None:
    assert read_config(yaml.safe_load(generated_files()["config.yaml"])) == Config() == read_config({})


def test_every_setting_is_in_the_file_and_described() -> None:
    known = {**dict(settings()), **{f"limit.{name}": text for name, text in settings(Limit)}}
    assert {name for name, text in known.items() if not text or not text.strip().endswith(".")} == set()
    written = yaml.safe_load(generated_files()["config.yaml"])
    for name, _ in settings():
        value: Any = written
        for part in name.split("."):
            value = value[part]


@pytest.mark.parametrize(
    ("values", "key", "hint"),
    [
        ({"wrkdir": "x"}, "wrkdir", "did you mean workdir?"),
        ({"imaging": {"convert": {"chunk_xy": 1}}}, "imaging.convert.chunk_xy", "did you mean chunk_yx?"),
        ({"confinement": {"memory": 1}}, "confinement.memory", "did you mean memory_mb?"),
        (
            {"singlecell": {"convert": {"limits": {"n_cells": {"mx": 1}}}}},
            "singlecell.convert.limits.n_cells.mx",
            "did you mean max?",
        ),
        ({"zzzz": 1}, "zzzz", "see config/config.yaml for the known keys"),
    ],
)
def test_a_misspelt_key_stops_with_its_name_and_the_nearest_known_one(
    values: dict[str, Any], key: str, hint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        read_config(values)
    assert str(caught.value) == f"configuration: {key}: unknown key; {hint}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"singlecell": {"admit": {"block_rows": "many"}}}, "singlecell.admit.block_rows: found 'many'; "),
        ({"singlecell": {"admit": {"block_rows": 0}}}, "singlecell.admit.block_rows: found 0; "),
        ({"imaging": 3}, "imaging: found 3; "),
        ({"massspec": {"normalise": {"factor": "max"}}}, "massspec.normalise.factor: found 'max'; "),
        ({"confinement": {"memory_mb": 0}}, "confinement.memory_mb: found 0; "),
        ({"accept_licences": "gpl"}, "accept_licences: found 'gpl'; "),
    ],
)
def test_an_unfit_value_stops_with_its_key(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_config(values)
    assert message in str(caught.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BadInput, match=r"imaging.admit.max_chunk_mb: .*; wrkdir: unknown key"):
        read_config({"wrkdir": 1, "imaging": {"admit": {"max_chunk_mb": -1}}})


@pytest.mark.parametrize("modality", ["singlecell", "imaging", "massspec"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_given_its_own_settings_and_no_others(modality: str, step: str) -> None:
    own = Config().step_settings(step, modality)
    assert set(own) == set(type(getattr(getattr(Config(), modality), step)).model_fields)
    assert json.loads(json.dumps(own)) == own
    for other in STEPS:
        if other != step:
            changed = {other: {"limits": {"other": {"max": 1}}}} if other == "convert" else {}
            assert read_config({modality: changed}).step_settings(step, modality) == own
    assert read_config({"workdir": "elsewhere", "release": {"title": "Another"}}).step_settings(step, modality) == own


@pytest.mark.parametrize(
    ("step", "section"),
    [("plan", Config().census.plan), ("assemble", Config().census.assemble), ("index", Config().release)],
)
def test_a_step_of_census_or_release_is_given_its_section(step: str, section: Section) -> None:
    assert Config().step_settings(step) == section.model_dump(mode="json")


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().workdir = "x"  # type: ignore[misc]


def test_the_schema_refuses_what_the_code_refuses() -> None:
    schema = json.loads(generated_files()["config.schema.json"])
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    assert {"Limits", "Limit"} <= set(schema["$defs"])
    assert issubclass(Config, Section)
    assert not issubclass(Limits, Section)
