"""A site's own converter to mzML (`massspec.admit.converters`): a program that runs inside the confined child.

It has the limits that the child has (no network; memory and processor time of `confinement`) and ends with the child.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from catchment.errors import EnvironmentFault
from catchment.massspec import rules
from catchment.massspec.describe import name_findings
from catchment.massspec.faults import shown
from catchment.massspec.recognise import NAMES
from catchment.schema.records import Asset, Preparation, SourceFile, Unreadable
from catchment.storage import Place

logger = logging.getLogger(__name__)

OUTPUT = "converted.mzML"
LAST_WORDS_BYTES = 2_000


def convert_externally(
    asset: Asset, format_: str, command: Sequence[str] | None, place: Place
) -> Preparation | Unreadable:
    """Return the asset as the mzML that a program wrote of it into the place, or why there is none.

    Parameters
    ----------
    command
        Program and arguments, in which `{input}` stands for the run's file or folder and `{output}` for the file to
        write; None where the configuration has none for the format.

    Raises
    ------
    EnvironmentFault
        Where there is no such program.
    """
    if not command:
        missing = rules.READER_MISSING.broken(shown(asset.name), f"{NAMES[format_]}; there is no reader for that")
        return Unreadable(findings=(*name_findings(asset, format_), missing))
    with tempfile.TemporaryDirectory(prefix="catchment-", ignore_cleanup_errors=True) as folder:
        written = Path(folder) / OUTPUT
        fault = failure(command, location_of(asset), written)
        if fault is not None:
            return Unreadable(findings=(rules.CONVERTER_FAILED.broken(shown(asset.name), fault),))
        target = place.path / OUTPUT
        shutil.copyfile(written, target)
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    made = SourceFile(path=str(target), name=OUTPUT, bytes=target.stat().st_size, sha256=sha256)
    told = rules.CONVERTED_OUTSIDE.broken(shown(asset.name), f"{NAMES[format_]}, converted by {Path(command[0]).name}")
    return Preparation(asset=asset.model_copy(update={"files": (made,), "folder": ""}), findings=(told,))


def location_of(asset: Asset) -> Path:
    """Return where the file or the folder of a located asset is."""
    first = asset.files[0]
    if not asset.folder:
        return Path(first.path)
    inner = PurePosixPath(first.name).relative_to(asset.folder)
    return Path(first.path).parents[len(inner.parts) - 1]


def failure(command: Sequence[str], source: Path, target: Path) -> str | None:
    """Run a converter; return how it failed, None where it wrote its file."""
    arguments = [word.replace("{input}", str(source)).replace("{output}", str(target)) for word in command]
    logger.info("converter starts: %s", arguments)
    with tempfile.TemporaryFile() as words:
        try:
            done = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, stdout=words, stderr=words, cwd=target.parent, check=False
            )
        except OSError as error:
            raise EnvironmentFault(
                f"{command[0]}: {error.strerror}; install the converter, or correct massspec.admit.converters"
            ) from None
        end = words.seek(0, 2)
        words.seek(max(0, end - LAST_WORDS_BYTES))
        said = words.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(said) if line.strip()), "nothing said")
    logger.info("converter ends: %d, %s", done.returncode, last)
    if done.returncode:
        return f"exit code {done.returncode}: {shown(last)}"
    if target.is_symlink() or not target.is_file():
        return f"no file written: {shown(last)}"
    return None
