"""PageTab, as TSV and as JSON, becomes the same draft; what is wrong with it is named with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catchment.errors import BadInput
from catchment.submission import pagetab
from catchment.submission.draft import Draft
from catchment.submission.pagetab_text import is_pagetab, read_file_list, read_pagetab
from tests.submission.conftest import receive

TSV = """\
Submission\tS-BIAD1
Title\tNuclei in liver
ReleaseDate\t2026-01-01
AttachTo\tBioImages
DOI\t10.6019/S-BIAD1

Study\tS1
Title\tNuclei in liver
Description\t"Two lines
of words"
License\tCC BY 4.0
Keywords\tnuclei, liver

Organization\to1
Name\tAn institute

Author
Name\tAda
ORCID\t0000-0002-1825-0097
<affiliation>\to1
(role)\tPI

Funding[]\tAgency\tgrant_id
f1\tA fund\tG-1

Biosample\tb1
Title\tliver slices
Biological entity\tliver
Extrinsic variable\ttreated
Extrinsic variable\tuntreated

Organism\t\tb1
Scientific name\tMus musculus
NCBI taxon ID\t10090

Image acquisition\ta1
Title\tconfocal

Study Component\tc1
Name\tConfocal stacks
Description\tz stacks
File List\tfiles.tsv

Associations\t\tc1
Biosample\tliver slices
Image acquisition\tconfocal

File\textra/page.html
Description\ta page

Link\thttps://example.org/more
"""
LIST = f"Files\tWell\tmd5\nimages/a.tif\tA1\t{'a' * 32}\nimages/b.tif\tA2\t\n"


def as_json(tsv: str) -> str:
    """Return the TSV's content written as PageTab JSON by hand."""

    def attributes(**pairs: Any) -> list[dict[str, str]]:
        return [
            {"name": name.replace("_", " "), "value": value}
            for name, values in pairs.items()
            for value in (values if isinstance(values, list) else [values])
        ]

    study = {
        "type": "Study",
        "accno": "S1",
        "attributes": attributes(
            Title="Nuclei in liver", Description="Two lines\nof words", License="CC BY 4.0", Keywords="nuclei, liver"
        ),
        "subsections": [
            {"type": "Organization", "accno": "o1", "attributes": attributes(Name="An institute")},
            {
                "type": "Author",
                "attributes": [
                    *attributes(Name="Ada", ORCID="0000-0002-1825-0097"),
                    {"name": "affiliation", "value": "o1", "reference": True},
                ],
            },
            [
                {
                    "type": "Funding",
                    "accno": "f1",
                    "attributes": [{"name": "Agency", "value": "A fund"}, {"name": "grant_id", "value": "G-1"}],
                }
            ],
            {
                "type": "Biosample",
                "accno": "b1",
                "attributes": attributes(
                    Title="liver slices", Biological_entity="liver", Extrinsic_variable=["treated", "untreated"]
                ),
                "subsections": [
                    {
                        "type": "Organism",
                        "attributes": attributes(Scientific_name="Mus musculus", NCBI_taxon_ID="10090"),
                    }
                ],
            },
            {"type": "Image acquisition", "accno": "a1", "attributes": attributes(Title="confocal")},
            {
                "type": "Study Component",
                "accno": "c1",
                "attributes": attributes(Name="Confocal stacks", Description="z stacks", File_List="files.json"),
                "subsections": [
                    {
                        "type": "Associations",
                        "attributes": attributes(Biosample="liver slices", Image_acquisition="confocal"),
                        "files": [{"path": "extra/page.html", "attributes": attributes(Description="a page")}],
                        "links": [{"url": "https://example.org/more"}],
                    }
                ],
            },
        ],
    }
    head = attributes(Title="Nuclei in liver", ReleaseDate="2026-01-01", AttachTo="BioImages", DOI="10.6019/S-BIAD1")
    return json.dumps({"accno": "S-BIAD1", "attributes": head, "section": study})


def is_run_or_image(name: str) -> bool:
    return name.endswith((".tif", ".d"))


def drafted(text: str, lists: dict[str, str], *names: str) -> Draft:
    return pagetab.read(text, "study.tsv", ["study.tsv", *lists, *names], is_run_or_image, lists.__getitem__)


@pytest.fixture
def whole() -> Draft:
    return drafted(TSV, {"files.tsv": LIST}, "images/a.tif")


def test_the_study_of_a_tsv(whole: Draft) -> None:
    study = whole.study
    assert (study.id, study.title, study.doi) == ("S-BIAD1", "Nuclei in liver", "10.6019/S-BIAD1")
    assert (study.description, study.licence, study.collection) == ("Two lines\nof words", "CC-BY-4.0", "BioImages")
    assert study.keywords == ("nuclei", "liver")
    (person,) = study.contributors
    assert (person.name, person.orcid, person.affiliation) == ("Ada", "0000-0002-1825-0097", "An institute")
    (funder,) = study.funders
    assert (funder.name, funder.number) == ("A fund", "G-1")
    assert [data.title for data in study.declared] == ["Confocal stacks"]
    assert not whole.findings


