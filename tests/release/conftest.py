from __future__ import annotations

import sys
from pathlib import Path

import pytest

# the synthetic build is shared with tests/catalogue
sys.path.insert(0, str(Path(__file__).parents[1] / "release"))

from synthetic_build import Synthetic, five_studies  # noqa: E402


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A build of five studies, nothing indexed or published yet."""
    return five_studies(tmp_path / "build")
