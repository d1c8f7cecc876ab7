"""The demonstration's uploads: one multi-modal liver study in three submissions, a ZIP of images that
show where proteins are, and a submission of broken files.

`python -m catchment.demonstration FOLDER` writes them. Samples are shared across submissions by the study's own ids, so
that a search for studies with single-cell and imaging data of liver finds one.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from catchment.demonstration import image_sets, imaging, massspec, quantities, singlecell

SEED = 20_261_120

STUDY = {
    "id": "catchment-demo-liver",
    "title": "A demonstration of liver, in three modalities",
    "description": "Synthetic single-cell, imaging and proteomics data of liver, made by code from a seed: two human "
    "donors and one mouse, with an image stack and a proteomics run of the first donor.",
    "licence": "CC0-1.0",
    "keywords": ["liver", "demonstration", "synthetic"],
    "contributors": [{"name": "Catchment"}],
    "collection": "Catchment demonstration",
}

HUMAN = {
    "organism_ontology_term_id": "NCBITaxon:9606",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
    "disease_ontology_term_id": "PATO:0000461",
}
DONOR_1 = {
    "id": "liver-h1",
    **HUMAN,
    "development_stage_ontology_term_id": "HsapDv:0000136",
    "sex_ontology_term_id": "PATO:0000383",
    "donor_id": "H1",
}
DONOR_2 = {
    "id": "liver-h2",
    **HUMAN,
    "development_stage_ontology_term_id": "HsapDv:0000155",
    "sex_ontology_term_id": "PATO:0000384",
    "donor_id": "H2",
}
MOUSE = {
    "id": "liver-m1",
    "organism_ontology_term_id": "NCBITaxon:10090",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
    "disease_ontology_term_id": "PATO:0000461",
    "development_stage_ontology_term_id": "MmusDv:0000110",
    "sex_ontology_term_id": "PATO:0000384",
    "donor_id": "M1",
}
LOCALISATION = {
    "id": "catchment-demo-localisation",
    "title": "A demonstration of where two proteins are, in cells under three treatments",
    "description": "Synthetic immunofluorescence images, made by code from a seed: one ZIP of three treatments, two "
    "proteins and four channels each, laid out as CM4AI ships its images.",
    "licence": "CC0-1.0",
    "keywords": ["demonstration", "immunofluorescence", "protein localisation", "synthetic"],
    "contributors": [{"name": "Catchment"}],
    "collection": "Catchment demonstration",
}
CELL_LINE = {
    "id": "mda-mb-468",
    "organism_ontology_term_id": "NCBITaxon:9606",
    "tissue_ontology_term_id": "CVCL_0419",
    "tissue_type": "cell line",
    "disease_ontology_term_id": "MONDO:0004989",
    "development_stage_ontology_term_id": "na",
    "sex_ontology_term_id": "PATO:0000383",
}
TENX_V3, MICROSCOPY, PROTEOMICS = "EFO:0009922", "EFO:0002909", "EFO:0002766"


def write_uploads(folder: Path) -> list[Path]:
    """Write every upload below a folder, each whole by a rename, and return them; those that are there stay."""
    writers = {
        "1-liver-donor-1": write_first_donor,
        "2-liver-donor-2": write_second_donor,
        "3-liver-mouse": write_mouse,
        "4-broken": write_broken,
        "5-localisation": write_localisation,
    }
    for name, write in writers.items():
        if not (folder / name).exists():
            scratch = folder / f".{name}.tmp"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            write(scratch)
            scratch.rename(folder / name)
    return [folder / name for name in writers]


def write_first_donor(folder: Path) -> None:
    """Write the submission with all three modalities of one donor, and a table of protein quantities."""
    singlecell.write_h5ad(folder / "liver_donor1.h5ad", organism="homo_sapiens", seed=SEED)
    imaging.write_ome_tiff(folder / "liver_donor1_stack.ome.tiff", seed=SEED)
    massspec.write_mzml(folder / "liver_donor1_run.mzML", seed=SEED)
    massspec.write_sdrf(folder / "run.sdrf.tsv", data_file="liver_donor1_run.mzML", sample_id="liver-h1")
    quantities.write_protein_groups(folder / "proteinGroups.txt", seed=SEED)
    assets = [
        {"file": "liver_donor1.h5ad", "samples": ["liver-h1"], "assay_ontology_term_id": TENX_V3},
        {"file": "liver_donor1_stack.ome.tiff", "samples": ["liver-h1"], "assay_ontology_term_id": MICROSCOPY},
        {"file": "liver_donor1_run.mzML", "assay_ontology_term_id": PROTEOMICS},
        {"file": "proteinGroups.txt", "samples": ["liver-h1"], "assay_ontology_term_id": PROTEOMICS},
    ]
    describe(folder, STUDY, [DONOR_1], assets, sdrf="run.sdrf.tsv")


def write_second_donor(folder: Path) -> None:
    """Write the submission with a second donor's cells; its counts stand in `raw`, beside a normalised X."""
    singlecell.write_h5ad(folder / "liver_donor2.h5ad", organism="homo_sapiens", seed=SEED + 1, layout="raw")
    asset = {"file": "liver_donor2.h5ad", "samples": ["liver-h2"], "assay_ontology_term_id": TENX_V3}
    describe(folder, STUDY, [DONOR_2], [asset])


