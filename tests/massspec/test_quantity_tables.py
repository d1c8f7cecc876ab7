from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_tables as tables
from tiny_mzml import asset_of, dataset_of

from catchment.massspec import MODALITY
from catchment.massspec.describe import head_of_asset
from catchment.schema.records import Asset, Description, Finding, Product, Sample, SubmittedRun, Unreadable
from catchment.storage import Place

SAMPLES = tuple(Sample(id=name, accession=f"CAT00000017A.S000{n}") for n, name in enumerate(("h1", "h2"), start=1))
SUBMITTED = tuple(
    SubmittedRun(file=f"runs/{run}.mzML", assay=f"assay {n}", samples=(sample,), biological_replicate=str(n))
    for n, (run, sample) in enumerate(zip(tables.RUNS, ("h1", "h1", "h2"), strict=True))
)


def findings_of(asset: Asset) -> list[Finding]:
    """Return all that is found in a table, whether it can be described or not."""
    description = MODALITY.describe(asset)
    if isinstance(description, Unreadable):
        return list(description.findings)
    return list(MODALITY.validate(description, asset, MODALITY.admit_settings()).findings)


def walked(asset: Asset, folder: Path) -> tuple[Product, Any]:
    """Convert a table; return the product and its AnnData as anndata reads it."""
    folder.mkdir()
    description = MODALITY.describe(asset)
    assert isinstance(description, Description), description
    product = MODALITY.convert(asset, description, Place(str(folder)), MODALITY.convert_settings())
    assert isinstance(product, Product), product
    return product, anndata.read_h5ad(folder / product.path)


def text_table(folder: Path, text: str, name: str = "report.pg_matrix.tsv") -> Asset:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return asset_of(path)


@pytest.mark.parametrize("format_", tables.LAYOUTS)
def test_each_layout_is_recognised_and_read_as_written(tmp_path: Path, format_: str) -> None:
    asset = asset_of(tables.write(tmp_path, format_), samples=SAMPLES, runs=SUBMITTED)
    confidence = MODALITY.recognise(head_of_asset(asset))
    assert confidence is not None
    assert (confidence.format, confidence.of_runs) == (format_, True)
    assert [found for found in findings_of(asset) if found.level == "error"] == []
    product, data = walked(asset, tmp_path / "out")
    assert product.kind == "h5ad"
    data = data[:, data.var["usable"].to_numpy()]
    leading = [name.split(";")[0] for name in data.var["canonical_accessions"]]
    order = [leading.index(group.split(";")[0].partition("-")[0]) for group, *_ in tables.PROTEINS]
    np.testing.assert_array_equal(np.asarray(data.X)[:, order], tables.VALUES)
    assert list(data.obs["sample_id"]) == ["h1", "h1", "h2"]
    assert list(data.obs["sample_accession"])[2] == "CAT00000017A.S0002"
    assert set(data.obs["joined_by"]) == {"file"}


def test_parquet_report_is_the_text_report(tmp_path: Path) -> None:
    path = tmp_path / "report.parquet"
    pq.write_table(pa.Table.from_pandas(pd.DataFrame(tables.diann_rows())), path)
    parquet, own = walked(asset_of(path), tmp_path / "a")
    text, other = walked(asset_of(tables.write(tmp_path, "diann-report")), tmp_path / "b")
    assert parquet.logical_digest == text.logical_digest
    np.testing.assert_array_equal(own.layers["quantity"], other.layers["quantity"])


def test_gzip_is_read_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "proteinGroups.txt.gz"
    path.write_bytes(gzip.compress(tables.maxquant().encode()))
    zipped, _ = walked(asset_of(path), tmp_path / "a")
    plain, _ = walked(asset_of(tables.write(tmp_path, "maxquant-proteins")), tmp_path / "b")
    assert zipped.logical_digest == plain.logical_digest


