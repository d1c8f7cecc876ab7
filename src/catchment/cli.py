"""argv -> one step or one question -> exit code. No logic of its own.

Exit codes: 0 done, 1 a bug, 2 bad input or usage, 3 the environment (try again), 4 an audit found damage.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from catchment import __version__, commands
from catchment.errors import CatchmentError, EnvironmentFault

# what no code of ours causes: no room, a read-only or failing disk, too many open files
ENVIRONMENT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})

EXAMPLES = """examples:
  catchment check liver.h5ad stack.ome.tiff run.mzML
  catchment run stack.ome.tiff -o out
  catchment receive uploads/liver-study --inbox build/inbox
  snakemake --profile profiles/local
  catchment status
  catchment search --tissue liver --having singlecell --having imaging
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error on purpose is one line, a bug keeps its traceback."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.command == "step" else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        code = int(arguments.call(arguments))
        sys.stdout.flush()
        return code
    except CatchmentError as error:
        commands.say(f"catchment {arguments.command}: {' '.join(str(error).split())}")
        return error.exit_code
    except BrokenPipeError:
        # whoever read our output has enough; what is left would only raise again when Python closes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in ENVIRONMENT:
            raise
        commands.say(f"catchment {arguments.command}: {error}; mend that, then run again")
        return EnvironmentFault.exit_code


STEP_INPUTS = {
    "admit": ("asset",),
    "convert": ("admission",),
    "normalise": ("conversion",),
    "plan": (),
    "assemble": ("plan",),
    "verify": ("plan", "assembly"),
    "index": (),
    "release": ("index",),
}


# --- the command line --------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = argparse.ArgumentParser(
        prog="catchment",
        description="Raw biological submissions to versioned, searchable, AI-ready releases.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"catchment {__version__}")
    verbs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_contributor_verbs(verbs)
    add_operator_verbs(verbs)
    add_consumer_verbs(verbs)
    add_step_verb(verbs)
    return top


def add_verb(verbs: Any, name: str, call: Callable[..., int], text: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of a new verb, with one example in its help."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(call=call)
    return verb


def add_contributor_verbs(verbs: Any) -> None:
    """Add `check` and `run`."""
    text = "What would be found in files or an upload, without submitting; any modality, by content."
    verb = add_verb(verbs, "check", commands.call_check, text, "catchment check liver.h5ad --html findings.html")
    verb.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    verb.add_argument("--json", action="store_true", help="print findings as JSON")
    verb.add_argument("--html", type=Path, metavar="FILE", help="write findings as a page")
    verb.add_argument("--configfile", type=Path, metavar="FILE", help="settings other than the defaults")
    text = "One asset through every step without inbox or graph: open format, QC, records."
    verb = add_verb(verbs, "run", commands.call_run, text, "catchment run stack.ome.tiff -o out")
    verb.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    verb.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="where the results go")
    verb.add_argument("--json", action="store_true", help="print findings as JSON")
    verb.add_argument("--configfile", type=Path, metavar="FILE", help="settings other than the defaults")


def add_operator_verbs(verbs: Any) -> None:
    """Add `receive`, `status`, `findings`, `audit`, `diff` and `sweep`."""
    from catchment.schema.records import MODALITY_NAMES

    text = "Take uploads into the inbox: checked copy or reference, accession, manifest. Safe on hostile input."
    verb = add_verb(verbs, "receive", commands.call_receive, text, "catchment receive liver-study --inbox build/inbox")
    verb.add_argument("uploads", nargs="*", type=Path, metavar="UPLOAD")
    goal = verb.add_mutually_exclusive_group(required=True)
    goal.add_argument("--inbox", type=Path, metavar="DIR", help="the inbox, <build folder>/inbox")
    goal.add_argument("--suggest", action="store_true", help="receive nothing: print a draft of the curate section")
    goal.add_argument("--template", choices=MODALITY_NAMES, help="receive nothing: print a submission.yaml to fill in")
    goal.add_argument("--schema", action="store_true", help="print the JSON Schema of submission.yaml, for editors")
    verb.add_argument("--reference", action="store_true", help="leave the files where they are and read them there")
    verb.add_argument("--json", action="store_true", help="print accessions as JSON")
    text = "Every asset by step: done, held (why), failed (log), pending."
    verb = add_verb(verbs, "status", commands.call_status, text, "catchment status --workdir build --json")
    verb.add_argument("--workdir", metavar="DIR", help="the build folder (default: the first of ., build, demo)")
    verb.add_argument("--json", action="store_true", help="print a list of objects")
    verb.add_argument("--summary", action="store_true", help="print what came of the build in a few lines")
    text = "What is wrong with a submission, where, and how to mend it: the page a submitter gets."
    verb = add_verb(verbs, "findings", commands.call_findings, text, "catchment findings CAT00000004P --html page.html")
    verb.add_argument("accession", metavar="ACCESSION")
    verb.add_argument("--workdir", metavar="DIR", help="the build folder (default: the first of ., build, demo)")
    verb.add_argument("--json", action="store_true", help="print findings as JSON")
    verb.add_argument("--html", type=Path, metavar="FILE", help="write findings as a page")
    text = "Every byte of a release against its manifest; exit code 4 where they differ."
    verb = add_verb(verbs, "audit", commands.call_audit, text, "catchment audit demo/releases/2026.1")
    verb.add_argument("release", type=Path, metavar="RELEASE")
    verb.add_argument("--repair-from", type=Path, metavar="REPLICA", help="first restore what differs from this copy")
    verb.add_argument("--json", action="store_true", help="print findings as JSON")
    text = "What was added, changed and removed from one release to another, and why."
    example = "catchment diff demo/releases/2026.1 demo/releases/2026.2"
    verb = add_verb(verbs, "diff", commands.call_diff, text, example)
    verb.add_argument("before", type=Path, metavar="RELEASE")
    verb.add_argument("after", type=Path, metavar="RELEASE")
    verb.add_argument("--json", action="store_true", help="print one object: counts, changes, files")
    text = "Stores that no record and no release points at, and what killed builds left; removed only with --yes."
    verb = add_verb(verbs, "sweep", commands.call_sweep, text, "catchment sweep --workdir build --yes")
    verb.add_argument("--workdir", metavar="DIR", help="the build folder (default: the first of ., build, demo)")
    verb.add_argument("--yes", action="store_true", help="remove what is listed")
    verb.add_argument("--json", action="store_true", help="print a list of objects")


