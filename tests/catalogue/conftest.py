from __future__ import annotations

from pathlib import Path

import pytest

from catchment.catalogue.index import index
from catchment.config import ReleaseSettings
from tests.release.synthetic_build import Synthetic, five_studies


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A build of five studies, nothing indexed yet."""
    return five_studies(tmp_path / "build")


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of the five studies; read only."""
    folder = tmp_path_factory.mktemp("five")
    index(five_studies(folder / "build").build(), folder / "catalogue", ReleaseSettings())
    return folder


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of a build without submissions."""
    folder = tmp_path_factory.mktemp("empty")
    index(Synthetic(folder / "build").build(), folder / "catalogue", ReleaseSettings())
    return folder