def test_decoys_contaminants_and_sites_are_flagged_kept_and_left_out_of_what_follows(tmp_path: Path) -> None:
    asset = asset_of(tables.write(tmp_path, "maxquant-proteins"))
    product, data = walked(asset, tmp_path / "out")
    assert list(data.var_names[data.var["is_decoy"]]) == ["REV__P12345"]
    assert list(data.var_names[data.var["is_contaminant"]]) == ["CON__P02769"]
    assert list(data.var_names[data.var["only_by_site"]]) == ["Q9Y6K9"]
    assert (data.n_vars, product.facts["proteins"]) == (8, 5)
    (found,) = [found for found in findings_of(asset) if found.code == "QT-014"]
    assert (found.count, found.found) == (3, "1 is_decoy, 1 is_contaminant, 1 only_by_site")
    features = pq.read_table(tmp_path / "out/features.parquet").to_pylist()
    assert {"kind": "protein", "feature_id": "P04637", "gene": "TP53"} in features
    assert not [row for row in features if row["feature_id"] in ("P02769", "P12345", "Q9Y6K9")]


def test_zero_of_maxquant_and_fragpipe_is_not_measured_and_a_count_of_zero_is_a_count(tmp_path: Path) -> None:
    _, data = walked(asset_of(tables.write(tmp_path, "fragpipe-proteins")), tmp_path / "out")
    assert np.isnan(np.asarray(data.X)[0, 3])
    assert data.layers["spectral_count"][0, 3] == 0
    np.testing.assert_array_equal(data.layers["intensity"], tables.VALUES / 2)
    assert data.uns["quantities"]["quantity"] == "maxlfq"
    columns = json.loads(data.uns["quantities"]["source_columns"])
    assert columns["maxlfq"][0] == "liver_h1_rep1 MaxLFQ Intensity"


def test_isoforms_are_kept_and_their_canonical_accession_is_named(tmp_path: Path) -> None:
    _, data = walked(asset_of(tables.write(tmp_path, "diann-pg-matrix")), tmp_path / "out")
    row = data.var.iloc[1]
    assert (row["accessions"], row["canonical_accessions"], row["genes"]) == ("P02768-2;P02768", "P02768", "ALB")


def test_scanpy_reads_and_works_on_it(tmp_path: Path) -> None:
    scanpy = pytest.importorskip("scanpy")
    walked(asset_of(tables.write(tmp_path, "maxquant-proteins")), tmp_path / "out")
    data = scanpy.read_h5ad(tmp_path / "out/run.h5ad")
    data = data[:, np.isfinite(data.X).all(axis=0)].copy()
    scanpy.pp.log1p(data)
    np.testing.assert_allclose(data.X[0, 0], np.log1p(20000.0))


