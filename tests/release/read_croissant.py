"""What mlcroissant makes of a document, as JSON on standard output: `python read_croissant.py croissant.json`.

In a process of its own, which ends at once: mlcroissant 1.1.1 leaves a thread behind that, now and then, aborts the
interpreter as it exits.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import mlcroissant


def plain(value: Any) -> Any:
    """Return a value of a record as JSON holds it; mlcroissant gives text as bytes."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def main(path: str) -> None:
    dataset = mlcroissant.Dataset(path)
    records = {
        table.id: [{name: plain(value) for name, value in row.items()} for row in dataset.records(table.id)]
        for table in dataset.metadata.record_sets
    }
    issues, version = dataset.metadata.issues.report(), str(dataset.metadata.version)
    sys.stdout.write(json.dumps({"issues": issues, "version": version, "records": records}, default=int))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
