"""What each verb of the command line does: one call into the house, one answer shown, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from catchment.errors import BadInput, CatchmentError, Damage

FILTERS = (
    "organism",
    "tissue",
    "disease",
    "assay",
    "cell-type",
    "development-stage",
    "sex",
    "analyte",
    "protein",
    "gene",
)
LIKELY_WORKDIRS = (".", "build", "demo")
LINE_CHARACTERS = 2_000


def say(text: str) -> None:
    """Print one line for people, apart from the answer that programs read."""
    from catchment.report import printable

    sys.stderr.write(f"{printable(text, LINE_CHARACTERS)}\n")


@contextlib.contextmanager
def progress_bar(what: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Yield a function to tell bytes done; on a terminal it moves a bar, elsewhere it is quiet."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total_bytes)
        yield lambda done: bar.advance(task, done)


def read_configuration(given: Path | None) -> Any:
    """Return the configuration of a file, or the defaults."""
    import yaml

    from catchment.config import read_config

    if given is None:
        return read_config({})
    try:
        values = yaml.safe_load(given.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{given}: {error}; expected a YAML file like config/config.yaml") from None
    if not isinstance(values, dict | None):
        raise BadInput(f"{given}: found a {type(values).__name__}, expected a mapping like config/config.yaml")
    config = read_config(values or {})
    if config.accept_licences:
        # to the readers, which may be several processes away; the rules of a build hand it on in the same way
        os.environ["CATCHMENT_ACCEPT_LICENCES"] = " ".join(config.accept_licences)
    return config


def workdir_of(arguments: argparse.Namespace, needed: str) -> Path:
    """Return the build folder that was named, or the first likely one that has what is needed."""
    if arguments.workdir is not None:
        return Path(arguments.workdir)
    for name in LIKELY_WORKDIRS:
        if (Path(name) / needed).exists():
            return Path(name)
    raise BadInput(f"no build folder with {needed} here; name it with --workdir, or build one first (make demo)")


# --- contributors ------------------------------------------------------------------------------------------------


def call_check(arguments: argparse.Namespace) -> int:
    """`check`: what would be found, without submitting."""
    from catchment import report, trial

    pages = trial.check(arguments.paths, read_configuration(arguments.configfile), say)
    report.show_findings(pages, as_json=arguments.json, page_file=arguments.html, titles=rule_titles(arguments.html))
    return exit_code_of(pages)


def call_run(arguments: argparse.Namespace) -> int:
    """`run`: one asset through every step, without inbox or graph."""
    from catchment import report, trial

    pages = trial.run(arguments.paths, arguments.output, read_configuration(arguments.configfile), say)
    report.show_findings(pages, as_json=arguments.json)
    return exit_code_of(pages)


def rule_titles(page: Path | None) -> dict[str, str]:
    """Return what each rule is about, by its code, for a page; nothing where none is asked for."""
    if page is None:
        return {}
    from catchment.modalities import rules_of
    from catchment.schema.records import MODALITY_NAMES

    return {code: rule.title for name in MODALITY_NAMES for code, rule in rules_of(name).items()}


def exit_code_of(pages: Any) -> int:
    """Return 2 where any finding is an error, else 0."""
    from catchment.schema.rules import is_error

    return 2 if any(is_error(finding) for _, _, findings in pages for finding in findings) else 0


# --- operators ---------------------------------------------------------------------------------------------------


def call_receive(arguments: argparse.Namespace) -> int:
    """`receive`: uploads into the inbox; one that cannot be read does not stop the others."""
    from catchment import report
    from catchment.modalities import RECOGNISER
    from catchment.submission.receive import receive
    from catchment.submission.sighting import uploaded
    from catchment.submission.template import submission_schema, template

    if arguments.template or arguments.schema:
        print(template(arguments.template) if arguments.template else report.json_text(submission_schema()))  # noqa: T201
        return 0
    if not arguments.uploads:
        raise BadInput("nothing to receive; name a file or a folder, as in `catchment receive my-upload --inbox inbox`")
    if arguments.suggest:
        from catchment import trial

        print(trial.suggest(arguments.uploads, read_configuration(None)), end="")  # noqa: T201
        return 0
    code, rows, pages = 0, [], []
    for path in arguments.uploads:
        try:
            upload = uploaded(path, RECOGNISER)
            passes = 1 if arguments.reference else 2
            total = passes * sum(upload.path(name).stat().st_size for name in upload.names)
            with progress_bar(f"receiving {path.name}", total) as progress:
                receipt = receive(path, arguments.inbox, RECOGNISER, reference=arguments.reference, progress=progress)
        except CatchmentError as error:
            say(f"catchment receive: {error}")
            code = max(code, error.exit_code)
            continue
        manifest = receipt.manifest
        state = "received" if receipt.new else "known already"
        rows.append(
            {"upload": path.name, "accession": manifest.accession, "assets": len(receipt.assets), "state": state}
        )
        own = [(path.name, manifest.accession, manifest.findings)]
        own += [(a.name, a.dataset, a.findings) for a in receipt.assets]
        pages += [page for page in own if page[2]]
    if arguments.json:
        print(report.json_text(rows))  # noqa: T201
    else:
        report.show_rows(rows)
        report.show_findings(pages)
    return max(code, exit_code_of(pages))


def call_status(arguments: argparse.Namespace) -> int:
    """`status`: every asset by step."""
    from catchment import progress, report

    workdir = workdir_of(arguments, "inbox")
    if arguments.summary:
        print(progress.closing_summary(workdir, workdir / "inbox"))  # noqa: T201
        return 0
    report.show_rows(progress.as_rows(progress.build_status(workdir, workdir / "inbox")), as_json=arguments.json)
    return 0


def call_findings(arguments: argparse.Namespace) -> int:
    """`findings`: what is wrong with a submission, where, and how to mend it."""
    from catchment import progress, report

    workdir = workdir_of(arguments, "inbox")
    known = progress.known_accessions(workdir / "inbox")
    if arguments.accession not in known:
        listed = ", ".join(known) or "none yet"
        raise BadInput(f"{arguments.accession}: no such submission in {workdir / 'inbox'}; there are {listed}")
    pages = progress.findings_of(arguments.accession, workdir, workdir / "inbox")
    plots = progress.plots_of(arguments.accession, workdir, workdir / "inbox")
    report.show_findings(
        pages, as_json=arguments.json, page_file=arguments.html, plots=plots, titles=rule_titles(arguments.html)
    )
    return 0


def call_audit(arguments: argparse.Namespace) -> int:
    """`audit`: every byte of a release against its manifest, after a repair where one is asked for."""
    from catchment import report
    from catchment.release.audit import audit
    from catchment.release.repair import repair

    if arguments.repair_from is not None:
        for one in repair(arguments.release, arguments.repair_from):
            say(f"{'restored' if one.restored else 'not restored'}: {one.path}{one.note and f': {one.note}'}")
    findings = tuple(audit(arguments.release))
    report.show_findings([(str(arguments.release), "audited", findings)], as_json=arguments.json)
    if findings:
        raise Damage(
            f"{arguments.release}: {len(findings)} files differ from the manifest; "
            "restore them with --repair-from and a whole copy of this release, move away what was never part of it"
        )
    return 0


def call_diff(arguments: argparse.Namespace) -> int:
    """`diff`: what tells two releases apart."""
    from dataclasses import asdict

    from catchment import report
    from catchment.release.difference import difference
    from catchment.release.published import read_published

    found = asdict(difference(read_published(arguments.before), read_published(arguments.after)))
    if arguments.json:
        print(report.json_text(found))  # noqa: T201
        return 0
    print(f"from {report.printable(found['before'])} to {report.printable(found['after'])}")  # noqa: T201
    for name in ("counts", "changes", "files"):
        print(f"\n{name}")  # noqa: T201
        report.show_rows(found[name])
    return 0


def call_sweep(arguments: argparse.Namespace) -> int:
    """`sweep`: what nothing points at, removed where told so."""
    import time
    from dataclasses import asdict

    from catchment import report
    from catchment.sweep import find_orphans, remove_orphans

    workdir = workdir_of(arguments, "store")
    orphans, young = (remove_orphans if arguments.yes else find_orphans)(workdir, time.time())
    report.show_rows([asdict(orphan) for orphan in orphans], as_json=arguments.json)
    done = "removed" if arguments.yes else "not removed (give --yes)"
    held = f"{sum(orphan.bytes for orphan in orphans):,} bytes in {len(orphans):,} places"
    say(f"{held} {done}; {young:,} more stay, younger than a day")
    return 0


# --- consumers ---------------------------------------------------------------------------------------------------


def catalogue_of(arguments: argparse.Namespace) -> Path:
    """Return the catalogue that is asked: of the named release, or of the latest one of the build folder."""
    if arguments.release is not None:
        return Path(arguments.release) / "catalogue"
    workdir = workdir_of(arguments, "releases/latest.json")
    try:
        latest = json.loads((workdir / "releases/latest.json").read_bytes())["release"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{workdir}: no release published here yet; run snakemake, or name one with --release") from None
    return workdir / "releases" / str(latest) / "catalogue"


def call_search(arguments: argparse.Namespace) -> int:
    """`search`: studies, datasets, samples, images or files of a release."""
    from catchment import report
    from catchment.catalogue.query import search

    filters = {name.replace("-", "_"): getattr(arguments, name.replace("-", "_")) or [] for name in FILTERS}
    chosen = {name: values for name, values in filters.items() if values}
    rows = search(catalogue_of(arguments), arguments.text or "", chosen, arguments.having or [], arguments.of)
    report.show_rows(rows, as_json=arguments.json, as_csv=arguments.csv, parquet=arguments.parquet)
    return 0


def call_bridges(arguments: argparse.Namespace) -> int:
    """`bridges`: what joins the modalities of a release, and what does not."""
    from catchment import report
    from catchment.catalogue.bridges import bridges

    report.show_rows(bridges(catalogue_of(arguments)), as_json=arguments.json)
    return 0


def call_describe(arguments: argparse.Namespace) -> int:
    """`describe`: one study, dataset, sample, image or file."""
    from catchment import report
    from catchment.catalogue.query import describe

    found = describe(catalogue_of(arguments), arguments.id)
    if arguments.json:
        print(report.json_text(found))  # noqa: T201
    else:
        report.show_rows([{"field": name, "value": value} for name, value in found.items()])
    return 0


# --- steps -------------------------------------------------------------------------------------------------------


def json_object(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object in a text that the rules hand over."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{what}: not JSON ({error}); expected one section of the configuration") from None
    if not isinstance(value, dict):
        raise BadInput(f"{what}: found a JSON {type(value).__name__}, expected one section of the configuration")
    return value


def call_step(arguments: argparse.Namespace) -> int:
    """`step`: what the rules call."""
    from catchment import steps
    from catchment.isolation import Limits

    if arguments.threads:
        os.environ["CATCHMENT_THREADS"] = str(arguments.threads)
    limits = Limits.model_validate(json_object(os.environ.get("CATCHMENT_CONFINEMENT", "{}"), "CATCHMENT_CONFINEMENT"))
    settings = json_object(arguments.settings, "--settings")
    inbox, work, out = arguments.inbox, arguments.work, arguments.out
    calls: dict[str, Callable[[], Any]] = {
        "admit": lambda: steps.admit(arguments.asset, settings, out, limits),
        "convert": lambda: steps.convert(arguments.admission, inbox, settings, out, limits),
        "normalise": lambda: steps.normalise(arguments.conversion, settings, out, limits),
        "plan": lambda: steps.plan(inbox, work, settings, out),
        "assemble": lambda: steps.assemble(arguments.plan, inbox, work, settings, out),
        "verify": lambda: steps.verify(arguments.plan, arguments.assembly, out),
        "index": lambda: steps.index(inbox, work, settings, out),
        "release": lambda: steps.release(inbox, work, arguments.index, settings, out),
    }
    calls[arguments.name]()
    return 0
