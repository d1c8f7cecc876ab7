"""CZI's census client, asked in a process of its own.

The client opens and reads SOMA objects in threads of its own, which can crash tiledbsoma 2.3.0 (a segmentation fault,
once in many calls; docs/decisions/0007). A crash says nothing of the census: it is asked again, at most three times.
Any other failure, and any wrong value, is the answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anndata

ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import cellxgene_census
uri, out, question = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with cellxgene_census.open_soma(uri=uri) as census:
    cellxgene_census.get_anndata(census, **question).write_h5ad(out)
"""


FRAME = """
import json, sys, warnings
warnings.simplefilter("ignore")
uri, out = sys.argv[1], sys.argv[2]
{question}
with open(out, "w") as file:
    json.dump(found, file)
"""


def asked(command: list[str]) -> None:
    """Run a client, again where a signal ended it."""
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        if done.returncode >= 0:
            break
    assert done.returncode == 0, done.stderr


def ask(question: str, soma: Path, python: str = sys.executable) -> Any:
    """Return what a piece of code leaves in `found`, as JSON keeps it; the code is given the census's `uri`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answer.json"
        asked([python, "-c", FRAME.replace("{question}", question), str(soma), str(out)])
        return json.loads(out.read_text())


def get_anndata(soma: Path, folder: Path, **question: Any) -> anndata.AnnData:
    """Return what `cellxgene_census.get_anndata(census, **question)` gives for a census."""
    out = folder / "answer.h5ad"
    command = [sys.executable, "-c", ASK, str(soma), str(out), json.dumps(question)]
    asked(command)
    return anndata.read_h5ad(out)
