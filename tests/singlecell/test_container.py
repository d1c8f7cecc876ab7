"""Hostile HDF5 containers: each is told by its own code before a value is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from catchment.contract import Head
from catchment.errors import ReaderFailed
from catchment.isolation import Limits, call
from catchment.modalities import inspect_asset
from catchment.schema.records import Unreadable
from catchment.schema.rules import RULES
from catchment.singlecell import MODALITY, container, rules

from .conftest import Kitchen


def external_storage(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret.bin")
    secret.write_bytes(b"TOP SECRET CONTENT")
    del file["obsm/X_umap"]
    file.create_dataset("obsm/X_umap", (4, 2), "u1", external=[(str(secret), 0, 8)])


def external_link(file: h5py.File) -> None:
    file["uns/other"] = h5py.ExternalLink("/etc/elsewhere.h5", "/data")


def external_link_on_the_way(file: h5py.File) -> None:
    file["uns/folder"] = h5py.ExternalLink("/etc/elsewhere.h5", "/folder")
    file["layers/sneaky"] = h5py.SoftLink("/uns/folder/data")


def virtual_dataset(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4, 5), "f4")
    layout[:] = h5py.VirtualSource("/etc/elsewhere.h5", "x", (4, 5))
    file.create_virtual_dataset("layers/virtual", layout)


def hard_link_cycle(file: h5py.File) -> None:
    file["uns/a/b"] = 1
    file["uns/a/loop"] = file["uns"]


def soft_link_cycle(file: h5py.File) -> None:
    file["uns/loop"] = h5py.SoftLink("/uns")


def soft_link_ring(file: h5py.File) -> None:
    file.create_group("uns/a")["to_b"] = h5py.SoftLink("/uns/b")
    file.create_group("uns/b")["to_a"] = h5py.SoftLink("/uns/a")


def root_cycle(file: h5py.File) -> None:
    file["uns/root"] = file["/"]


def shape_bomb(file: h5py.File) -> None:
    file.create_dataset("uns/bomb", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


def unwritten(file: h5py.File) -> None:
    file.create_dataset("obsm/X_big", (4, 1 << 24), "f4")


def unknown_filter(file: h5py.File) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4,))
    plist.set_filter(32099, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file["uns"].id, b"filtered", h5py.h5t.NATIVE_INT32, space, plist)


def deep_nesting(file: h5py.File) -> None:
    file.create_group("uns/" + "/".join("d" * 200))


CASES = {
    external_storage: ("H5-001", "/obsm/X_umap"),
    external_link: ("H5-002", "/uns/other"),
    external_link_on_the_way: ("H5-002", "/uns/folder"),
    virtual_dataset: ("H5-003", "/layers/virtual"),
    hard_link_cycle: ("H5-004", "/uns/a/loop"),
    soft_link_cycle: ("H5-004", "/uns/loop"),
    soft_link_ring: ("H5-004", ""),
    root_cycle: ("H5-004", "/uns/root"),
    shape_bomb: ("H5-005", "/uns/bomb"),
    unwritten: ("H5-005", "/obsm/X_big"),
    unknown_filter: ("H5-006", "/uns/filtered"),
    deep_nesting: ("H5-009", "/uns/d/d"),
}


@pytest.mark.parametrize("attack", CASES, ids=lambda attack: attack.__name__)
def test_a_hostile_container_is_refused_with_its_code_and_place(kitchen: Kitchen, attack) -> None:
    code, where = CASES[attack]
    described = kitchen.describe(kitchen.h5ad(after=attack))
    assert isinstance(described, Unreadable)
    assert [finding.code for finding in described.findings] == [code]
    assert described.findings[0].where.startswith(where)
    assert RULES[code].unsafe


def test_a_secret_outside_the_file_is_never_read(kitchen: Kitchen) -> None:
    described = kitchen.describe(kitchen.h5ad(after=external_storage))
    assert "TOP SECRET" not in described.model_dump_json()


def test_too_many_objects_are_refused(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_OBJECTS", 10)
    described = kitchen.describe(kitchen.h5ad())
    assert isinstance(described, Unreadable)
    assert [finding.code for finding in described.findings] == ["H5-008"]


def test_a_soft_link_to_a_dataset_of_the_same_file_is_admitted(kitchen: Kitchen) -> None:
    def link(file: h5py.File) -> None:
        file["uns/again"] = h5py.SoftLink("/uns/title")
        file["uns/nowhere"] = h5py.SoftLink("/uns/missing")

    assert kitchen.codes(kitchen.h5ad(after=link)) == []


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8, 0.99])
def test_a_truncated_file_is_unreadable_wherever_it_breaks_off(kitchen: Kitchen, share: float) -> None:
    path = kitchen.h5ad()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert kitchen.codes(path) == ["H5-007"]


@pytest.mark.parametrize(("content", "found"), [(b"", "an empty file"), (b"<!DOCTYPE html>", "<!DOCTYPE")])
def test_what_is_no_hdf5_is_told_by_its_first_bytes(kitchen: Kitchen, content: bytes, found: str) -> None:
    path = kitchen.folder / "page.h5ad"
    path.write_bytes(content)
    (finding,) = kitchen.findings(path)
    assert finding.code == "H5-007"
    assert found in finding.found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_damage_ends_in_findings_or_in_the_end_of_the_child(kitchen: Kitchen, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = kitchen.h5ad()
    damaged = np.frombuffer(path.read_bytes(), np.uint8).copy()
    where = rng.integers(8, damaged.size, 20)
    damaged[where] = rng.integers(0, 256, 20)
    path.write_bytes(damaged.tobytes())
    # HDF5 itself may loop or crash on a damaged heap: that is what the child is for
    limits = Limits(memory_mb=3_000, cpu_seconds=20)
    try:
        inspection = call(inspect_asset, kitchen.asset(path), str(kitchen.folder), {}, limits=limits)
    except ReaderFailed as failed:
        assert failed.code != "ISO-004"  # nothing that h5py raises gets through
    else:
        assert inspection.findings or inspection.description is not None


def test_an_hdf5_file_is_recognised_by_content_not_by_name() -> None:
    start = b"\x89HDF\r\n\x1a\n" + bytes(100)
    plain = MODALITY.recognise(Head("x.bin", 108, start))
    marked = MODALITY.recognise(Head("x.bin", 115, start + b"anndata"))
    assert plain is not None and marked is not None
    assert (plain.format, plain.certainty) == ("h5ad", 0.8)
    assert marked.certainty > plain.certainty
    assert MODALITY.recognise(Head("x.h5ad", 3, b"PK\x03\x04")) is None
    assert MODALITY.recognise(Head("x.h5ad", 108, start, gzipped=True)) is None


def test_what_our_own_code_raises_is_no_damage_of_the_file(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ValueError("shapes (2,) and (3,) do not fit")

    monkeypatch.setattr("catchment.singlecell.describe.description_of", wrong)
    with pytest.raises(ValueError, match="do not fit"):
        kitchen.describe(kitchen.h5ad())


@pytest.mark.parametrize("shape", [[b"a", b"\xff"], 4, [4.5, 5], [4, 5, 6], [-4, 5], ""], ids=str)
def test_a_shape_that_is_no_two_numbers_is_a_finding(kitchen: Kitchen, shape: object) -> None:
    def spoil(file: h5py.File) -> None:
        del file["X"].attrs["shape"]
        file["X"].attrs["shape"] = shape

    (finding,) = kitchen.findings(kitchen.h5ad(after=spoil))
    assert (finding.code, finding.found) == (rules.SPARSE_BROKEN.code, "no shape of two numbers")
