"""`docs/findings.md` lists every rule that the code declares."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from catchment.rulebook import family, row, rulebook
from catchment.schema.rules import Rule

SOURCE = Path(__file__).parents[1] / "src/catchment"


def test_every_rule_that_is_declared_anywhere_is_in_the_book(tmp_path: Path) -> None:
    page = tmp_path / "findings.md"
    # in a process of its own: here other tests have imported rooms that the book must find by itself
    subprocess.run([sys.executable, "-m", "catchment.rulebook", str(page)], check=True, timeout=120)
    listed = set(re.findall(r"^\| ([A-Z0-9]+-\d{3}) \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    declared = {
        code
        for path in SOURCE.rglob("*.py")
        for code in re.findall(r'declare\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert declared - listed == set()
    assert {"ISO-001", "QC-001", "SDRF-001", "FMT-001"} <= listed


def test_a_rule_stands_in_one_row_under_its_family() -> None:
    rule = Rule("TOY-001", "error", "a | b", expected="x", fix="y", source="toys 1.0", unsafe=True)
    assert family(rule) == "TOY"
    assert row(rule) == "| TOY-001 | error | a \\| b (*never published*); toys 1.0 | x | y |\n"
    assert "\n## TOY\n" in rulebook([rule])
