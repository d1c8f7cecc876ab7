"""Run by the interpreter of .venv-reference, never by ours: verdicts of cellxgene-schema on fragments.

`python ask_reference.py FOLDER` prints one JSON object a line for each folder with `cells.h5ad` in it and, perhaps,
`cells-fragments.tsv.gz`: folder, valid, errors. With `--index` each valid file is sorted and indexed as well, as
`reference.bgz` beside it.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path

from cellxgene_schema.atac_seq import check_anndata_requires_fragment, index_fragment, process_fragment


def errors_of(folder: Path) -> list[str]:
    """Return what the reference holds against a dataset and its fragments."""
    cells, fragments = str(folder / "cells.h5ad"), folder / "cells-fragments.tsv.gz"
    try:
        needed = check_anndata_requires_fragment(cells)
    except ValueError as error:
        return [str(error)]
    if not fragments.exists():
        return ["a fragments file is required"] if needed else []
    return process_fragment(str(fragments), cells)


def main() -> None:
    """Print the verdict on every folder."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        errors = errors_of(folder)
        sys.stdout.write(json.dumps({"file": folder.name, "valid": not errors, "errors": errors}) + "\n")
        if not errors and "--index" in sys.argv[2:] and (folder / "cells-fragments.tsv.gz").exists():
            index_fragment(str(folder / "cells-fragments.tsv.gz"), str(folder / "reference.bgz"))


if __name__ == "__main__":
    main()
