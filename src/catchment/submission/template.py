"""What a submitter starts from: a template for each modality, and the JSON Schema of `submission.yaml` for editors."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

from catchment.schema.records import Curation, ModalityName
from catchment.schema.submission_records import Study
from catchment.submission.draft import DraftAsset, DraftSample

SCHEMA = "https://json-schema.org/draft/2020-12/schema"
REQUIRED = {"Study": ["title"]}


def template(modality: ModalityName) -> str:
    """Return a commented `submission.yaml` to fill in."""
    return files("catchment.submission").joinpath("templates", f"{modality}.yaml").read_text(encoding="utf-8")


def submission_schema() -> dict[str, Any]:
    """Return the JSON Schema of `submission.yaml`. Text may be written as number or truth value: it is read as text."""
    parts = {"Study": Study, "DraftSample": DraftSample, "DraftAsset": DraftAsset, "Curation": Curation}
    definitions: dict[str, Any] = {}
    for name, kind in parts.items():
        schema = TypeAdapter(kind).json_schema(ref_template="#/$defs/{model}")
        definitions |= schema.pop("$defs", {})
        definitions[name] = schema
    for name, required in REQUIRED.items():
        definitions[name]["required"] = required
    return {
        "$schema": SCHEMA,
        "title": "submission.yaml of Catchment",
        "type": "object",
        "properties": {
            "study": {"$ref": "#/$defs/Study"},
            "samples": {"type": "array", "items": {"$ref": "#/$defs/DraftSample"}},
            "assets": {"type": "array", "items": {"$ref": "#/$defs/DraftAsset"}},
            "sdrf": {"type": "string"},
            "curate": {"$ref": "#/$defs/Curation"},
        },
        "required": ["study"],
        "additionalProperties": False,
        "$defs": {name: as_written(definition) for name, definition in definitions.items()},
    }


def as_written(schema: Any) -> Any:
    """Return a schema whose texts may also be numbers and truth values, as YAML editors take `017` and `no`."""
    if isinstance(schema, list):
        return [as_written(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: as_written(value) for key, value in schema.items() if key != "default"}
    if found.get("type") == "string" and not {"enum", "const"} & found.keys():
        found["type"] = ["string", "number", "boolean"]
    return found
