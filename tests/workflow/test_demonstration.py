"""The demonstration, held against what its readers rely on, each with a client that is not ours."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import warnings
import zipfile
from pathlib import Path

import anndata
import numpy as np
import pytest
import tiledbsoma
import zarr
from PIL import Image

from tests import field_client

from .conftest import call, record_times, snakemake

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"
BROKEN = ("corrupt.h5ad", "truncated.ome.tiff", "short.mzML", "hostile.zip")


@pytest.fixture(scope="module")
def release(demonstration: Path) -> Path:
    """The folder of the published release."""
    pointer = json.loads((demonstration / "releases/latest.json").read_bytes())
    folder = demonstration / "releases" / pointer["release"]
    assert hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest() == pointer["manifest_sha256"]
    return folder


def test_every_file_matches_the_manifest_and_none_is_unlisted(release: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_bytes())
    listed = {entry["path"]: entry for entry in manifest["files"]}
    present = {str(p.relative_to(release)) for p in release.rglob("*") if p.is_file()} - {"manifest.json"}
    assert present == set(listed)
    for path, entry in listed.items():
        data = (release / path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert {store["kind"] for store in manifest["stores"]} == {"soma", "ome-zarr", "mzml", "h5ad"}


def test_the_documents_of_the_interface_are_there(release: Path) -> None:
    names = ("croissant.json", "ro-crate-metadata.json", "datacite.json", "index.html", "census/measurements.parquet")
    tables = [f"catalogue/{name}.parquet" for name in ("studies", "datasets", "samples", "files")]
    for name in (*names, "census/ledger.parquet", *tables):
        assert (release / name).stat().st_size > 0


def test_the_census_opens_with_the_client_of_the_field_and_gives_back_the_counts(
    release: Path, demonstration: Path, tmp_path: Path
) -> None:
    submitted = {
        "Homo sapiens": ["1-liver-donor-1/liver_donor1.h5ad", "2-liver-donor-2/liver_donor2.h5ad"],
        "Mus musculus": ["3-liver-mouse/liver_mouse.h5ad"],
    }
    for organism, files in submitted.items():
        found = field_client.get_anndata(release / "census/soma", tmp_path, organism=organism)
        sources = [raw_counts(demonstration / "uploads" / name) for name in files]
        assert found.n_obs == sum(source.n_obs for source in sources) >= 2_000
        first = 0
        for source in sources:
            genes = found.var["feature_id"].to_numpy()
            columns = [int(np.flatnonzero(genes == gene)[0]) for gene in source.var_names]
            mine = found.X[first : first + source.n_obs].tocsc()[:, columns].tocsr()
            assert (mine != source.X).nnz == 0
            first += source.n_obs
        assert set(found.obs["tissue"]) == {"liver"}


def test_the_example_of_the_readme_runs_as_it_stands(
    release: Path, demonstration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "demo").symlink_to(demonstration)
    monkeypatch.chdir(tmp_path)
    example = example.replace(
        "releases/2026.1/", f"releases/{release.name}/"
    )  # a version is the year that it is made in
    field_client.asked([sys.executable, "-W", "ignore", "-c", f"{example}\nhepatocytes.write_h5ad('hepatocytes.h5ad')"])
    hepatocytes = anndata.read_h5ad(tmp_path / "hepatocytes.h5ad")
    donors = [demonstration / f"uploads/{n}-liver-donor-{n}/liver_donor{n}.h5ad" for n in (1, 2)]
    terms = [term for path in donors for term in raw_counts(path).obs["cell_type_ontology_term_id"]]
    assert hepatocytes.n_obs == terms.count("CL:0000182") > 0
    assert set(hepatocytes.obs["cell_type"]) == {"hepatocyte"}


def test_the_census_names_the_h5ad_of_each_dataset_that_the_release_has(release: Path) -> None:
    with tiledbsoma.open(str(release / "census/soma/census_info/datasets")) as frame:
        paths = frame.read(column_names=["dataset_h5ad_path"]).concat()["dataset_h5ad_path"].to_pylist()
    assert len(paths) == 3
    for path in paths:
        assert anndata.read_h5ad(release / path, backed="r").n_obs > 0


def raw_counts(path: Path) -> anndata.AnnData:
    """Return a submitted H5AD with its raw counts in X."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = anndata.read_h5ad(path)
    return read if read.raw is None else read.raw.to_adata()


@pytest.mark.filterwarnings("ignore")
def test_the_images_open_with_ome_zarr_and_hold_the_submitted_pixels(release: Path, demonstration: Path) -> None:
    import tifffile
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    submitted = tifffile.imread(demonstration / "uploads/1-liver-donor-1/liver_donor1_stack.ome.tiff")
    (folder,) = release.glob("datasets/CAT00000001K.*/*.ome.zarr")
    (node, *_) = list(Reader(parse_url(str(folder)))())
    level_0 = np.asarray(node.data[0])
    assert level_0.size == submitted.size
    # OME-TIFF as tifffile reads it is z,c,y,x or c,z,y,x; both are tried, nothing else
    candidates = [submitted.reshape(level_0.shape)] if submitted.ndim == 4 else []
    candidates += [np.moveaxis(submitted, 1, 0).reshape(level_0.shape)] if submitted.ndim == 4 else []
    assert any(np.array_equal(level_0, candidate) for candidate in candidates)


