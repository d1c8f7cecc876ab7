"""Every rule of ATAC fragments is told with its line; our verdict is the reference's, or it is explained."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from catchment.schema.records import Finding
from catchment.schema.rules import is_error
from catchment.singlecell.fragments import lines, rules
from catchment.singlecell.fragments.files import beside_h5ad
from tests.singlecell.agreement import REFERENCE, explained, kept_verdicts

from . import agreement
from .variant_list import LINES, UNPAIRED, VARIANTS, Variant, atac

BY_NAME = {variant.name: variant for variant in VARIANTS}
# what is wrong, by code, where, and what is found
SAID = {
    "unpaired, no file": ("FRG-001", "cells.h5ad", "no fragments file"),
    "no ATAC": ("FRG-002", "obs/assay_ontology_term_id", '"EFO:0009922 (10x 3\' v3)"'),
    "paired and unpaired": ("FRG-002", "obs/assay_ontology_term_id", "EFO:0030007 (10x scATAC-seq)"),
    "pig": ("FRG-003", "uns/organism_ontology_term_id", "NCBITaxon:9823"),
    "a cell that is not primary": ("FRG-004", "obs/is_primary_data", "False for 1 of 4 cells"),
    "not packed": ("FRG-010", "cells-fragments.tsv.gz", "Not a gzipped file"),
    "cut off": ("FRG-010", "cells-fragments.tsv.gz", "the file was cut off"),
    "damaged inside": ("FRG-010", "cells-fragments.tsv.gz", "CRC check failed"),
    "nothing in it": ("FRG-011", "cells-fragments.tsv.gz", "no lines at all"),
    "a comment": ("FRG-011", "cells-fragments.tsv.gz", "a comment, '# id=sample' (line 1)"),
    "six columns in one line": (
        "FRG-011",
        "cells-fragments.tsv.gz",
        "6 columns, 'chrX\\t70000\\t70400\\tc3\\t12\\t+' (line 4)",
    ),
    "not UTF-8": ("FRG-011", "cells-fragments.tsv.gz", "byte 18 is not UTF-8 (line 4)"),
    "a start with a fraction": ("FRG-012", "cells-fragments.tsv.gz", "start '10500.5' (line 2)"),
    "an end that is empty": ("FRG-012", "cells-fragments.tsv.gz", "end '' (line 2)"),
    "a chromosome without chr": ("FRG-013", "cells-fragments.tsv.gz", "'1' (line 2)"),
    "an end beyond the chromosome": (
        "FRG-014",
        "cells-fragments.tsv.gz",
        "chr1 to 248,956,423, of 248,956,422 bases (line 2)",
    ),
    "a start of 0": ("FRG-015", "cells-fragments.tsv.gz", "0 to 10,800 (line 2)"),
    "a negative start": ("FRG-016", "cells-fragments.tsv.gz", "-1 to 10,800 (line 2)"),
    "an end at the start": ("FRG-016", "cells-fragments.tsv.gz", "10,500 to 10,500 (line 2)"),
    "a cell that is none": ("FRG-017", "cells-fragments.tsv.gz", "'c9' (line 2)"),
    "a cell without fragments": ("FRG-018", "obs", "'c3'"),
    "no read pairs": ("FRG-019", "cells-fragments.tsv.gz", "0 (line 2)"),
    "a line twice": ("FRG-020", "cells-fragments.tsv.gz", "line 7 repeats line 1"),
}


def errors(folder: Path, variant: Variant) -> list[Finding]:
    """Return the errors in a variant."""
    variant.write(folder)
    return [finding for finding in agreement.our_findings(folder) if is_error(finding)]


@pytest.mark.parametrize("name", SAID)
def test_a_fault_is_told_once_with_its_place(name: str, tmp_path: Path) -> None:
    found = errors(tmp_path / "dataset", BY_NAME[name])
    code, where, words = SAID[name]
    assert [(finding.code, finding.where) for finding in found] == [(code, where)]
    assert words in found[0].found
    kept = kept_verdicts(agreement.KEPT)[f"fragments: {name}"]
    assert not kept.valid or explained(f"fragments: {name}")


def test_our_verdict_is_the_reference_s_on_all_others(tmp_path: Path) -> None:
    kept = kept_verdicts(agreement.KEPT)
    assert set(kept) == {agreement.name_of(variant) for variant in VARIANTS}
    for variant in VARIANTS:
        if variant.name in SAID:
            continue
        name = agreement.name_of(variant)
        ours = not errors(tmp_path / variant.name, variant)
        assert (ours != kept[name].valid) == (explained(name) is not None), name


@pytest.mark.long
@pytest.mark.skipif(not REFERENCE.exists(), reason="no .venv-reference: `make reference` builds it")
def test_the_kept_verdicts_are_those_of_the_reference(tmp_path: Path) -> None:
    names = agreement.written(VARIANTS, tmp_path)
    verdicts = {names[file]: verdict.valid for file, verdict in agreement.reference_verdicts(tmp_path).items()}
    assert verdicts == {name: verdict.valid for name, verdict in kept_verdicts(agreement.KEPT).items()}


def test_all_faults_of_a_file_are_told_in_one_pass(tmp_path: Path) -> None:
    bad = ["chr9\t0\t5\tc0\t1", "chr99\t1\t5\tc0\t1", "chr1\t7\t5\tc0\t1", "chr1\t1\t5\tc7\t0", "chr1 1 5 c0 1"]
    variant = Variant("", lines=lambda _: [*LINES, LINES[0], *bad])
    codes = [finding.code for finding in errors(tmp_path / "dataset", variant)]
    assert codes == ["FRG-011", "FRG-013", "FRG-015", "FRG-016", "FRG-017", "FRG-019", "FRG-020"]


def test_lines_are_numbered_and_counted_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 64)
    good = [f"chr1\t{start}\t{start + 10}\tc{start % 4}\t1" for start in range(1, 101)]
    wrong = [*good[:49], "chr1\t50\t60\tnobody\t1", *good[50:69], "what", *good[70:], good[0]]
    found = {finding.code: finding for finding in errors(tmp_path / "dataset", Variant("", lines=lambda _: wrong))}
    assert found["FRG-017"].found == "'nobody' (line 50)"
    assert found["FRG-011"].found == "1 column, 'what' (line 70)"
    assert found["FRG-020"].found == "line 101 repeats line 1"


def test_many_offenders_are_counted_and_the_first_named(tmp_path: Path) -> None:
    again = [line for line in LINES for _ in range(3)]
    (found,) = errors(tmp_path / "dataset", Variant("", lines=lambda _: again))
    assert found.count == 12
    assert found.found.startswith("line 2 repeats line 1, line 3 repeats line 2, line 5 repeats line 4")
    assert found.found.endswith("and 7 more")


def test_repeats_are_found_however_far_apart_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 4096)
    rows = [f"chr{1 + start % 22}\t{start * 97}\t{start * 97 + 50}\tc{start % 4}\t1" for start in range(1, 5000)]
    random.Random(3).shuffle(rows)
    (found,) = errors(tmp_path / "dataset", Variant("", lines=lambda _: [*rows, *rows[:7]]))
    assert found.count == 7
    assert "line 5,000 repeats line 1," in found.found


def test_an_empty_line_is_left_out_and_told(tmp_path: Path) -> None:
    BY_NAME["an empty line"].write(tmp_path / "dataset")
    levels = {
        reading: [
            finding.level for finding in agreement.our_findings(tmp_path / "dataset", reading) if "FRG" in finding.code
        ]
        for reading in ("reference", "text", "lenient")
    }
    assert levels == {"reference": ["warning"], "text": ["error"], "lenient": ["info"]}


def test_a_start_of_0_is_admitted_by_the_text(tmp_path: Path) -> None:
    BY_NAME["a start of 0"].write(tmp_path / "dataset")
    assert [
        (found.code, found.level)
        for found in agreement.our_findings(tmp_path / "dataset", "text")
        if "FRG" in found.code
    ] == [("FRG-015", "info")]


def test_what_grows_beyond_reason_is_no_fragments_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "EXPANSION_BYTES", 1 << 20)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 1 << 18)
    bomb = Variant("", pack=lambda text: gzip.compress(text * 40_000))
    (found,) = errors(tmp_path / "dataset", bomb)
    assert found.code == rules.UNREADABLE.code
    assert "bytes become more than" in found.found


def test_a_line_without_end_is_no_fragments_file(tmp_path: Path) -> None:
    (found,) = errors(tmp_path / "dataset", Variant("", pack=lambda text: gzip.compress(text + b"c" * 100_000)))
    assert found.found == "a line of more than 65,536 bytes"


def test_a_file_with_broken_lines_only_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_BROKEN", 10)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 256)
    (found,) = errors(tmp_path / "dataset", Variant("", lines=lambda _: ["what is this"] * 1000))
    assert found.code == rules.COLUMNS.code
    assert 10 < found.count < 100


def test_several_fragments_files_are_told(tmp_path: Path) -> None:
    BY_NAME["paired, as it is"].write(tmp_path / "dataset")
    asset = agreement.asset_of(tmp_path / "dataset")
    other = asset.files[1].model_copy(update={"name": "cells_fragments.tsv.bgz"})
    asset = asset.model_copy(update={"files": (*asset.files, other)})
    description = agreement.MODALITY.describe(asset)
    assert isinstance(description, agreement.Description)
    found = agreement.MODALITY.validate(description, asset, agreement.SinglecellAdmit()).findings
    (several,) = [finding for finding in found if is_error(finding)]
    assert (several.code, several.found) == ("FRG-005", "'cells-fragments.tsv.gz', 'cells_fragments.tsv.bgz'")


def test_a_dataset_that_may_have_none_needs_none(tmp_path: Path) -> None:
    pig = Variant("", lambda: atac(UNPAIRED, "NCBITaxon:9823"), lines=None)
    assert errors(tmp_path / "dataset", pig) == []


def test_which_files_are_the_fragments_of_which_h5ad() -> None:
    one = {"liver.h5ad", "atac_fragments.tsv.gz", "atac_fragments.tsv.gz.tbi", "notes.tsv.gz", "fragments.tsv"}
    assert beside_h5ad("a/liver.h5ad", one) == ["atac_fragments.tsv.gz", "atac_fragments.tsv.gz.tbi"]
    two = {"liver.h5ad", "liver_2.h5ad", "liver-fragments.tsv.gz", "liver_2_fragments.tsv.bgz", "fragments.tsv.gz"}
    assert beside_h5ad("liver.h5ad", two) == ["liver-fragments.tsv.gz"]
    assert beside_h5ad("liver_2.h5ad", two) == ["liver_2_fragments.tsv.bgz"]
    assert beside_h5ad("liver.h5ad", {"liver.h5ad", "lung.h5ad", "fragments.tsv.gz"}) == []
