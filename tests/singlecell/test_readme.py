"""The README's example of a valid and an invalid H5AD is what the command prints."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from catchment import cli

from .variants import TISSUE, Variant, both, cell, value

README = Path(__file__).parents[2] / "README.md"
COMMAND = "$ catchment check valid.h5ad broken.h5ad"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_the_readme_shows_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Variant("valid", "human").write(tmp_path / "valid.h5ad")
    Variant("broken", "human", both(value(TISSUE, "liver"), cell(0, 1, -1.0))).write(tmp_path / "broken.h5ad")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", "valid.h5ad", "broken.h5ad"]) == 2
    _, _, after = README.read_text(encoding="utf-8").partition(f"    {COMMAND}\n\n")
    shown = textwrap.dedent(after.partition("\n\n")[0])
    assert capsys.readouterr().out.strip() == shown.strip()
