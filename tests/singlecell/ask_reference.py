"""Run by the interpreter of .venv-reference, never by ours: verdicts of cellxgene-schema on the files of a folder.

`python ask_reference.py FOLDER` prints one JSON object a line: file, valid, errors, warnings.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path

from cellxgene_schema.validate import Validator


def main() -> None:
    """Validate every H5AD of a folder; a file that the validator cannot open at all counts as invalid."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for path in sorted(Path(sys.argv[1]).glob("*.h5ad")):
        validator = Validator()
        try:
            valid = validator.validate_adata(str(path))
            errors, caveats = validator.errors, validator.warnings
        except (SystemExit, AttributeError) as end:  # it reports into what it has not made yet
            valid, errors, caveats = False, [f"ERROR: unable to open the file ({type(end).__name__})"], []
        sys.stdout.write(json.dumps({"file": path.name, "valid": valid, "errors": errors, "warnings": caveats}) + "\n")


if __name__ == "__main__":
    main()