def test_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    asset = asset_of(tables.write(tmp_path, "maxquant-proteins"))
    walked(asset, tmp_path / "a")
    walked(asset, tmp_path / "b")
    for name in ("run.h5ad", "features.parquet", "thumbnail.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


# --- runs and samples --------------------------------------------------------------------------------------------


def test_runs_are_joined_by_file_assay_or_sample_and_never_by_a_look_alike(tmp_path: Path) -> None:
    path = tables.write(tmp_path, "fragpipe-proteins")
    text = path.read_text().replace("liver_h1_rep1 ", "h1 ").replace("liver_h1_rep2 ", "assay 1 ")
    path.write_text(text.replace("liver_h2_rep1 ", "Liver_H2_rep1 "))
    asset = asset_of(path, samples=SAMPLES, runs=SUBMITTED)
    _, data = walked(asset, tmp_path / "out")
    assert list(data.obs["joined_by"]) == ["sample", "assay", ""]
    found = {found.code: found for found in findings_of(asset)}
    assert (found["QT-012"].where, found["QT-012"].count) == ("Liver_H2_rep1", 1)
    assert found["QT-013"].count == 2


def test_table_of_one_sample_gives_it_to_all_its_runs(tmp_path: Path) -> None:
    asset = asset_of(tables.write(tmp_path, "spectronaut-pivot"), samples=SAMPLES[:1])
    _, data = walked(asset, tmp_path / "out")
    assert list(data.obs["sample_id"]) == ["h1"] * 3
    assert set(data.obs["joined_by"]) == {"table"}
    assert [found.code for found in findings_of(asset)] == []


# --- bad tables --------------------------------------------------------------------------------------------------


GOOD = tables.diann_pg_matrix()
BAD = {
    "decimal comma": (GOOD.replace("1000.5", "1000,5"), "QT-005", "line 2, D:\\data\\liver_h1_rep1.raw", "'1000,5'"),
    "word": (GOOD.replace("1000.5", "many"), "QT-004", "line 2, D:\\data\\liver_h1_rep1.raw", "'many'"),
    "formula": (GOOD.replace("300.25", "=SUM(A1:A9)"), "QT-004", "line 4", "'=SUM(A1:A9)'"),
    "infinite": (GOOD.replace("1000.5", "inf"), "QT-006", "line 2", "'inf'"),
    "overflow": (GOOD.replace("1000.5", "1e999"), "QT-006", "line 2", "'1e999'"),
    "negative": (GOOD.replace("1000.5", "-3.5"), "QT-006", "line 2", "'-3.5'"),
    "ragged": (GOOD.replace("\t1000.5", ""), "QT-003", "line 2", "6 cells, 7 columns"),
    "group twice": (GOOD.replace("Q93009\t", "P04637\t"), "QT-007", "line 4", "P04637, as in line 2"),
    "run twice": (GOOD.replace("h1_rep2", "h1_rep1"), "QT-007", "line 1", "in two columns"),
    "no group": (GOOD.replace("\nP04637\t", "\n\t"), "QT-008", "line 2", "no protein group"),
    "no rows": (GOOD.splitlines()[0] + "\n", "QT-010", "table", "3 runs, 0 rows, no quantity"),
    "no values": (tables.diann_pg_matrix(np.full((3, 5), np.nan)), "QT-010", "table", "3 runs, 5 rows, no quantity"),
    "no run": ("Protein.Group\tProtein.Names\tGenes\nP04637\ta\tb\n", "QT-002", "line 1", "no column with quantities"),
    "other names": (GOOD.replace("P04637\t", "ENSP00000269305\t", 1), "QT-011", "ENSP00000269305", "ENSP00000269305"),
    "dates": (GOOD.replace("TP53", "2-Sep"), "QT-015", "2-Sep", "2-Sep"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_each_fault_is_named_with_its_place(tmp_path: Path, what: str) -> None:
    text, code, where, said = BAD[what]
    assert text != GOOD
    asset = text_table(tmp_path, text).model_copy(update={"samples": SAMPLES[:1]})
    found = {found.code: found for found in findings_of(asset)}
    assert code in found, found
    assert where in found[code].where
    assert said in found[code].found
    assert set(found) == {code}


def test_many_faults_of_one_kind_are_counted_and_the_first_three_named(tmp_path: Path) -> None:
    text = GOOD
    for number in ("1000.5", "20000.0", "300.25", "5000000.0"):
        text = text.replace(number, "x")
    found = {found.code: found for found in findings_of(text_table(tmp_path, text))}
    assert found["QT-004"].count == 4
    assert found["QT-004"].where.count("line") == 3


def test_contradicting_rows_of_a_long_table_are_an_error(tmp_path: Path) -> None:
    before, first, after = tables.diann_report().rpartition("\t500.25\t1000.5\t")
    assert first
    asset = text_table(tmp_path, f"{before}\t500.25\t17.0\t{after}", "report.tsv")
    found = {found.code: found for found in findings_of(asset)}
    assert found["QT-007"].where == "liver_h1_rep1, P04637"
    assert found["QT-007"].found == "different values of PG.MaxLFQ"


def test_groups_above_one_percent_are_kept_and_said(tmp_path: Path) -> None:
    asset = text_table(tmp_path, tables.diann_report(q_value=0.03), "report.tsv")
    found = {found.code: found for found in findings_of(asset)}
    assert (found["QT-016"].count, found["QT-016"].found) == (12, "0.03")
    _, data = walked(asset, tmp_path / "out")
    assert np.nanmax(data.layers["q_value"]) == 0.03


def test_bytes_that_are_no_table_are_a_finding(tmp_path: Path) -> None:
    asset = text_table(tmp_path, GOOD)
    path = Path(asset.files[0].path)
    data = GOOD.encode()
    path.write_bytes(data.replace(b"a protein", b"a prot\xffin", 1))
    assert [found.code for found in findings_of(asset)][:1] == ["QT-001"]
    parquet = tmp_path / "report.parquet"
    pq.write_table(pa.table({"a": [1]}), parquet)
    assert [found.code for found in findings_of(asset_of(parquet))] == ["QT-002"]
    parquet.write_bytes(parquet.read_bytes()[:-20])
    assert [found.code for found in findings_of(asset_of(parquet))] == ["QT-001"]
    pq.write_table(pa.Table.from_pandas(pd.DataFrame(tables.diann_rows())), parquet)
    lying = tmp_path / "report.tsv"
    assert MODALITY.recognise(head_of_asset(asset_of(parquet))) is not None
    lying.write_bytes(parquet.read_bytes())
    assert MODALITY.recognise(head_of_asset(asset_of(lying))) is None


def test_flipped_bytes_and_cut_files_end_in_findings_or_in_a_table(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    good = tables.maxquant().encode()
    path = tmp_path / "proteinGroups.txt"
    for trial in range(60):
        data = bytearray(good)
        if trial % 2:
            data = data[: int(generator.integers(1, len(data)))]
        else:
            data[int(generator.integers(len(data)))] = int(generator.integers(256))
        path.write_bytes(bytes(data))
        for found in findings_of(asset_of(path)):
            assert found.code.startswith(("QT-", "FMT-", "MZ-")), found


# --- normalised --------------------------------------------------------------------------------------------------


def normalised(asset: Asset, folder: Path) -> tuple[dict[str, Any], Any]:
    product, _ = walked(asset, folder)
    dataset = dataset_of(asset, product, folder)
    out = Place(str(folder / "derived"))
    derived = MODALITY.normalise(dataset, asset, Place(str(folder)), out, MODALITY.normalise_settings())
    svg = MODALITY.draw(dataset, asset, Place(str(folder)))
    assert svg.startswith(b"<svg")
    return dict(derived.recipe), anndata.read_h5ad(out.path / derived.side_cars["normalised"])


def test_median_layer_has_equal_medians_of_logarithms_and_no_other_change(tmp_path: Path) -> None:
    recipe, data = normalised(asset_of(tables.write(tmp_path, "maxquant-proteins")), tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(data.X), tables.VALUES)
    medians = [np.nanmedian(np.log2(row)) for row in data.layers["median"]]
    expected = np.mean([np.nanmedian(np.log2(row)) for row in tables.VALUES])
    np.testing.assert_allclose(medians, expected)
    ratios = data.layers["median"] / tables.VALUES
    np.testing.assert_allclose(
        ratios, np.nanmean(ratios, axis=1, keepdims=True) * np.where(np.isnan(ratios), np.nan, 1)
    )
    assert recipe["method"] == "median and quantile"
    assert data.uns["normalisation"]["imputed"] == "nothing"


def test_fractions_of_a_separation_become_profiles_and_their_totals_stay(tmp_path: Path) -> None:
    path = tmp_path / "cm4ai_biosep_Report.tsv"
    path.write_text(tables.sec_ms())
    asset = asset_of(path, samples=SAMPLES[:1])
    assert [found.code for found in findings_of(asset)] == []
    recipe, data = normalised(asset, tmp_path / "out")
    values = np.array([[tables.profile(p, r)[f] for p in range(5)] for r in range(2) for f in range(6)])
    np.testing.assert_array_equal(np.asarray(data.X), values)
    assert list(data.obs["fraction"]) == [1, 2, 3, 4, 5, 6] * 2
    assert set(data.layers) == {"replicate_centred", "profile"}
    # the second replicate is twice as high throughout: centring makes both the same, and no fraction equal to another
    centred = data.layers["replicate_centred"]
    np.testing.assert_allclose(centred[:6], centred[6:], rtol=1e-2)
    totals, before = np.nansum(centred[:6], axis=1), np.nansum(values[:6], axis=1)
    np.testing.assert_allclose(totals / totals[0], before / before[0])
    np.testing.assert_allclose(np.nanmax(data.layers["profile"], axis=0), 1.0)
    assert (recipe["replicates"], recipe["method"]) == (2, "elution profiles")


def test_contribution_names_proteins_and_terms(tmp_path: Path) -> None:
    human = SAMPLES[0].model_copy(update={"organism_ontology_term_id": "NCBITaxon:9606"})
    asset = asset_of(tables.write(tmp_path, "maxquant-proteins"), samples=(human,))
    product, _ = walked(asset, tmp_path / "out")
    contribution = MODALITY.contribute(dataset_of(asset, product, tmp_path / "out"), asset, Place(str(tmp_path)))
    assert contribution.counts == {"runs": 3, "proteins": 5}
    assert contribution.analyte == "protein"
    assert contribution.terms["organism_ontology_term_id"] == ("NCBITaxon:9606",)
    (measurement,) = contribution.measurements
    assert (measurement.kind, measurement.count, measurement.unit) == ("quantities", 5, "proteins")


# --- bounds, and what can only go wrong on the way ---------------------------------------------------------------


@pytest.mark.parametrize("format_", ["maxquant-proteins", "diann-report"])
def test_table_of_too_many_cells_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    monkeypatch.setattr("catchment.massspec.quantities.table.MAX_CELLS", 10)
    (found,) = findings_of(asset_of(tables.write(tmp_path, format_)))
    assert (found.code, found.level) == ("QT-009", "error")
    assert "3 runs x" in found.found


def test_what_is_read_back_otherwise_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = asset_of(tables.write(tmp_path, "maxquant-proteins"))
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    read_h5ad = anndata.read_h5ad

    def wrong(path: Path) -> Any:
        data = read_h5ad(path)
        data.X[0, 1] += 1
        return data

    monkeypatch.setattr("catchment.massspec.quantities.convert.anndata.read_h5ad", wrong)
    product = MODALITY.convert(asset, description, Place(str(tmp_path / "out")), MODALITY.convert_settings())
    assert isinstance(product, Unreadable)
    assert [(found.code, found.found) for found in product.findings] == [("QT-017", "other quantities in X")]


def test_processed_features_of_msstats_keep_intensity_and_its_logarithm(tmp_path: Path) -> None:
    columns = "PROTEIN,PEPTIDE,TRANSITION,FEATURE,LABEL,GROUP,RUN,SUBJECT,FRACTION,originalRUN,INTENSITY,ABUNDANCE"
    start = "P04637,PEPK_2,NA_NA,PEPK_2_NA_NA,L,a"
    rows = [f"{start},1,1,1,run 1,1024,10", f"{start},2,2,1,r2,0.5,-1"]
    asset = text_table(tmp_path, "\n".join([columns, *rows]) + "\n", "MSstats_peptide_feature_data.csv")
    product, data = walked(asset.model_copy(update={"samples": SAMPLES[:1]}), tmp_path / "out")
    assert (product.facts["level"], product.facts["proteins"]) == ("precursor", 1)
    assert np.asarray(data.X).tolist() == [[1024.0], [0.5]]
    assert data.layers["abundance"].tolist() == [[10.0], [-1.0]]
    assert (data.var_names[0], data.var["accessions"].iloc[0]) == ("PEPK_2_NA_NA", "P04637")