def write_mouse(folder: Path) -> None:
    """Write the submission with mouse cells."""
    singlecell.write_h5ad(folder / "liver_mouse.h5ad", organism="mus_musculus", seed=SEED + 2)
    asset = {"file": "liver_mouse.h5ad", "samples": ["liver-m1"], "assay_ontology_term_id": TENX_V3}
    describe(folder, STUDY, [MOUSE], [asset])


def write_localisation(folder: Path) -> None:
    """Write the submission with a ZIP of images."""
    image_sets.write_image_set(folder / "ifimages-mda-mb-468.zip", seed=SEED + 3)
    asset = {
        "file": "ifimages-mda-mb-468.zip",
        "samples": ["mda-mb-468"],
        "assay_ontology_term_id": MICROSCOPY,
        "annotations": {"cell_line": "MDA-MB-468", "pixel_size_um": "0.16"},
    }
    describe(folder, LOCALISATION, [CELL_LINE], [asset])


def write_broken(folder: Path) -> None:
    """Write the submission that is held: a corrupt H5AD, a truncated image, a run that lacks spectra, a hostile ZIP."""
    singlecell.write_corrupt_h5ad(folder / "corrupt.h5ad")
    imaging.write_truncated_tiff(folder / "truncated.ome.tiff")
    massspec.write_short_mzml(folder / "short.mzML")
    image_sets.write_hostile_zip(folder / "hostile.zip")
    study = {"id": "catchment-demo-broken", "title": "Files that are broken on purpose", "licence": "CC0-1.0"}
    assets = [
        {"file": "corrupt.h5ad", "samples": ["liver-h1"], "assay_ontology_term_id": TENX_V3},
        {"file": "truncated.ome.tiff", "samples": ["liver-h1"], "assay_ontology_term_id": MICROSCOPY},
        {"file": "short.mzML", "samples": ["liver-h1"], "assay_ontology_term_id": PROTEOMICS},
        {"file": "hostile.zip", "samples": ["liver-h1"], "assay_ontology_term_id": MICROSCOPY},
    ]
    describe(folder, study, [DONOR_1], assets)


def describe(
    folder: Path, study: object, samples: Sequence[object], assets: Sequence[object], sdrf: str | None = None
) -> None:
    """Write a submission.yaml."""
    document = {"study": study, "samples": samples, "assets": assets, **({"sdrf": sdrf} if sdrf else {})}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    (folder / "submission.yaml").write_text(text, encoding="utf-8")
