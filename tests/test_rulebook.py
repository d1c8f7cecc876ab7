"""`docs/findings.md` lists every rule that the code declares."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from catchment.rulebook import family, row, rulebook
from catchment.schema.records import MODALITY_NAMES
from catchment.schema.rules import Rule

SOURCE = Path(__file__).parents[1] / "src/catchment"


def declared_in(*rooms: Path) -> set[str]:
    """Return the codes that files (or all files of a folder) declare."""
    files = [path for room in rooms for path in (room.rglob("*.py") if room.is_dir() else [room])]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return {code for text in texts for code in re.findall(r'declare\(\s*"([^"]+)"', text)}


def test_every_rule_that_is_declared_anywhere_is_in_the_book(tmp_path: Path) -> None:
    page = tmp_path / "findings.md"
    # in a process of its own: here other tests have imported rooms that the book must find by itself
    subprocess.run([sys.executable, "-m", "catchment.rulebook", str(page)], check=True, timeout=120)
    listed = set(re.findall(r"^\| ([A-Z0-9]+-\d{3}) \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert declared_in(SOURCE) - listed == set()
    assert {"ISO-001", "QC-001", "SDRF-001", "FMT-001"} <= listed


def test_a_rule_stands_in_one_row_under_its_family() -> None:
    rule = Rule("TOY-001", "error", "a | b", expected="x", fix="y", source="toys 1.0", unsafe=True)
    assert family(rule) == "TOY"
    assert row(rule) == "| TOY-001 | error | a \\| b (*never published*); toys 1.0 | x | y |\n"
    assert "\n## TOY\n" in rulebook([rule])


@pytest.mark.parametrize("modality", MODALITY_NAMES)
def test_a_step_knows_every_rule_that_can_hold_an_asset(modality: str) -> None:
    # a fault whose rule a step does not know counts as unsafe: its bytes would never be published
    code = (
        "import json, catchment.steps\n"
        "from catchment.modalities import rules_of\n"
        f"print(json.dumps(sorted(rules_of('{modality}'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    rooms = (SOURCE / modality, SOURCE / "submission/rules.py", SOURCE / "isolation.py", SOURCE / "quality.py")
    assert declared_in(*rooms) - set(json.loads(done.stdout)) == set()
