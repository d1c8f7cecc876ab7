"""The three steps of an asset on a toy modality: done, held with reasons, passed on, and nothing done twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from catchment import steps
from catchment.config import Limit
from catchment.contract import Confidence, Modality
from catchment.isolation import Limits
from catchment.schema.records import (
    Admission,
    Admitted,
    Asset,
    Contribution,
    Converted,
    Dataset,
    Derived,
    Description,
    Finding,
    Held,
    Normalised,
    Preparation,
    Product,
    Resources,
    Unreadable,
)
from catchment.schema.rules import NAME_LIES
from catchment.storage import Place, digest_bytes
from catchment.submission.accession import accession

from .submission.conftest import receive, write_upload

FIRST = accession(1)
KEY = f"{FIRST}/singlecell/a0001"
ERROR = NAME_LIES.broken("a.h5ad", "something else")
WARNING = ERROR.model_copy(update={"level": "warning"})
DESCRIPTION = Description(format="toy", reader="toy", reader_version="1", axes=("obs",), shape=(8,), dtype="uint8")


class Settings(BaseModel):
    level: int = 3
    limits: dict[str, Limit] = {}


class Toy:
    """A modality whose store is a copy of the file; it counts what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.unreadable: tuple[Finding, ...] = ()
        self.found: tuple[Finding, ...] = ()
        self.spoil: Callable[[Path], None] = lambda _: None
        self.labels: bytes | None = None

    def describe(self, asset: Asset) -> Description | Unreadable:
        self.asked.append("describe")
        assert Path(asset.files[0].path).is_absolute()
        return Unreadable(findings=self.unreadable) if self.unreadable else DESCRIPTION

    def validate(self, description: Description, asset: Asset, settings: Settings) -> Admission:
        return Admission(findings=self.found, statistics={"n": 8})

    def label(self, asset: Asset, place: Place, settings: Settings) -> Asset:
        if self.labels is None:
            return asset
        self.asked.append("label")
        (place.path / "a.h5ad").write_bytes(Path(asset.files[0].path).read_bytes() + self.labels)
        file = asset.files[0].model_copy(update={"path": str(place.path / "a.h5ad")})
        return asset.model_copy(update={"files": (file,)})

    def convert(self, asset: Asset, description: Description, place: Place, settings: Settings) -> Product:
        self.asked.append("convert")
        data = Path(asset.files[0].path).read_bytes()
        (place.path / "a.soma").write_bytes(data)
        self.spoil(place.path)
        return Product(kind="soma", path="a.soma", logical_digest=digest_bytes(data))

    def normalise(self, dataset: Dataset, asset: Asset, store: Place, place: Place, settings: Settings) -> Derived:
        self.asked.append("normalise")
        assert (store.path / dataset.product.path).exists()
        (place.path / "sizes").write_bytes(b"1")
        return Derived(recipe={"level": settings.level})

    def modality(self, name: str) -> Modality[Any, Any, Any]:
        return Modality(
            admit_settings=Settings,
            convert_settings=Settings,
            normalise_settings=Settings,
            extensions=(".h5ad",) if name == "singlecell" else (),
            recognise=lambda head: Confidence("toy", 1.0) if name == "singlecell" and head.start else None,
            describe=self.describe,
            prepare=lambda asset, place, settings: Preparation(asset=asset),
            validate=self.validate,
            label=self.label,
            estimate=lambda description: Resources(memory_mb=1, seconds=1, pieces=1),
            convert=self.convert,
            measure=lambda product, place: {"genes": 2.0},
            normalise=self.normalise,
            draw=lambda dataset, asset, store: b"<svg>plots</svg>",
            contribute=lambda dataset, asset, place: Contribution(
                modality="singlecell", title="t", analyte="RNA", terms={}, counts={"cells": 8}, measurements=()
            ),
        )


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The toy in place of every modality, in this process, and a build folder with one file received."""
    toy = Toy()
    for room in ("modalities", "steps"):
        monkeypatch.setattr(f"catchment.{room}.modality", toy.modality)
    monkeypatch.setattr("catchment.isolation.call", lambda function, *arguments, limits: function(*arguments))
    receive(write_upload(tmp_path / "up", a_h5ad=b"counts"), tmp_path / "build/inbox")
    monkeypatch.chdir(tmp_path / "build")
    return toy


def out(step: str) -> Path:
    return Path("work") / KEY / f"{step}.json"


def admit(**settings: Any) -> Admitted | Held:
    return steps.admit(Path("inbox") / f"{KEY}.json", settings, out("admit"), Limits())


def convert(**settings: Any) -> Converted | Held:
    return steps.convert(out("admit"), Path("inbox"), settings, out("convert"), Limits())


def normalise(**settings: Any) -> Normalised | Held:
    return steps.normalise(out("convert"), settings, out("normalise"), Limits())


def codes(record: Any) -> list[str]:
    return [finding.code for finding in record.findings]


def test_an_asset_goes_through_its_three_steps(toy: Toy) -> None:
    toy.found = (WARNING,)
    admitted, converted, normalised = admit(), convert(), normalise()
    assert isinstance(admitted, Admitted)
    assert isinstance(converted, Converted)
    assert isinstance(normalised, Normalised)
    assert (admitted.description, admitted.statistics, admitted.findings) == (DESCRIPTION, {"n": 8}, (WARNING,))
    assert converted.dataset.metrics == {"genes": 2.0}
    assert (Path(converted.dataset.store) / "a.soma").read_bytes() == b"counts"
    assert [file.path for file in converted.dataset.files] == ["a.soma"]
    assert [file.path for file in normalised.derived_files] == ["qc.svg", "sizes"]
    assert normalised.findings == (WARNING,)
    assert [path.name for path in out("admit").parent.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_done_twice_and_a_limit_changes_no_key(toy: Toy) -> None:
    admit()
    first, second = convert(), convert()
    limited = convert(limits={"genes": {"min": 1}})
    assert toy.asked.count("convert") == 1
    assert isinstance(first, Converted)
    assert isinstance(second, Converted)
    assert isinstance(limited, Converted)
    assert first.dataset == second.dataset == limited.dataset
    other = convert(level=9)
    assert isinstance(other, Converted)
    assert other.dataset.store != first.dataset.store
    assert toy.asked.count("convert") == 2


def test_a_limit_that_is_broken_holds_or_warns_as_it_says(toy: Toy) -> None:
    admit()
    warned = convert(limits={"genes": {"min": 3}})
    assert isinstance(warned, Converted)
    assert codes(warned) == ["QC-001"]
    held = convert(limits={"genes": {"min": 3, "level": "error"}})
    assert isinstance(held, Held)
    assert (held.held_at, codes(held), held.publish_bytes) == ("convert", ["QC-001"], True)


@pytest.mark.parametrize("kind", ["unreadable", "found"])
def test_an_asset_with_an_error_is_held_and_passed_on_untouched(toy: Toy, kind: str) -> None:
    setattr(toy, kind, (WARNING, ERROR))
    held, then, last = admit(), convert(), normalise()
    assert isinstance(held, Held)
    assert isinstance(then, Held)
    assert isinstance(last, Held)
    assert held.findings == then.findings == last.findings == (WARNING, ERROR)
    assert (last.held_at, last.made_by.step) == ("admit", "normalise")
    assert toy.asked == ["describe"]
    assert [path for path in Path("store").rglob("*") if path.is_file()] == []


def test_a_file_that_changed_after_it_was_received_is_not_opened(toy: Toy) -> None:
    raw = Path("inbox") / FIRST / "raw/a0001.h5ad"
    raw.unlink()
    held = admit()
    assert isinstance(held, Held)
    assert (codes(held), held.publish_bytes, toy.asked) == (["SRC-001"], False, [])


def test_a_referenced_file_that_changed_after_it_was_admitted_is_not_converted(toy: Toy, tmp_path: Path) -> None:
    inbox = tmp_path / "other/inbox"
    receive(tmp_path / "up", inbox, reference=True)
    steps.admit(inbox / f"{KEY}.json", {}, out("admit"), Limits())
    (tmp_path / "up/a.h5ad").write_bytes(b"COUNTS")
    held = steps.convert(out("admit"), inbox, {}, out("convert"), Limits())
    assert isinstance(held, Held)
    assert (codes(held), held.publish_bytes) == (["SRC-001"], False)
    assert "convert" not in toy.asked
    assert list(Path("store").rglob("*.soma")) == []


def test_what_admit_prepared_is_kept_and_read_by_convert(toy: Toy) -> None:
    toy.labels = b" and labels"
    admitted, converted, normalised = admit(), convert(), normalise()
    assert isinstance(admitted, Admitted)
    assert isinstance(converted, Converted)
    assert isinstance(normalised, Normalised)
    assert admitted.prepared is not None
    assert [file.path for file in admitted.prepared.files] == ["a.h5ad"]
    assert admitted.prepared == converted.prepared == normalised.prepared
    assert (Path(admitted.prepared.store) / "a.h5ad").read_bytes() == b"counts and labels"
    assert (Path(converted.dataset.store) / "a.soma").read_bytes() == b"counts and labels"
    assert admitted.asset == normalised.asset  # the record names what was sent
    admit()
    assert toy.asked.count("label") == 1  # the key is there


def test_other_labels_make_another_store(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.labels = b"1"
    admit()
    first = convert()
    toy.labels = b"2"
    monkeypatch.setitem(steps.VERSIONS["singlecell"], "admit", 1_000)
    admit()
    second = convert()
    assert isinstance(first, Converted)
    assert isinstance(second, Converted)
    assert first.dataset.store != second.dataset.store


def test_a_trial_labels_nothing_and_keeps_nothing(toy: Toy) -> None:
    toy.labels = b"labels"
    record = steps.admit(Path("inbox") / f"{KEY}.json", {}, out("admit"), Limits(), trial=True)
    assert isinstance(record, Admitted)
    assert (record.prepared, toy.asked, Path("store").exists()) == (None, ["describe"], False)


def test_what_is_not_valid_is_not_labelled(toy: Toy) -> None:
    toy.labels, toy.found = b"labels", (ERROR,)
    assert isinstance(admit(), Held)
    assert toy.asked == ["describe"]
    assert [path for path in Path("store").rglob("*") if path.is_file()] == []


def test_a_store_that_a_reader_put_a_link_into_is_held_and_not_kept(toy: Toy) -> None:
    toy.spoil = lambda place: (place / "link").symlink_to("/etc/passwd")
    admit()
    held = convert()
    assert isinstance(held, Held)
    assert (codes(held), held.publish_bytes) == (["ISO-004"], False)
    assert "link: found a link" in held.findings[0].found
    assert list(Path("store").rglob("*.soma")) == []


def test_a_step_run_again_writes_the_same_content(toy: Toy) -> None:
    first, second = admit(), admit()
    assert first.model_dump(exclude={"times"}) == second.model_dump(exclude={"times"})


def test_plots_stand_beside_the_last_record_and_among_the_derived_files(toy: Toy) -> None:
    admit()
    convert()
    record = normalise()
    assert isinstance(record, Normalised)
    assert out("normalise").with_name("qc.svg").read_bytes() == b"<svg>plots</svg>"
    assert record.derived.side_cars["plots"] == "qc.svg"
    assert (Path(record.derived_store) / "qc.svg").read_bytes() == b"<svg>plots</svg>"
    assert "qc.svg" in {file.path for file in record.derived_files}


def test_a_lost_picture_is_written_again_from_its_store_without_drawing(toy: Toy) -> None:
    admit()
    convert()
    normalise()
    out("normalise").with_name("qc.svg").unlink()
    toy.asked.clear()
    normalise()
    assert toy.asked == []
    assert out("normalise").with_name("qc.svg").read_bytes() == b"<svg>plots</svg>"


def test_in_place_of_the_plots_of_a_held_asset_stands_why_it_is_held(toy: Toy) -> None:
    toy.found = (ERROR,)
    admit()
    convert()
    assert isinstance(normalise(), Held)
    picture = out("normalise").with_name("qc.svg").read_text(encoding="utf-8")
    assert "held at admit" in picture
    assert ERROR.code in picture
    assert "Found: something else" in picture
