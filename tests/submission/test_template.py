"""Templates are descriptions that are read as they stand, and the schema for editors knows what the reader knows."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from catchment.schema.records import MODALITY_NAMES
from catchment.submission import template
from catchment.submission.check import sample_findings
from catchment.submission.native import read_native
from catchment.submission.yaml_text import read_yaml

VALIDATOR = Draft202012Validator(template.submission_schema())


@pytest.mark.parametrize("modality", MODALITY_NAMES)
def test_a_template_is_read_without_a_fault(modality: Any) -> None:
    draft, _ = read_native(template.template(modality))
    assert draft.assets
    assert not [
        fault for faults in sample_findings(draft.samples).values() for fault in faults if fault.level == "error"
    ]


@pytest.mark.parametrize("modality", MODALITY_NAMES)
@pytest.mark.parametrize("read", [yaml.safe_load, lambda text: read_yaml(text, "x")])
def test_a_template_fits_the_schema_however_its_values_are_read(modality: Any, read: Any) -> None:
    assert not list(VALIDATOR.iter_errors(read(template.template(modality))))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"studies": {}}, "'studies' was unexpected"),
        ({"study": {"id": "x"}}, "'title' is a required property"),
        ({"study": {"title": "x", "licences": "MIT"}}, "'licences' was unexpected"),
        ({"samples": [{}]}, "'id' is a required property"),
        ({"assets": [{"file": "a", "modality": "sound"}]}, "sound"),
        ({"curate": {"raw": "X"}}, "'raw' was unexpected"),
    ],
)
def test_the_schema_marks_what_the_reader_refuses(change: dict[str, Any], words: str) -> None:
    errors = list(VALIDATOR.iter_errors({"study": {"title": "x"}, **change}))
    assert any(words in error.message for error in errors), [error.message for error in errors]
