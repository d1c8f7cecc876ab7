"""What every test may use: how hard hypothesis tries, and the real files where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True, database=None)
settings.register_profile(
    "long", deadline=None, max_examples=1_000, database=None, suppress_health_check=[HealthCheck.too_slow]
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave long series to `make test-long`."""
    for item in items:
        if item.get_closest_marker("long") and PROFILE != "long":
            item.add_marker(pytest.mark.skip(reason="a long series: make test-long"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files, outside the repository."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: the real files are not part of the repository")
    return folder
