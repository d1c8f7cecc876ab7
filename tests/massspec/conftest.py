from __future__ import annotations

import sys
from pathlib import Path

import pytest

# the builder of tiny runs is shared with tests/real and tests/demonstration
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def no_licence_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have accepted one; the tests say themselves where they need it."""
    monkeypatch.delenv("CATCHMENT_ACCEPT_LICENCES", raising=False)
