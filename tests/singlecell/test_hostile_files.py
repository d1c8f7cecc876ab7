"""Hostile H5ADs in the confined child that `admit` uses: each ends in a finding, or does no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from catchment.isolation import Limits, call
from catchment.modalities import check_asset

from .conftest import Kitchen

LIMITS = Limits(memory_mb=3_000, cpu_seconds=60)
Attack = Callable[[h5py.File], object]


def object_references(file: h5py.File) -> None:
    file["obs/refs"] = np.array([file["uns"].ref] * 4, h5py.ref_dtype)


def references_for_counts(file: h5py.File) -> None:
    del file["X/data"]
    file["X/data"] = np.array([file["uns"].ref] * 9, h5py.ref_dtype)


def ragged_names(file: h5py.File) -> None:
    del file["obs/_index"]
    names = file.create_dataset("obs/_index", (4,), h5py.vlen_dtype(np.dtype("i4")))
    names[0] = [1, 2, 3]


def ragged_embedding(file: h5py.File) -> None:
    ragged = file.create_dataset("obsm/X_ragged", (4,), h5py.vlen_dtype(np.dtype("f4")))
    ragged[0] = np.ones(100)


def deep_nesting(file: h5py.File) -> None:
    group = file["uns"]
    for _ in range(3_000):
        group = group.create_group("d")


def huge_attribute(file: h5py.File) -> None:
    file.create_group("uns/wide", track_order=True).attrs.create("much", np.zeros(8 << 20, "u1"))


def compound_counts(file: h5py.File) -> None:
    del file["X"]
    file["X"] = np.zeros((4, 5), [("a", "f4"), ("b", "f4")])


def codes_out_of_range(file: h5py.File) -> None:
    file["obs/sex_ontology_term_id/codes"][0] = 99


def index_attribute_elsewhere(file: h5py.File) -> None:
    file["obs"].attrs["_index"] = "../../uns/title"


def pickled_bytes(file: h5py.File) -> None:
    file["uns/pickle"] = np.void(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")


def long_text(file: h5py.File) -> None:
    del file["uns/title"]
    file["uns/title"] = "x" * 10_000_000


REFUSED: dict[Attack, str] = {
    references_for_counts: "X",
    ragged_names: "obs",
    compound_counts: "X",
    codes_out_of_range: "obs/sex_ontology_term_id",
    index_attribute_elsewhere: "obs",
    deep_nesting: "/uns/d/d",
}
HARMLESS = (
    object_references,
    ragged_embedding,
    huge_attribute,
    pickled_bytes,
    long_text,
)


def inspected(kitchen: Kitchen, path: Path) -> list[tuple[str, str, str]]:
    """Return code, level and place of every finding, as the confined child tells them."""
    inspection = call(check_asset, kitchen.asset(path), str(kitchen.folder), {}, limits=LIMITS)
    return [(finding.code, finding.level, finding.where) for finding in inspection.findings]


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.__name__)
def test_the_child_answers_with_an_error_that_names_the_place(attack: Attack, kitchen: Kitchen) -> None:
    errors = [where for _, level, where in inspected(kitchen, kitchen.h5ad(after=attack)) if level == "error"]
    assert any(where.startswith(REFUSED[attack]) for where in errors)


@pytest.mark.parametrize("attack", HARMLESS, ids=lambda attack: attack.__name__)
def test_the_child_gives_an_answer_whatever_else_is_in_the_file(attack: Attack, kitchen: Kitchen) -> None:
    codes = [code for code, _, _ in inspected(kitchen, kitchen.h5ad(after=attack))]
    assert not any(code.startswith("ISO") for code in codes)


def test_a_user_block_before_the_file_is_refused(kitchen: Kitchen) -> None:
    path = kitchen.h5ad()
    other = kitchen.folder / "block.h5ad"
    with h5py.File(path) as source, h5py.File(other, "w", userblock_size=512) as target:
        for name in source:
            source.copy(name, target)
        target.attrs.update(source.attrs)
    data = bytearray(other.read_bytes())
    data[:20] = b"#!/bin/sh\necho owned\n"[:20]
    other.write_bytes(data)
    assert [(code, level) for code, level, _ in inspected(kitchen, other)] == [("H5-007", "error")]
