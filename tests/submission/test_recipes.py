"""Recipes in `submission.yaml`: read, checked, joined with tables of the upload, and handed on with the asset."""

from __future__ import annotations

from pathlib import Path

import pytest

from catchment.errors import BadInput
from catchment.schema.records import ColumnRecipe

from .conftest import MAGIC, receive, write_upload

HEAD = "study: {title: t}\nassets:\n  - file: a.h5ad\n"
TABLE = "donor\tsex\nP1\tPATO:0000383\nP2\tPATO:0000384\n"
JOIN = "curate: {columns: {sex: {column: patient, table: donors.tsv, key: donor, value: sex}}}\n"


def upload(folder: Path, yaml: str, table: str = TABLE) -> Path:
    return write_upload(
        folder / "up", a_h5ad=MAGIC["singlecell"], submission_yaml=yaml.encode(), donors_tsv=table.encode()
    )


def test_a_recipe_on_top_is_for_every_asset(tmp_path: Path) -> None:
    yaml = HEAD + "curate: {raw_counts: layers/counts, columns: {tissue_type: {constant: tissue}}}\n"
    (asset,) = receive(upload(tmp_path, yaml), tmp_path / "inbox").assets
    assert asset.curation is not None
    assert asset.curation.raw_counts == "layers/counts"
    assert asset.curation.columns == {"tissue_type": ColumnRecipe(constant="tissue")}


def test_a_recipe_of_an_asset_goes_before_the_one_on_top(tmp_path: Path) -> None:
    yaml = HEAD + "    curate: {raw_counts: X}\ncurate: {raw_counts: raw}\n"
    (asset,) = receive(upload(tmp_path, yaml), tmp_path / "inbox").assets
    assert asset.curation is not None
    assert asset.curation.raw_counts == "X"


def test_a_table_is_read_into_the_recipe(tmp_path: Path) -> None:
    receipt = receive(upload(tmp_path, HEAD + JOIN), tmp_path / "inbox")
    (asset,) = receipt.assets
    assert asset.curation is not None
    values = {"P1": "PATO:0000383", "P2": "PATO:0000384"}
    assert asset.curation.columns == {"sex": ColumnRecipe(column="patient", values=values)}
    roles = {file.name: file.role for file in receipt.manifest.other_files}
    assert roles == {"donors.tsv": "metadata", "submission.yaml": "metadata"}


def test_without_a_recipe_an_asset_is_what_it_was(tmp_path: Path) -> None:
    receive(upload(tmp_path, HEAD), tmp_path / "inbox")
    (path,) = (tmp_path / "inbox").glob("*/singlecell/*.json")
    assert "curation" not in path.read_text()


@pytest.mark.parametrize(
    ("columns", "table", "message"),
    [
        ("{x: {constant: a, column: b}}", TABLE, "curate.columns.x: found both or neither of `constant` and `column`"),
        ("{x: {}}", TABLE, "found both or neither"),
        ("{x: {column: b, pattern: '(a'}}", TABLE, "pattern '(a' is no regular expression"),
        ("{x: {column: b, pattern: 'a'}}", TABLE, "pattern has 0 groups; expected one"),
        ("{x: {column: b, table: donors.tsv}}", TABLE, "a table needs `key` and `value`"),
        ("{x: {column: b, table: no.tsv, key: k, value: v}}", TABLE, "table 'no.tsv' is not in the upload"),
        ("{x: {column: b, table: donors.tsv, key: k, value: sex}}", TABLE, "no column 'k'; found donor, sex"),
        ("{x: {column: b, table: donors.tsv, key: donor, value: sex}}", TABLE + "P1\tx\n", "'P1' has two values"),
        ("{x: {colour: b}}", TABLE, "colour"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(tmp_path: Path, columns: str, table: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        receive(upload(tmp_path, f"{HEAD}curate: {{columns: {columns}}}\n", table), tmp_path / "inbox")
    assert message in str(caught.value)
