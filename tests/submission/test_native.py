"""`submission.yaml` becomes a draft, or is refused with the field that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.errors import BadInput
from catchment.submission.native import read_native, undescribed

WHOLE = """
study:
  id: liver-atlas
  title: Liver atlas
  licence: CC-BY-4.0
  contributors: [{name: Ada, orcid: 0000-0002-1825-0097}]
  keywords: [liver, no]
samples:
  - {id: 007, organism_ontology_term_id: NCBITaxon:9606, extra: {batch: 12:30}}
assets:
  - {file: a b.h5ad, modality: singlecell, samples: [007], constants: {is_primary_data: no}}
"""


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_native(text)
    assert str(caught.value).startswith("submission.yaml: ")
    return str(caught.value)


def test_a_description_becomes_a_draft_in_its_own_words() -> None:
    draft, sdrf = read_native(WHOLE)
    assert sdrf is None
    assert (draft.dialect, draft.metadata_files, draft.findings) == ("catchment", ("submission.yaml",), ())
    assert (draft.study.id, draft.study.title, draft.study.keywords) == ("liver-atlas", "Liver atlas", ("liver", "no"))
    assert draft.study.contributors[0].orcid == "0000-0002-1825-0097"
    (sample,) = draft.samples
    assert (sample.id, sample.tissue_ontology_term_id, sample.extra) == ("007", "unknown", {"batch": "12:30"})
    (asset,) = draft.assets
    assert (asset.file, asset.modality, asset.samples) == ("a b.h5ad", "singlecell", ("007",))
    assert asset.constants == {"is_primary_data": "no"}


def test_an_sdrf_is_named_and_is_metadata() -> None:
    draft, sdrf = read_native("study: {title: t}\nsdrf: runs.sdrf.tsv")
    assert sdrf == "runs.sdrf.tsv"
    assert draft.metadata_files == ("submission.yaml", "runs.sdrf.tsv")


def test_empty_lists_are_no_samples_and_no_assets() -> None:
    draft, _ = read_native("study: {title: t}\nsamples:\nassets: []")
    assert (draft.samples, draft.assets) == ((), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("studie: {}", "unknown key 'studie'; expected study, samples, assets, sdrf"),
        ("{}", "study.title: missing; give the study a title"),
        ("study: {}", "study.title: missing; give the study a title"),
        ("study: text", "study: found a str, expected a dict"),
        ("study: {title: t, colour: red}", "Study.colour: found 'red'; Extra inputs are not permitted"),
        ("study: {title: [t]}", "Study.title: found ['t']; "),
        ("study: {title: t}\nsamples: {a: b}", "samples: found a dict, expected a list"),
        ("study: {title: t}\nsamples: [a]", "DraftSample.: found 'a'; "),
        ("study: {title: t}\nsamples: [{}]", "DraftSample.id: found {}; Field required"),
        ("study: {title: t}\nsamples: [{id: ''}]", "DraftSample.id: found ''; "),
        ("study: {title: t}\nsamples: [{id: a}, {id: b}, {id: a}]", "sample id 'a' is given twice; keep one"),
        ("study: {title: t}\nassets: [{file: a}, {file: a}]", "asset file 'a' is given twice; keep one"),
        ("study: {title: t}\nassets: [{file: a, modality: x}]", "DraftAsset.modality: found 'x'; "),
        ("study: {title: t}\nassets: [{file: a, samples: s}]", "DraftAsset.samples: found 's'; "),
        ("study: {title: t}\nsdrf: [a, b]", "sdrf: found a list, expected the name of one file"),
    ],
)
def test_a_fault_is_named_with_its_field(text: str, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        f"study: {{title: t, colour: {'x' * 100_000}}}",
        f"{'x' * 1_000}: 1",
        f"study: {{title: t}}\nassets: [{{file: {'x' * 1_000}}}, {{file: {'x' * 1_000}}}]",
    ],
)
def test_a_wrong_value_is_shown_in_part_where_it_is_long(text: str) -> None:
    assert len(refusal(text)) < 300


def test_files_without_a_description_are_an_asset_each() -> None:
    draft = undescribed(["b.png", "a.png"])
    assert (draft.dialect, draft.study.title) == ("files", "2 files without a description")
    assert [asset.file for asset in draft.assets] == ["a.png", "b.png"]
    assert undescribed(["only.png"]).study.title == "only.png"


PARTS = (
    *"{}[]:,-&*!|>'\"#?% \n\tab",
    "study: ",
    "title: ",
    "samples: ",
    "assets: ",
    "\n  - id: ",
    "!!int ",
    "&a ",
    "*a",
)


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_any_description_is_a_draft_or_refused(text: str) -> None:
    try:
        read_native("study: {title: t}\n" + text)
    except BadInput as error:
        assert str(error).startswith("submission.yaml")
