"""Assembles a planned census in a process of its own, to be killed or weighed.

`python -m tests.census.build_child FOLDER [SETTINGS]`: says `ready`, then how much memory it took at most, in MB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from catchment.census.assemble import assemble
from catchment.config import CensusAssemble
from catchment.schema.build_records import Census, Plan
from catchment.schema.records import Normalised
from catchment.storage import kept, save

PLAN, CONTRIBUTIONS, STORE = "plan.json", "contributions.json", "store/census/assemble/key"


def write_work(workdir: Path, plan: Plan, contributions: dict[str, Normalised]) -> None:
    """Leave in a build folder what there is to do."""
    save(plan, workdir / PLAN)
    records = [record.model_dump(mode="json") for record in contributions.values()]
    (workdir / CONTRIBUTIONS).write_text(json.dumps(records))


def build(workdir: Path, **settings: Any) -> Census:
    """Assemble, as the step does: into a scratch folder that becomes the store when it is whole."""
    plan = Plan.model_validate_json((workdir / PLAN).read_bytes())
    records = [Normalised.model_validate(one) for one in json.loads((workdir / CONTRIBUTIONS).read_bytes())]
    by_dataset = {record.dataset.dataset: record for record in records}
    chosen = CensusAssemble(**settings)
    return kept(workdir / STORE, Census, lambda scratch: assemble(plan, by_dataset, workdir, scratch, chosen))


def peak_mb() -> float:
    """Return the most memory that this process had, that of the one it was forked from left out."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1000


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    build(Path(sys.argv[1]), **json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"))
    sys.stdout.write(f"{peak_mb():.0f}\n")
