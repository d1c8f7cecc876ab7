from __future__ import annotations

from pathlib import Path

import pytest

from catchment.release.publish import Publication
from tests.release.synthetic_build import Synthetic, five_studies, publish_build


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A build of five studies, nothing indexed or published yet."""
    return five_studies(tmp_path / "build")


@pytest.fixture
def release(made: Synthetic) -> Path:
    """The folder of the first release of the five studies; a test may damage it."""
    return made.workdir / publish_build(made).path


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same release once for all tests that only read it."""
    made = five_studies(tmp_path_factory.mktemp("published") / "build")
    publication: Publication = publish_build(made)
    return made.workdir / publication.path


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of a build to which nothing was ever sent; read only."""
    made = Synthetic(tmp_path_factory.mktemp("empty") / "build")
    return made.workdir / publish_build(made).path
