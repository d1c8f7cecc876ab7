"""The crate of a release under the vocabulary that RO-Crate 1.1 really has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.release.synthetic_build import five_studies, publish_build

CONTEXT = Path(__file__).parents[2].parent / "shared" / "data" / "contexts" / "ro-crate-1.1.jsonld"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CONTEXT.exists(), reason="the RO-Crate context is not in ../shared/data/contexts"),
]


def test_every_word_of_the_crate_is_defined_by_ro_crate(tmp_path: Path) -> None:
    defined = set(json.loads(CONTEXT.read_bytes())["@context"])
    made = five_studies(tmp_path / "build")
    crate = json.loads((made.workdir / publish_build(made).path / "ro-crate-metadata.json").read_bytes())
    defined |= {name for own in crate["@context"][1:] for name in own}
    for entity in crate["@graph"]:
        types = entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]
        assert {*types, *(name for name in entity if not name.startswith("@"))} <= defined, entity["@id"]