def add_consumer_verbs(verbs: Any) -> None:
    """Add `search`, `bridges` and `describe`."""
    from catchment.schema.records import MODALITY_NAMES

    text = "Studies (or datasets, samples, images, files) of a release; a term also finds everything below it."
    verb = add_verb(verbs, "search", commands.call_search, text, "catchment search --tissue liver --having massspec")
    verb.add_argument("text", nargs="?", metavar="TEXT", help="words in title, description or keywords")
    for name in commands.FILTERS:
        verb.add_argument(
            f"--{name}", action="append", metavar="TERM", help=FILTER_HELP.get(name, "a label or an ontology term id")
        )
    having = verb.add_argument("--having", action="append", choices=MODALITY_NAMES, metavar="MODALITY")
    having.help = f"only studies that have {', '.join(MODALITY_NAMES)}; give it once for each"
    kinds = ("studies", "datasets", "samples", "images", "files")
    verb.add_argument("--of", choices=kinds, default="studies", help="what to list (default: studies)")
    verb.add_argument("--csv", action="store_true", help="print CSV")
    verb.add_argument("--parquet", type=Path, metavar="FILE", help="write Parquet")
    add_release_choice(verb)
    text = "What joins the modalities of a release: samples, tissues, genes and proteins; and what is of one alone."
    verb = add_verb(verbs, "bridges", commands.call_bridges, text, "catchment bridges --json")
    add_release_choice(verb)
    text = "All that a release knows of one study, dataset, sample, image of a set, or file."
    verb = add_verb(verbs, "describe", commands.call_describe, text, "catchment describe CAT00000001K.D0001")
    verb.add_argument("id", metavar="ID")
    add_release_choice(verb)


FILTER_HELP = {
    "protein": "a UniProt accession or a name, in whatever assay",
    "gene": "a symbol or an Ensembl id, in whatever assay",
}


def add_release_choice(verb: argparse.ArgumentParser) -> None:
    """Add which release is asked, and the JSON form."""
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.add_argument("--release", metavar="DIR", help="a release folder (default: the latest of the build folder)")
    verb.add_argument("--workdir", metavar="DIR", help="the build folder (default: the first of ., build, demo)")


def add_step_verb(verbs: Any) -> None:
    """Add `step NAME`."""
    text = "One step by hand, in the build folder: what the rules call."
    example = "catchment step convert --admission work/.../admit.json --out work/.../convert.json"
    step = add_verb(verbs, "step", commands.call_step, text, example)
    names = step.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, inputs in STEP_INPUTS.items():
        verb = names.add_parser(
            name, help=f"reads {', '.join(inputs) or 'the records below work/'}; writes {name}.json"
        )
        for record in inputs:
            verb.add_argument(f"--{record}", required=True, type=Path, metavar="FILE")
        verb.add_argument("--out", required=True, type=Path, metavar="FILE", help="the record to write")
        verb.add_argument("--settings", default="{}", metavar="JSON", help="this step's section of the configuration")
        verb.add_argument("--inbox", default=Path("inbox"), type=Path, metavar="DIR")
        verb.add_argument("--work", default=Path("work"), type=Path, metavar="DIR")
        verb.add_argument("--threads", type=int, default=0, metavar="N", help="threads this step may use")
