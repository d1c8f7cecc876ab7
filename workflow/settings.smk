"""The typed configuration, the build folder, and what every shell command starts with."""

import json
import os
import shlex
import sys
from pathlib import Path

from catchment.config import read_config
from catchment.errors import CatchmentError
from catchment.modalities import VERSIONS
from snakemake.exceptions import WorkflowError

try:
    CONFIG = read_config(config)
except CatchmentError as error:
    raise WorkflowError(str(error)) from None


# as seen from where Snakemake was started: what it names can be opened from there
CLOSING_SUMMARY = (
    f"cd {shlex.quote(os.getcwd())} && catchment status --summary --workdir {shlex.quote(CONFIG.workdir)} 1>&2"
)


workdir: CONFIG.workdir


# the command is found wherever Snakemake was started from, in cluster jobs too; how a reader is confined is no
# parameter of a rule: a wider limit must not run anything again
confinement = shlex.quote(CONFIG.confinement.model_dump_json()).replace("{", "{{").replace("}", "}}")
accepted = shlex.quote(" ".join(CONFIG.accept_licences)).replace("{", "{{").replace("}", "}}")
shell.prefix(
    f"set -euo pipefail; export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; "
    f"export CATCHMENT_CONFINEMENT={confinement}; "
    f"export CATCHMENT_ACCEPT_LICENCES={accepted}; "
)


def settings_of(step):
    """Return a params function: the JSON of the one section of settings that a step reads."""

    def settings(wildcards):
        return json.dumps(CONFIG.step_settings(step, wildcards.get("modality")), sort_keys=True)

    return settings


def version_of(step, room=None):
    """Return a params function: the step's version, so that raising it runs this step and those after it."""

    def version(wildcards):
        return VERSIONS[room or wildcards.modality][step]

    return version


def memory_of(default_mb=2_000):
    """Return a resources function: the estimate in `admit.json` once that is there; doubled with every retry."""

    def memory_mb(wildcards, attempt):
        record = Path(f"work/{wildcards.submission}/{wildcards.modality}/{wildcards.asset}/admit.json")
        estimate = json.loads(record.read_bytes()).get("estimate") if record.exists() else None
        return (estimate["memory_mb"] if estimate else default_mb) * 2 ** (attempt - 1)

    return memory_mb
