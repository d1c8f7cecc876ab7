"""The page of a release, parsed as a browser would; submitters' words are hostile."""

from __future__ import annotations

import itertools
from pathlib import Path
from urllib.parse import unquote

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.release.markup import LONGEST_TEXT, element, escape
from catchment.release.pages import number_text, size
from catchment.schema.submission_records import Contributor
from tests.release.synthetic_build import HUMAN, LIVER, Synthetic, publish_build, sample

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</style><style>*{display:none}</style>",
    "<!-- --><![CDATA[<b>]]>",
    "&lt;b&gt;",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
)
ELEMENTS = {
    "html", "head", "meta", "link", "title", "style", "body", "a", "header", "main", "footer", "section", "article",
    "div", "p", "h1", "h2", "h3", "h4", "dl", "dt", "dd", "ul", "li", "time", "img", "details", "summary", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "code",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "rel", "href", "type", "class", "id", "dir", "datetime", "src",
    "alt", "loading", "title", "scope", "aria-label",
}  # fmt: skip


def page(release: Path) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring((release / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def root(published: Path) -> lxml.html.HtmlElement:
    return page(published)


def texts(root: lxml.html.HtmlElement, path: str) -> list[str]:
    return [found.text_content() for found in root.xpath(path)]


def test_every_link_and_picture_is_in_the_release(published: Path, root: lxml.html.HtmlElement) -> None:
    targets = [*root.xpath("//a/@href"), *root.xpath("//img/@src"), *root.xpath("//link/@href")]
    assert len(targets) > 30
    for target in targets:
        if target.startswith("#"):
            assert len(root.xpath(f"//*[@id='{target[1:]}']")) == 1
        elif not target.startswith("https://spdx.org/"):
            assert not target.startswith(("/", "http", "javascript"))
            assert (published / unquote(target)).exists(), target


def test_numbers_studies_and_datasets_are_shown(root: lxml.html.HtmlElement) -> None:
    names, values = texts(root, "//dl//dt"), texts(root, "//dl//dd")
    numbers = dict(zip(names, values, strict=True))
    assert {name: numbers[name] for name in ("studies", "samples", "datasets", "cells", "spectra", "held")} == {
        "studies": "5",
        "samples": "6",
        "datasets": "6",
        "cells": "80",
        "spectra": "7",
        "held": "2",
    }
    assert texts(root, "//h3")[:5] == [
        "Alzheimer's, two species",
        "Zebrafish liver",
        "Fly embryo",
        "Healthy liver, <b>cell</b> by cell",
        "Mouse liver",
    ]
    card = root.get_element_by_id("CAT00000001A.D0001")
    assert card.xpath("./img/@src") == ["datasets/CAT00000001A.D0001/thumbnail.png"]
    assert texts(card, ".//ul[@class='chips']/li")[:2] == ["Homo sapiens", "caudate lobe of liver"]
    assert texts(card, ".//table//tr") == ["empty" + "not measured", "median12.5"]


def test_a_dataset_outside_the_census_says_why(root: lxml.html.HtmlElement) -> None:
    assert "Not in the census: CEN-002: no organism" in root.get_element_by_id("CAT00000006A.D0001").text_content()
    assert "Not in the census" not in root.get_element_by_id("CAT00000001A.D0001").text_content()


def test_what_was_held_is_shown_with_why_and_what_to_do(root: lxml.html.HtmlElement) -> None:
    safe, unsafe = root.get_element_by_id("CAT00000003A.D0002"), root.get_element_by_id("CAT00000004A.D0002")
    assert texts(safe, ".//tbody//td") == ["AD-001", "obs", "12 rows, 13 ids", "as many rows as ids", "write it again"]
    assert safe.xpath(".//a/@href") == ["raw/CAT00000003A/f0002.bin"]
    assert unsafe.xpath(".//a/@href") == []
    assert "the bytes are not published" in unsafe.text_content()


def test_the_policy_lets_nothing_load_but_pictures_and_our_style(root: lxml.html.HtmlElement) -> None:
    import base64
    import hashlib

    (policy,) = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    (css,) = root.xpath("//style/text()")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src 'self' file:",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert root.xpath("//script") == []
    assert root.xpath("//*[@style]") == []


def test_the_page_can_be_read_by_all(root: lxml.html.HtmlElement) -> None:
    assert root.get("lang") == "en"
    assert len(root.xpath("//h1")) == len(root.xpath("//main")) == 1
    assert all(alt for alt in root.xpath("//img/@alt"))
    assert len(root.xpath("//img[not(@alt)]")) == 0
    assert len(root.xpath("//table[not(caption)]")) == 0
    assert len(root.xpath("//th[not(@scope)]")) == 0
    levels = [int(heading.tag[1]) for heading in root.xpath("//h1|//h2|//h3|//h4")]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_an_empty_release_has_a_page(empty: Path) -> None:
    words = page(empty).text_content()
    assert "This release holds no study." in words
    assert "Nothing was held." in words


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release in which every word that a submitter can choose is hostile."""
    made = Synthetic(tmp_path_factory.mktemp("hostile") / "build")
    for number, text in enumerate(HOSTILE):
        accession = f"CAT{number:08d}A"
        own = sample(accession, 1, text, HUMAN, LIVER, donor_id=text)
        made.submission(
            accession,
            f"{text} {number}",
            (own,),
            title=text,
            description=text,
            keywords=(text,),
            licence=text,
            contributors=(Contributor(name=text, orcid=text, affiliation=text),),
            publication_doi=text,
        )
        asset = made.asset(accession, "imaging", 1, samples=(own,))
        made.dataset(asset, {"tissue_ontology_term_id": (text,)}, title=text, analyte=text)
        source = asset.files[0].model_copy(update={"name": text})
        worse = made.asset(accession, "massspec", 2).model_copy(update={"files": (source,)})
        made.hold(worse, found=text, code=text)
    return made.workdir / publish_build(made, title=HOSTILE[0], description=HOSTILE[1], publisher=HOSTILE[2]).path


def test_hostile_words_are_shown_and_never_become_markup(hostile: Path) -> None:
    root = page(hostile)
    assert {found.tag for found in root.iter() if isinstance(found.tag, str)} <= ELEMENTS
    assert {name for found in root.iter() for name in found.attrib} <= ATTRIBUTES
    assert not [found for found in root.iter() if not isinstance(found.tag, str)], "no comments"
    shown = root.text_content()
    for text in HOSTILE:
        assert text in shown, text
    for target in [*root.xpath("//a/@href"), *root.xpath("//img/@src"), *root.xpath("//link/@href")]:
        assert target.startswith(("#", "https://spdx.org/")) or (hostile / unquote(target)).exists(), target


def test_hostile_words_leave_the_other_documents_whole(hostile: Path) -> None:
    import json

    for name in ("croissant.json", "ro-crate-metadata.json", "datacite.json", "manifest.json"):
        json.loads((hostile / name).read_bytes())
    crate = json.loads((hostile / "ro-crate-metadata.json").read_bytes())["@graph"]
    ids = {entity["@id"] for entity in crate}
    root = next(entity for entity in crate if entity["@id"] == "./")
    assert {part["@id"] for part in (*root["hasPart"], *root["author"], *root["mentions"])} <= ids


@given(st.text(max_size=200))
def test_escaped_text_is_read_back_as_it_was_but_for_hidden_characters(text: str) -> None:
    root = lxml.html.fragment_fromstring(element("p", text, title=text))
    assert len(root) == 0
    shown = root.text_content()
    assert len(shown) == len(text)
    assert all(a in (b, "\ufffd") for a, b in zip(shown, text, strict=True))


def test_hidden_characters_are_made_visible_and_long_text_is_cut() -> None:
    assert escape("a\x1b[31m\u202eb\x00") == "a\ufffd[31m\ufffdb\ufffd"
    assert len(escape("x" * 1_000_000)) == LONGEST_TEXT + 1


def test_numbers_are_shown_as_people_read_them() -> None:
    assert [number_text(value) for value in (None, 3, 1234567, 0.123456, 2_500_000.5, "text")] == [
        "not measured",
        "3",
        "1,234,567",
        "0.1235",
        "2,500,000",
        "text",
    ]
    assert [size(count) for count in (0, 999, 1000, 1_500_000, 10**18)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "1,000.0 PB",
    ]


def test_every_dataset_shows_its_plots_under_quality_control(published: Path, root: lxml.html.HtmlElement) -> None:
    cards = root.xpath("//article[@class='card']")
    assert len(cards) >= 5
    for card in cards:
        (picture,) = card.xpath(".//details//img/@src")
        assert picture == f"datasets/{card.get('id')}/derived/qc.svg"
        assert (published / picture).is_file()
