"""Our verdict on a file is the reference validator's, or the difference is explained."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from . import agreement
from .agreement import explained, kept_verdicts, our_verdict, real_files, reference_verdicts, written
from .variant_list import variants

# the fast tests take a share of the variants, always the same; `make test-long` takes all, and asks the reference
SHARE = 3


def chosen(every: int) -> list[str]:
    """Return one in so many variants, and every one whose verdict differs."""
    return [name for name in variants() if zlib.crc32(name.encode()) % every == 0 or explained(name)]


def compared(names: list[str], folder: Path) -> list[str]:
    """Return how our verdicts on some variants differ from those kept, where nothing explains it."""
    kept, wrong = kept_verdicts(), []
    known = variants()
    for file, name in written((known[name] for name in names), folder).items():
        ours, theirs = our_verdict(folder / file), kept[name]
        if ours.valid != theirs.valid and explained(name) is None:
            wrong.append(f"{name}: the reference says {theirs}, we say {ours}")
        elif ours.valid == theirs.valid and explained(name) is not None:
            wrong.append(f"{name}: explained, but there is no difference")
    return wrong


def test_there_are_hundreds_of_variants_and_a_verdict_is_kept_on_each() -> None:
    names = list(variants())
    assert len(names) > 600
    verdicts = {name: verdict for name, verdict in kept_verdicts().items() if not name.startswith("real: ")}
    assert set(verdicts) == set(names)
    assert 150 < sum(verdict.valid for verdict in verdicts.values()) < len(names) - 200


def test_our_verdict_is_the_reference_s_on_a_share_of_the_variants(tmp_path: Path) -> None:
    assert compared(chosen(SHARE), tmp_path) == []


@pytest.mark.long
def test_our_verdict_is_the_reference_s_on_every_variant(tmp_path: Path) -> None:
    assert compared(list(variants()), tmp_path) == []


@pytest.mark.long
@pytest.mark.skipif(not agreement.REFERENCE.exists(), reason="no .venv-reference: `make reference` builds it")
def test_the_kept_verdicts_are_those_of_the_reference(tmp_path: Path) -> None:
    names = written(variants().values(), tmp_path)
    verdicts = {names[file]: verdict.valid for file, verdict in reference_verdicts(tmp_path).items()}
    kept = kept_verdicts()
    assert verdicts == {name: kept[name].valid for name in variants()}


@pytest.mark.real
@pytest.mark.skipif(not real_files(), reason="the folder of real files (../shared/data) is absent")
@pytest.mark.filterwarnings("ignore")
def test_our_verdict_is_the_reference_s_on_its_own_fixtures() -> None:
    kept = kept_verdicts()
    for path in real_files():
        name = f"real: {path.relative_to(agreement.REAL).as_posix()}"
        assert our_verdict(path).valid == kept[name].valid or explained(name), name


def test_the_page_lists_every_difference() -> None:
    text = agreement.PAGE.read_text(encoding="utf-8")
    for name in variants():
        if explained(name):
            assert f"| {agreement.cell(name)} |" in text