def test_samples_assets_and_files_of_a_tsv(whole: Draft) -> None:
    (sample,) = whole.samples
    assert (sample.id, sample.organism_ontology_term_id) == ("liver slices", "NCBITaxon:10090")
    assert sample.extra == {
        "Biological entity": "liver",
        "Extrinsic variable": "treated; untreated",
        "Scientific name": "Mus musculus",
    }
    (asset,) = whole.assets
    assert (asset.file, asset.samples, asset.md5) == ("images/a.tif", ("liver slices",), "a" * 32)
    assert asset.annotations == {"Image acquisition": "confocal", "Well": "A1", "md5": "a" * 32}
    assert [(file.name, file.arrived) for file in whole.files] == [
        ("images/a.tif", "images/a.tif"),
        ("images/b.tif", ""),
        ("extra/page.html", ""),
    ]
    assert whole.metadata_files == ("study.tsv", "files.tsv")


def test_json_says_the_same(whole: Draft) -> None:
    rows = [line.split("\t") for line in LIST.splitlines()]
    listed = [
        {
            "path": path,
            "attributes": [{"name": name, "value": value} for name, value in zip(rows[0][1:], more, strict=True)],
        }
        for path, *more in rows[1:]
    ]
    found = drafted(as_json(TSV), {"files.json": json.dumps(listed)}, "images/a.tif")
    assert found.study.model_copy(update={"extra": {}, "resources": ()}) == whole.study.model_copy(
        update={"extra": {}, "resources": ()}
    )
    assert (found.samples, found.assets, found.files) == (whole.samples, whole.assets, whole.files)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Study\tS1\n", "found no `Submission`"),
        ("", "found no `Submission`"),
        ("{", "line 1: not valid JSON"),
        ('{"attributes": [], "section": 3}', "found no `section`"),
        ("[" * 100_000, "Submission"),
        ('{"a":' * 100_000, "not valid JSON"),
        ("Submission\tX\n\nStudy\tS\n\nBiosample\tb\tnowhere\n", "line 5: no section 'nowhere'"),
        ("Submission\tX\n\nStudy\tS\n\nAuthor[gone]\tName\na\tAda\n", "line 5: no section 'gone'"),
        ("Submission\tX\n\nAuthor[]\tName\na\tAda\n", "line 3: no section ''"),
        ('Submission\tX\nTitle\t"open\n', "no table"),
        ("Submission\tX\n\nStudy\tS\n\nFiles\tA\np.tif\t1\t2\n", "line 6: found more cells than the header has"),
        ('{"section": {"type": "Study", "files": [{"name": "x"}]}, "attributes": []}', "file 1: found no path"),
    ],
)
def test_what_is_no_pagetab_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=r"^x\.tsv") as caught:
        read_pagetab(text, "x.tsv")
    assert words in str(caught.value)


def test_sections_without_end_are_refused() -> None:
    section: dict[str, Any] = {"type": "Study"}
    for _ in range(30):
        section = {"type": "Study", "subsections": [section]}
    with pytest.raises(BadInput, match="20 levels"):
        read_pagetab(json.dumps({"attributes": [], "section": section}), "x.json")


@pytest.mark.parametrize("text", ["Path\tWell\na.tif\tA1\n", "", "\n\n"])
def test_a_file_list_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expected `Files`"):
        read_file_list(text, "files.tsv")


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("Biosample\tliver slices", "Biosample\tliver slice", "PTB-002", "Biosample 'liver slice'"),
        ("File List\tfiles.tsv", "File List\tgone.tsv", "LIST-001", "a file list, not in the upload"),
        ("File\textra/page.html", "File\t../page.html", "PATH-002", "../page.html"),
        ("File\textra/page.html", "File\timages/a.tif", "LIST-006", "images/a.tif"),
        (
            "Image acquisition\ta1\nTitle\tconfocal",
            "Image acquisition\ta1\nTitle\tconfocal\n\nImage acquisition\ta2\nTitle\tconfocal",
            "PTB-001",
            "confocal",
        ),
    ],
)
def test_a_fault_in_a_submission_is_a_finding(old: str, new: str, code: str, words: str) -> None:
    assert old in TSV
    found = drafted(TSV.replace(old, new, 1), {"files.tsv": LIST}).findings
    assert [finding.code for finding in found] == [code]
    assert words in found[0].found


def test_other_tables_and_documents_are_not_taken_for_it() -> None:
    assert is_pagetab(TSV)
    assert is_pagetab(as_json(TSV))
    assert not is_pagetab("source name\tassay name\n")
    assert not is_pagetab('{"@graph": []}')


def test_a_listed_file_arrives_or_is_awaited(toys: None, tmp_path: Path) -> None:
    up = tmp_path / "up"
    (up / "images").mkdir(parents=True)
    (up / "study.tsv").write_text(TSV)
    (up / "files.tsv").write_text(LIST.replace("a" * 32, ""))
    (up / "images/a.tif").write_bytes(b"II*\0 pixels")
    receipt = receive(up, tmp_path / "inbox")
    assert receipt.manifest.dialect == "pagetab"
    assert [file.status for file in receipt.manifest.declared_files] == ["unchecked", "awaited", "awaited"]
    (asset,) = receipt.assets
    assert asset.samples[0].organism_ontology_term_id == "NCBITaxon:10090"
    roles = {file.name: file.role for file in receipt.manifest.other_files}
    assert roles == {"study.tsv": "metadata", "files.tsv": "metadata"}


def test_a_folder_on_a_list_is_one_asset(whole: Draft) -> None:
    found = drafted(TSV, {"files.tsv": "Files\nruns/x.d\n"}, "runs/x.d/analysis.tdf", "runs/x.d/analysis.tdf_bin")
    assert [asset.file for asset in found.assets] == ["runs/x.d"]
    assert [file.name for file in found.files] == ["extra/page.html"]
