"""Fixtures of the census's tests: a function that builds a census, and one that is built once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .synthetic_census import Built, Made, build_census, record, three_datasets

Build = Callable[..., Built]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A function that writes datasets, plans and assembles a census of them, under a name of its own."""

    def run(*datasets: Made, name: str = "one", **more: Any) -> Built:
        return build_census(tmp_path / name, *datasets, **more)

    return run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A census of three single-cell datasets of two organisms and an imaging dataset. Read it, do not change it."""
    return build_census(tmp_path_factory.mktemp("census"), *three_datasets(), others=[record(9, "imaging")])
