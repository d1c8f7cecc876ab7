"""One protein, whatever the assay: mass spectrometry by accession, cells by gene, images by the antibody's target."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catchment.catalogue.bridges import bridges
from catchment.catalogue.index import index
from catchment.catalogue.query import search
from catchment.config import ReleaseSettings
from catchment.schema.features import write_features
from catchment.schema.records import Normalised, Sample
from catchment.storage import stored_files
from tests.release.synthetic_build import Synthetic

A = "CAT00000001K"
SETS = {
    "singlecell": ("gene", [("ENSG00000163631", "ALB"), ("ENSG00000187555", "USP7"), ("ENSG00000012048", "BRCA1")]),
    "imaging": ("protein", [("ENSG00000187555", "USP7")]),
    "massspec": (
        "protein",
        [("P02768", "ALB"), ("P02768-2", "ALB"), ("Q93009", "USP7"), ("O15164", ""), ("", "TRIM33")],
    ),
}


def with_features(made: Synthetic, record: Normalised, kind: str, pairs: list[tuple[str, str]]) -> None:
    """Put a side-car beside the view of a dataset that is in a build already."""
    folder = made.workdir / record.derived_store
    write_features(kind, pairs, folder / "features.parquet")  # type: ignore[arg-type]
    derived = record.derived.model_copy(update={"side_cars": {"features": "features.parquet"}})
    changed = record.model_copy(update={"derived": derived, "derived_files": stored_files(folder)})
    made.normalised[made.normalised.index(record)] = changed


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    made = Synthetic(folder / "build")
    sample = Sample(id="s", accession=f"{A}.S0001", tissue_ontology_term_id="UBERON:0002107")
    made.submission(A, "study", (sample,))
    for number, (modality, (kind, pairs)) in enumerate(SETS.items(), start=1):
        own = (sample,) if modality != "imaging" else ()
        record = made.dataset(made.asset(A, modality, number, samples=own))
        with_features(made, record, kind, pairs)
    mouse = made.dataset(made.asset(A, "singlecell", 4))
    with_features(made, mouse, "gene", [("ENSMUSG00000029368", "Alb")])
    index(made.build(), folder / "catalogue", ReleaseSettings())
    return folder


def found(place: Path, **filters: str) -> dict[str, list[str]]:
    rows = search(place, "", {name: [word] for name, word in filters.items()}, of="datasets")
    return {row["dataset_id"].removeprefix(f"{A}."): row["matched"] for row in rows}


def test_accession_finds_the_protein_in_every_assay(measured: Path) -> None:
    assert found(measured, protein="Q93009") == {
        "D0001": ["gene USP7 (ENSG00000187555)"],
        "D0002": ["protein USP7 (ENSG00000187555)"],
        "D0003": ["protein USP7 (Q93009)"],
    }


def test_accession_of_an_isoform_is_found_by_its_canonical_one_and_other_species_are_not(measured: Path) -> None:
    answer = found(measured, protein="p02768")
    assert answer == {
        "D0001": ["gene ALB (ENSG00000163631)"],
        "D0003": ["protein ALB (P02768), protein ALB (P02768-2)"],
    }


def test_gene_is_found_by_symbol_in_any_case_and_by_its_id(measured: Path) -> None:
    assert set(found(measured, gene="alb")) == {"D0001", "D0003", "D0004"}
    assert set(found(measured, gene="ENSG00000187555")) == {"D0001", "D0002", "D0003"}
    assert set(found(measured, gene="BRCA1")) == {"D0001"}


def test_group_of_several_genes_leads_to_none_of_them(measured: Path) -> None:
    assert found(measured, protein="O15164") == {"D0003": ["protein O15164"]}


def test_nobody_measured_it(measured: Path) -> None:
    assert found(measured, protein="P99999") == {}


def test_studies_and_samples_are_found_as_well(measured: Path) -> None:
    (study,) = search(measured, "", {"protein": ["Q93009"]})
    assert study["modalities"] == ["imaging", "massspec", "singlecell"]
    (sample,) = search(measured, "", {"gene": ["ALB"]}, of="samples")
    assert sample["sample_id"] == f"{A}.S0001"


def test_sets_that_datasets_share_are_there_once(tmp_path: Path) -> None:
    made = Synthetic(tmp_path / "build")
    made.submission(A, "study")
    for number in (1, 2):
        with_features(made, made.dataset(made.asset(A, "singlecell", number)), "gene", [("ENSG00000163631", "ALB")])
    made.dataset(made.asset(A, "imaging", 3))
    index(made.build(), tmp_path / "catalogue", ReleaseSettings())
    datasets = pq.read_table(tmp_path / "catalogue/datasets.parquet")["feature_set"].to_pylist()
    assert datasets[0] == datasets[1]
    assert datasets[2] is None
    assert pq.read_table(tmp_path / "catalogue/features.parquet").to_pylist() == [
        {"feature_set": datasets[0], "kind": "gene", "feature_id": "ENSG00000163631", "gene": "ALB"}
    ]


def test_bridges_are_told_from_what_is_of_one_modality(measured: Path) -> None:
    rows = bridges(measured)
    (sample,) = [row for row in rows if row["kind"] == "sample"]
    assert (sample["bridges"], sample["modalities"], sample["without"]) == (
        True,
        ["massspec", "singlecell"],
        ["imaging"],
    )
    assert sample["datasets"] == [f"{A}.D0001", f"{A}.D0003"]
    genes = {tuple(row["modalities"]): (row["number"], row["id"]) for row in rows if row["kind"] == "gene or protein"}
    assert genes == {
        ("imaging", "massspec", "singlecell"): (1, "USP7"),
        ("massspec", "singlecell"): (1, "ALB"),
        ("massspec",): (1, "TRIM33"),
        ("singlecell",): (2, "Alb, BRCA1"),
    }
    (tissue,) = [row for row in rows if row["kind"] == "tissue"]
    assert (tissue["id"], tissue["bridges"]) == ("UBERON:0002107", True)
