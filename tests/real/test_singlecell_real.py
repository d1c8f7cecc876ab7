"""Real single-cell files: converted with every count, or refused with the right reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
import tiledbsoma

from catchment.config import SinglecellAdmit, SinglecellConvert
from catchment.schema.records import Admission, Asset, Description, Product, SourceFile
from catchment.singlecell import MODALITY
from catchment.storage import Place

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "singlecell"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real files (../shared/data) is absent"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::anndata.OldFormatWarning"),
]

BLOOD = {
    "organism_ontology_term_id": "NCBITaxon:9606",
    "tissue_ontology_term_id": "UBERON:0000178",
    "tissue_type": "tissue",
    "disease_ontology_term_id": "PATO:0000461",
    "suspension_type": "nucleus",
    "is_primary_data": True,
}


def admitted(name: str, **fields: Any) -> tuple[Asset, Description, Admission]:
    path = DATA / name
    source = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    asset = Asset(
        accession="CAT00000001A",
        dataset="CAT00000001A.D0001",
        modality="singlecell",
        asset="real",
        format="h5ad",
        files=(source,),
        **fields,
    )
    described = MODALITY.describe(asset)
    assert isinstance(described, Description), described
    return asset, described, MODALITY.validate(described, asset, SinglecellAdmit(reading="lenient"))


def errors(admission: Admission) -> set[str]:
    return {finding.code for finding in admission.findings if finding.level == "error"}


def counts_of(path: Path) -> np.ndarray:
    with tiledbsoma.open(str(path)) as root:
        array = root.ms["RNA"].X["raw"]
        table = array.read().tables().concat()
        dense = np.zeros(array.shape, np.float32)
        dense[table["soma_dim_0"].to_numpy(), table["soma_dim_1"].to_numpy()] = table["soma_data"].to_numpy()
        return dense


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("soma/subset_100_100.h5ad", {"constants": BLOOD, "assay_ontology_term_id": "EFO:0030059"}),
        ("schema_cli/example_valid.h5ad", {}),
    ],
)
def test_a_real_dataset_is_converted_with_every_count(tmp_path: Path, name: str, fields: dict[str, Any]) -> None:
    asset, described, admission = admitted(name, **fields)
    assert errors(admission) == set()
    product = MODALITY.convert(asset, described, Place(str(tmp_path)), SinglecellConvert())
    assert isinstance(product, Product)
    assert product.findings == ()
    source = anndata.read_h5ad(DATA / name)
    expected = source.raw.X if source.raw is not None else source.X
    np.testing.assert_array_equal(counts_of(tmp_path / product.path), expected.toarray())
    with tiledbsoma.open(str(tmp_path / product.path)) as root:
        obs = root.obs.read().concat().to_pandas()
        var = root.ms["RNA"].var.read().concat().to_pandas()
    assert list(obs["obs_id"]) == list(source.obs_names)
    assert var["var_id"].str.match(r"ENSG\d{11}$|ERCC-\d+$|ENSSASG\d+$").all()
    for column in source.obs.columns:
        assert obs[column].astype(str).tolist() == source.obs[column].astype(str).tolist()
    assert MODALITY.measure(product, Place(str(tmp_path)))["total_counts"] == expected.sum()


def test_normalised_values_in_the_place_of_counts_are_refused_with_cell_gene_and_value() -> None:
    _, described, admission = admitted("scanpy/10x_pbmc68k_reduced.h5ad", constants=BLOOD)
    assert described.facts["raw"] == "raw.X"
    (finding,) = (finding for finding in admission.findings if finding.code == "AD-004")
    source = anndata.read_h5ad(DATA / "scanpy/10x_pbmc68k_reduced.h5ad").raw.X
    assert finding.count == int((source.data != np.trunc(source.data)).sum())
    assert "cell AAAGCCTGGCTAAC-1, gene " in finding.found


def test_a_dataset_that_the_schema_refuses_is_refused_here() -> None:
    _, _, admission = admitted("schema_cli/example_invalid_CL.h5ad")
    wrong = {(finding.code, finding.where) for finding in admission.findings}
    assert ("OBS-003", "obs/cell_type_ontology_term_id") in wrong
    assert ("OBS-001", "obs/suspension_type") in wrong


@pytest.mark.parametrize("path", sorted((DATA / "schema_cli" / "history").glob("*.h5ad")), ids=lambda path: path.stem)
def test_old_files_are_read_and_told_what_they_lack(path: Path) -> None:
    _, described, admission = admitted(f"schema_cli/history/{path.name}")
    assert described.shape[0] == 320
    assert errors(admission)


@pytest.mark.filterwarnings("ignore")
def test_a_real_visium_section_has_the_scene_that_tiledbsoma_makes_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json
    import sys
    from unittest.mock import MagicMock

    import pandas as pd
    import scanpy
    from PIL import Image

    # the way out wants spatialdata, the way in does not
    monkeypatch.setitem(sys.modules, "tiledbsoma.io.spatial.outgest", MagicMock())
    from tiledbsoma.io.spatial.ingest import VisiumPaths, from_visium

    folder = DATA / "scanpy"
    matrix = folder / "visium_data__1.0.0__filtered_feature_bc_matrix.h5"
    positions = folder / "visium_data__1.0.0__spatial__tissue_positions_list.csv"
    factors = folder / "visium_data__1.0.0__spatial__scalefactors_json.json"
    pixels = np.random.default_rng(1).integers(0, 256, (300, 270, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "hires.png")
    paths = VisiumPaths(
        gene_expression=matrix,
        scale_factors=factors,
        tissue_positions=positions,
        fullres_image=None,
        hires_image=tmp_path / "hires.png",
        lowres_image=None,
        version=1,
    )
    from_visium(str(tmp_path / "theirs"), paths, "RNA", "brain", image_channel_first=False)

    adata = scanpy.read_10x_h5(matrix)
    adata.var_names_make_unique()
    table = pd.read_csv(positions, header=None, index_col=0).loc[adata.obs_names]
    adata.obsm["spatial"] = table[[5, 4]].to_numpy()  # column and row of the pixel: x and y
    library = {"images": {"hires": pixels}, "scalefactors": json.loads(factors.read_text())}
    adata.uns |= {"spatial": {"brain": library}, "organism_ontology_term_id": "NCBITaxon:9606"}
    adata.write_h5ad(tmp_path / "section.h5ad")
    source = SourceFile(path=str(tmp_path / "section.h5ad"), name="section.h5ad", bytes=1, sha256="0" * 64)
    identity = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001", "asset": "real"}
    asset = Asset(modality="singlecell", format="h5ad", files=(source,), **identity)
    described = MODALITY.describe(asset)
    assert isinstance(described, Description)
    product = MODALITY.convert(asset, described, Place(str(tmp_path)), SinglecellConvert())
    assert isinstance(product, Product)
    assert product.findings == ()

    def spots(root: Any) -> pd.DataFrame:
        table = root.spatial["brain"].obsl["loc"].read().concat().to_pandas().set_index("soma_joinid")
        return table.sort_index()[["x", "y"]]

    with (
        tiledbsoma.open(str(tmp_path / "theirs")) as theirs,
        tiledbsoma.open(str(tmp_path / product.path)) as ours,
    ):
        np.testing.assert_array_equal(spots(ours), spots(theirs))
        scenes = ours.spatial["brain"], theirs.spatial["brain"]
        radii = [scene.obsl["loc"].metadata["soma_geometry"] for scene in scenes]
        assert radii[0] == radii[1]
        assert scenes[0].coordinate_space == scenes[1].coordinate_space
        mine, other = scenes[0].img["brain"], scenes[1].img["tissue"]
        np.testing.assert_array_equal(mine["hires"].read().to_numpy(), other["hires"].read().to_numpy())
        assert mine.data_axis_order == other.data_axis_order
        for name, value in json.loads(factors.read_text()).items():
            assert mine.metadata[name] == other.metadata[name] == value
        # theirs is rounded to whole pixels of the image at full resolution
        scales = [
            scene.get_transform_to_multiscale_image(name).scale_factors
            for scene, name in zip(scenes, ("brain", "tissue"), strict=True)
        ]
        np.testing.assert_allclose(scales[0], scales[1], rtol=1e-3)
        presence = [root["obs_spatial_presence"].read().concat().sort_by("soma_joinid") for root in (ours, theirs)]
        assert presence[0].to_pydict() == presence[1].to_pydict()
