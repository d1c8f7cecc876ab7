"""A small build made by code: real files on disk, and the records that steps would have written about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from catchment.catalogue.index import catalogue_placement, index
from catchment.config import ReleaseSettings
from catchment.release.publish import Publication, publish
from catchment.schema.build import Build
from catchment.schema.build_records import Assembled, Census, Placement, Plan, PlannedDataset
from catchment.schema.records import (
    Asset,
    Contribution,
    Dataset,
    Derived,
    Description,
    Finding,
    Held,
    MadeBy,
    Measurement,
    Normalised,
    Product,
    Sample,
    SourceFile,
    Times,
)
from catchment.schema.submission_records import Contributor, Manifest, Study
from catchment.storage import files_below, stored_files

ZERO = "0" * 64
KINDS = {"singlecell": "soma", "imaging": "ome-zarr", "massspec": "mzml"}
ANALYTES = {"singlecell": "RNA", "imaging": "morphology", "massspec": "protein"}
COUNTS = {"singlecell": {"cells": 20, "genes": 5}, "imaging": {"images": 2}, "massspec": {"spectra": 7}}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360f8cf"
    "c0f01f0005050101 5f0b5c2c0000000049454e44ae426082".replace(" ", "")
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stamp(step: str) -> dict[str, Any]:
    made_by = MadeBy(step=step, step_version=1, catchment="0.1.0", inputs={"before": sha256(step.encode())})
    return {"made_by": made_by, "times": Times(started_at="2026-11-20T10:00:00+00:00", seconds=1.5)}


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@dataclass
class Synthetic:
    """Grows a build, a submission and an asset at a time."""

    workdir: Path
    manifests: list[Manifest] = field(default_factory=list)
    normalised: list[Normalised] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    assembled: Assembled | None = None
    outside_census: set[str] = field(default_factory=set)

    @property
    def inbox(self) -> Path:
        return self.workdir / "inbox"

    def submission(self, accession: str, study: str, samples: tuple[Sample, ...] = (), **words: Any) -> None:
        words.setdefault("title", f"Study {study}")
        words.setdefault("contributors", (Contributor(name="Ada Alm", orcid="0000-0002-1825-0097"),))
        self.manifests.append(
            Manifest(
                accession=accession,
                dialect="native",
                content_digest=sha256(accession.encode()),
                study=Study(id=study, **words),
                samples=samples,
                assets=(),
                datasets={},
                received_at="2026-11-20T10:00:00+00:00",
            )
        )

    def asset(self, accession: str, modality: Any, number: int, content: bytes = b"", **facts: Any) -> Asset:
        name = f"{modality}-{number}"
        content = content or f"{accession} {name} as it was sent".encode()
        put(self.inbox / accession / "raw" / f"f{number:04d}.bin", content)
        source = SourceFile(
            path=f"raw/f{number:04d}.bin", name=f"{name}.bin", bytes=len(content), sha256=sha256(content)
        )
        return Asset(
            accession=accession,
            modality=modality,
            asset=name,
            dataset=f"{accession}.D{number:04d}",
            format="test",
            files=(source,),
            **facts,
        )

    def dataset(
        self, asset: Asset, terms: dict[str, tuple[str, ...]] | None = None, title: str = "", **more: Any
    ) -> Normalised:
        store = self.workdir / "store" / asset.accession / asset.modality / asset.asset / "key"
        kind = KINDS[asset.modality]
        put(store / f"{asset.asset}.{kind}" / "data" / "part-0", f"converted {asset.dataset}".encode())
        put(store / "thumbnail.png", PNG)
        derived = self.workdir / "store" / asset.accession / asset.modality / asset.asset / "derived-key"
        put(derived / "recipe.json", b"{}\n")
        put(derived / "qc.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>\n")
        analyte = more.get("analyte", ANALYTES[asset.modality])
        record = Normalised(
            asset=asset,
            description=Description(
                format="test", reader="reader", reader_version="1.0", axes=("obs",), shape=(20,), dtype="f4"
            ),
            dataset=Dataset(
                accession=asset.accession,
                modality=asset.modality,
                asset=asset.asset,
                dataset=asset.dataset,
                store=str(store.relative_to(self.workdir)),
                product=Product(
                    kind=kind,
                    path=f"{asset.asset}.{kind}",
                    logical_digest=sha256(asset.dataset.encode()),
                    side_cars={"thumbnail": "thumbnail.png"},
                ),
                files=stored_files(store),
                metrics={"median": 12.5, "empty": None, "histogram": [1.0, 2.0]},
            ),
            derived=Derived(recipe={"layer": "log1p"}),
            derived_store=str(derived.relative_to(self.workdir)),
            derived_files=stored_files(derived),
            contribution=Contribution(
                modality=asset.modality,
                title=title or f"Dataset {asset.dataset}",
                analyte=analyte,
                terms=terms or {},
                counts=COUNTS[asset.modality],
                measurements=tuple(
                    Measurement(id=f"m{i}", kind="channel", label=other, analyte=other, count=1, unit="1")
                    for i, other in enumerate(more.get("also", ()))
                ),
            ),
            findings=tuple(more.get("findings", ())),
            publish_bytes=more.get("publish_bytes", True),
            **stamp("normalise"),
        )
        self.normalised.append(record)
        return record

    def hold(
        self, asset: Asset, publish_bytes: bool = True, found: str = "12 rows, 13 ids", code: str = "AD-001"
    ) -> Held:
        finding = Finding(
            code=code, level="error", where="obs", found=found, expected="as many rows as ids", fix="write it again"
        )
        record = Held(held_at="admit", asset=asset, findings=(finding,), publish_bytes=publish_bytes, **stamp("admit"))
        self.held.append(record)
        return record

    def census(self) -> None:
        store = self.workdir / "store/census/assemble/key"
        put(store / "soma" / "census_data" / "part-0", b"cells")
        put(store / "measurements.parquet", b"measurements")
        put(store / "ledger.parquet", b"ledger")
        self.assembled = Assembled(
            store=str(store.relative_to(self.workdir)),
            files=stored_files(store),
            census=Census(
                soma="soma",
                measurements="measurements.parquet",
                ledger="ledger.parquet",
                logical_digest=sha256(b"census"),
                cells={"homo_sapiens": 20},
            ),
            **stamp("assemble"),
        )

    def build(self) -> Build:
        planned = tuple(
            PlannedDataset(
                accession=record.asset.accession,
                dataset=record.asset.dataset,
                modality=record.asset.modality,
                organism=None,
                store=record.dataset.store,
                path=record.dataset.product.path,
                logical_digest=record.dataset.product.logical_digest,
                joinid=number,
            )
            for number, record in enumerate(self.normalised)
            if record.asset.dataset not in self.outside_census
        )
        return Build(
            manifests=tuple(self.manifests),
            normalised=tuple(self.normalised),
            held=tuple(self.held),
            plan=Plan(
                datasets=planned,
                excluded=tuple(
                    Finding(code="CEN-002", level="info", where=name, found="no organism", expected="one", fix="say it")
                    for name in sorted(self.outside_census)
                ),
                organisms={},
            ),
            assembled=self.assembled,
            workdir=self.workdir,
            inbox=self.inbox,
        )


HUMAN, MOUSE, FISH, FLY = "NCBITaxon:9606", "NCBITaxon:10090", "NCBITaxon:7955", "NCBITaxon:7227"
LIVER, CAUDATE, BRAIN, FISH_LIVER = "UBERON:0002107", "UBERON:0001117", "UBERON:0000955", "ZFA:0000123"
HEALTHY, ALZHEIMER = "PATO:0000461", "MONDO:0004975"
TENX, MS = "EFO:0009922", "EFO:0002766"


def sample(
    accession: str, number: int, id_: str, organism: str, tissue: str, disease: str = HEALTHY, **more: str
) -> Sample:
    return Sample(
        id=id_,
        accession=f"{accession}.S{number:04d}",
        organism_ontology_term_id=organism,
        tissue_ontology_term_id=tissue,
        tissue_type="tissue",
        disease_ontology_term_id=disease,
        **more,
    )


def five_studies(workdir: Path) -> Synthetic:
    """Return a build of five studies.

    `liver`: human caudate lobe, single cells in one submission, proteins in another, of one sample.
    `mouse-liver`: single cells; a second dataset is held, its bytes safe.
    `fish`: images of zebrafish liver and, held with unsafe bytes, one more.
    `alzheimer`: one dataset of human brain with the disease and healthy mouse liver.
    `fly`: an embryo, single cells with surface proteins measured too, outside the census.
    """
    made = Synthetic(workdir)
    a, b, c, d, e, f = (f"CAT0000000{i}A" for i in range(1, 7))
    first = sample(a, 1, "donor-1", HUMAN, CAUDATE)
    made.submission(a, "liver", (first,), title="Healthy liver, <b>cell</b> by cell", keywords=("hepatic",))
    made.dataset(
        made.asset(a, "singlecell", 1, samples=(first,), assay_ontology_term_id=TENX),
        {"cell_type_ontology_term_id": ("CL:0000182",)},
    )
    again = sample(b, 1, "donor-1", HUMAN, "unknown", sex_ontology_term_id="PATO:0000383")
    made.submission(b, "liver", (again,), title="Healthy liver, <b>cell</b> by cell")
    made.dataset(made.asset(b, "massspec", 1, samples=(again,), assay_ontology_term_id=MS))
    mouse = sample(c, 1, "m-1", MOUSE, LIVER)
    made.submission(c, "mouse-liver", (mouse,), title="Mouse liver")
    made.dataset(made.asset(c, "singlecell", 1, samples=(mouse,), assay_ontology_term_id=TENX))
    made.hold(made.asset(c, "massspec", 2, samples=(mouse,), assay_ontology_term_id=MS))
    fish = sample(d, 1, "z-1", FISH, FISH_LIVER)
    made.submission(d, "fish", (fish,), title="Zebrafish liver")
    made.dataset(made.asset(d, "imaging", 1, samples=(fish,)), also=("protein",))
    made.hold(made.asset(d, "imaging", 2, samples=(fish,)), publish_bytes=False, code="ZIP-001")
    patient = sample(e, 1, "p-1", HUMAN, BRAIN, ALZHEIMER)
    control = sample(e, 2, "m-2", MOUSE, LIVER)
    made.submission(e, "alzheimer", (patient, control), title="Alzheimer's, two species")
    made.dataset(made.asset(e, "singlecell", 1, samples=(patient, control), assay_ontology_term_id=TENX))
    embryo = sample(f, 1, "f-1", FLY, "unknown", development_stage_ontology_term_id="FBdv:00005289")
    made.submission(f, "fly", (embryo,), title="Fly embryo")
    made.dataset(made.asset(f, "singlecell", 1, samples=(embryo,)), also=("protein",))
    made.outside_census.add(f"{f}.D0001")
    made.census()
    return made


def lay_out(made: Synthetic, settings: ReleaseSettings | None = None) -> tuple[Placement, ...]:
    """Index a build as the step does, each time in a store of its own, and return the whole layout."""
    store = Path("store/release/index") / uuid4().hex
    _, placements = index(made.build(), made.workdir / store, settings or ReleaseSettings())
    return (*placements, catalogue_placement(str(store), stored_files(made.workdir / store)))


def publish_build(made: Synthetic, today: date = date(2026, 11, 20), **settings: Any) -> Publication:
    """Index and publish a build."""
    chosen = ReleaseSettings(**settings)
    return publish(made.build(), lay_out(made, chosen), made.workdir, chosen, today)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_below(folder)}
