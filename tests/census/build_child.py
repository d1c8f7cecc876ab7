"""Assembles a planned census in a process of its own, to be killed: `python -m tests.census.build_child FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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


def build(workdir: Path) -> Census:
    """Assemble, as the step does: into a scratch folder that becomes the store when it is whole."""
    plan = Plan.model_validate_json((workdir / PLAN).read_bytes())
    records = [Normalised.model_validate(one) for one in json.loads((workdir / CONTRIBUTIONS).read_bytes())]
    by_dataset = {record.dataset.dataset: record for record in records}
    return kept(workdir / STORE, Census, lambda scratch: assemble(plan, by_dataset, workdir, scratch, CensusAssemble()))


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    build(Path(sys.argv[1]))