def test_one_protein_is_found_in_runs_cells_and_images(release: Path, demonstration: Path) -> None:
    done = call("catchment", "search", "--protein", "Q93009", "--of", "datasets", "--json", "--workdir", demonstration)
    found = {row["dataset_id"]: (row["modality"], row["matched"]) for row in json.loads(done.stdout)}
    assert found["CAT00000001K.D0001"] == ("singlecell", ["gene USP7 (ENSG00000187555)"])
    assert found["CAT00000001K.D0004"] == ("massspec", ["protein USP7 (Q93009)"])
    assert {modality for modality, _ in found.values()} == {"imaging", "massspec", "singlecell"}
    (table,) = release.glob("datasets/CAT00000001K.D0004/*.h5ad")
    proteins = anndata.read_h5ad(table)
    assert proteins[:, "P02768"].obs["joined_by"].tolist() == ["file", "table", "table"]
    assert (release / "raw/CAT00000001K/a0004.txt").read_bytes() == (
        demonstration / "uploads/1-liver-donor-1/proteinGroups.txt"
    ).read_bytes()
    done = call("catchment", "bridges", "--json", "--workdir", demonstration)
    joined = {row["id"]: row["modalities"] for row in json.loads(done.stdout) if row["bridges"]}
    assert joined["CAT00000001K.S0001"] == ["imaging", "massspec", "singlecell"]
    assert joined["UBERON:0002107"] == ["imaging", "massspec", "singlecell"]


def test_each_image_of_the_zip_is_found_by_protein_and_holds_the_pixels_of_its_members(
    release: Path, demonstration: Path
) -> None:
    done = call("catchment", "search", "TRIM24", "--of", "images", "--json", "--workdir", demonstration)
    images = json.loads(done.stdout)
    assert [image["treatment"] for image in images] == ["Paclitaxel", "untreated", "Vorinostat"]
    upload = demonstration / "uploads/5-localisation/ifimages-mda-mb-468.zip"
    published = next((release / "raw").glob("CAT00000005*/*.zip"))
    assert published.read_bytes() == upload.read_bytes()
    with zipfile.ZipFile(upload) as archive:
        for image in images:
            told = json.loads(
                call("catchment", "describe", image["image_id"], "--json", "--workdir", demonstration).stdout
            )
            stored = np.asarray(zarr.open_array(release / image["path"] / "0", mode="r")[0, :, 0])
            for channel, member in enumerate(told["source_files"]):
                assert np.array_equal(stored[channel], np.asarray(Image.open(io.BytesIO(archive.read(member)))))
            assert image["channels"] == ["DAPI", "calreticulin", "tubulin", "TRIM24"]


def test_the_bytes_of_the_hostile_zip_are_not_published(release: Path, demonstration: Path) -> None:
    hostile = (demonstration / "uploads/4-broken/hostile.zip").read_bytes()
    assert all(path.read_bytes() != hostile for path in (release / "raw").rglob("*") if path.is_file())
    assert not list(demonstration.rglob("escape.jpg"))


@pytest.mark.filterwarnings("ignore")
def test_the_runs_open_with_pyteomics_and_hold_the_submitted_peaks(release: Path, demonstration: Path) -> None:
    from pyteomics import mzml

    (published,) = release.glob("datasets/*/*.mzML")
    with (
        mzml.PreIndexedMzML(str(published)) as ours,
        mzml.MzML(str(demonstration / "uploads/1-liver-donor-1/liver_donor1_run.mzML")) as theirs,
    ):
        spectra = list(theirs)
        assert len(ours) == len(spectra) > 100
        for spectrum in spectra:
            mine = ours[spectrum["id"]]
            assert np.array_equal(mine["m/z array"], spectrum["m/z array"])
            assert np.array_equal(mine["intensity array"], spectrum["intensity array"])


def test_a_search_for_liver_with_two_modalities_finds_the_study(demonstration: Path) -> None:
    question = ("--tissue", "liver", "--having", "singlecell", "--having", "imaging", "--json")
    done = call("catchment", "search", *question, "--workdir", demonstration)
    (study,) = json.loads(done.stdout)
    assert study["study_id"] == "catchment-demo-liver"


def test_the_broken_assets_are_named_in_findings_and_on_the_page(release: Path, demonstration: Path) -> None:
    statuses = json.loads(call("catchment", "status", "--json", "--workdir", demonstration).stdout)
    withheld = {status["file"]: status for status in statuses if status["normalise"] == "held"}
    assert set(withheld) == set(BROKEN)
    page = (release / "index.html").read_text(encoding="utf-8")
    for name, status in withheld.items():
        pages = json.loads(
            call("catchment", "findings", status["accession"], "--json", "--workdir", demonstration).stdout
        )
        (own,) = [entry for entry in pages if name in entry["what"]]
        errors = [finding for finding in own["findings"] if finding["level"] == "error"]
        assert errors
        for finding in errors:
            assert finding["found"]
            assert finding["expected"]
            assert finding["fix"]
            assert not finding["code"].startswith("ISO"), finding
            assert finding["code"] in page
        assert status["dataset"] in page


def test_a_traceback_is_nowhere(demonstration: Path) -> None:
    logs = list((demonstration / "logs").rglob("*.log"))
    assert logs
    for log in logs:
        assert "Traceback" not in log.read_text(encoding="utf-8"), log


def test_a_second_run_of_the_demonstration_does_nothing(demonstration: Path) -> None:
    before = record_times(demonstration)
    snakemake(demonstration)
    assert record_times(demonstration) == before
