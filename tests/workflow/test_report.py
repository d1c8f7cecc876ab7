"""`snakemake --report` on the finished demonstration: offline, and what it shows."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .conftest import call

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(demonstration: Path) -> str:
    """The report's HTML, made where no address can be reached: every proxy leads to a closed port."""
    page = demonstration / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, "http://127.0.0.1:9")
        call("snakemake", "--profile", "profiles/local", "--config", f"workdir={demonstration}", "--report", page)
    return page.read_text(encoding="utf-8")


def embedded(report: str, name: str) -> Any:
    """Return one of the JSON values that the report's script reads."""
    (text,) = re.findall(rf'^\s*var {name} = ([{{"].*);$', report, re.MULTILINE)
    return json.loads(text)


def test_every_asset_has_its_picture_under_its_modality_and_submission(report: str, demonstration: Path) -> None:
    assets = {"/".join(p.parts[-3:]).removesuffix(".json") for p in demonstration.glob("inbox/CAT*/*/*.json")}
    categories = embedded(report, "categories")
    assert set(categories) == {"Single-cell", "Imaging", "Mass spectrometry", "Release"}
    found = {path: key for key, own in categories.items() for paths in own.values() for path in paths}
    assert set(found) == {f"work/{asset}/qc.svg" for asset in assets} | {"work/release/release.svg"}
    for asset in assets:
        accession, modality, _ = asset.split("/")
        category = {"singlecell": "Single-cell", "imaging": "Imaging", "massspec": "Mass spectrometry"}[modality]
        assert f"work/{asset}/qc.svg" in categories[category][accession]


def test_pictures_are_whole_and_captions_say_what_they_show(report: str) -> None:
    results = embedded(report, "results")
    states = set()
    for path, result in results.items():
        assert result["mime_type"] == "image/svg+xml"
        ElementTree.fromstring(base64.b64decode(result["data_uri"].partition("base64,")[2]))
        assert "{{" not in result["caption"]
        if path.startswith("work/CAT"):
            assert path.split("/")[1] in result["caption"]
            states.add(result["labels"]["state"])
            assert result["labels"]["file"].endswith((".h5ad", ".tiff", ".zip", ".mzML", ".txt"))
    captions = {path.split("/")[2]: result["caption"] for path, result in results.items()}
    assert "calculate_qc_metrics" in captions["singlecell"]
    assert "99.8th percentile" in captions["imaging"]
    assert "Ion current" in captions["massspec"]
    assert states == {"through", "held at admit"}


def test_the_overview_counts_the_pictures_of_each_modality(report: str) -> None:
    text = re.sub(r"<[^>]+>", "", embedded(report, "workflow_desc"))
    assert "Raw submissions, admitted, converted to open formats" in text
    for category, submissions in embedded(report, "categories").items():
        assert f"{category}: {sum(map(len, submissions.values()))}\n" in text
