"""The pipeline on one page: each step loads records, calls one modality or census function, and saves one record.

Every step runs with the build folder as its working folder; paths in records are relative to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from catchment.config import CensusAssemble, CensusPlan, ReleaseSettings
from catchment.errors import NothingKept
from catchment.isolation import Limits
from catchment.modalities import (
    VERSIONS,
    Conversion,
    Inspection,
    Normalisation,
    check_asset,
    convert_asset,
    inspect_asset,
    modality,
    normalise_asset,
)
from catchment.outcome import (
    Stopwatch,
    confined,
    content_of,
    finish,
    held,
    may_be_published,
    passed_on,
    stored,
    with_reason,
)
from catchment.quality import judge
from catchment.schema.build import Build
from catchment.schema.build_records import Assembled, Census, Indexed, Layout, Placement, Planned, Released, Verified
from catchment.schema.records import (
    PLOTS,
    Admitted,
    Asset,
    Converted,
    Dataset,
    Held,
    Normalised,
    Prepared,
    Record,
    SourceFile,
    StoredFile,
)
from catchment.schema.rules import is_error
from catchment.schema.submission_records import Manifest
from catchment.storage import (
    content_key,
    digest_file,
    digest_json,
    digest_of_files,
    load,
    locked,
    scratch_folder,
    write_atomically,
)
from catchment.submission.inbox import asset_digest, asset_keys, located, source_findings, without_assets

logger = logging.getLogger(__name__)

Settings = dict[str, JsonValue]
STORES = Path("store")


# --- one asset ---------------------------------------------------------------------------------------------------


def admit(asset_file: Path, settings: Settings, out: Path, limits: Limits, *, trial: bool = False) -> Admitted | Held:
    """Describe, prepare, validate, estimate and label an asset in a confined child; write `admit.json`.

    What was written on the way is kept under a content key; a `trial` keeps nothing and labels nothing.
    """
    asset = load(Asset, asset_file)
    version = VERSIONS[asset.modality]["admit"]
    watch = Stopwatch("admit", version, {"asset": digest_file(asset_file)}, settings)
    logger.info("admit starts: %s %s %s", asset.accession, asset.modality, asset.asset)
    own = located(asset, asset_file.parent.parent)
    changed = source_findings(asset, asset_file.parent.parent)
    findings = [*asset.findings, *changed]
    store = admission_store(asset, version, settings)

    def make(scratch: Path) -> Inspection:
        own_limits = limits.of_admission(sum(file.bytes for file in own.files))
        inspect = check_asset if trial or any(map(is_error, findings)) else inspect_asset
        made: Inspection | None = confined(findings, own_limits, inspect, own, str(scratch), settings)
        if made is None or made.description is None or any(map(is_error, (*findings, *made.findings))):
            findings.extend(made.findings if made else ())
            raise NothingKept(f"{asset.dataset}: not admitted; see its findings")
        return made

    if not own.files or changed:
        return finish(held("admit", asset, findings, watch), out)
    try:
        if trial:
            with scratch_folder(out) as scratch:
                inspection = make(scratch)
            files: tuple[StoredFile, ...] = ()
        else:
            inspection, files = stored(store, Inspection, make)
    except NothingKept as reason:
        return finish(held("admit", asset, with_reason(findings, reason), watch), out)
    admitted = Admitted(
        asset=asset,
        description=inspection.description,
        statistics=inspection.statistics,
        estimate=inspection.estimate,
        findings=(*findings, *inspection.findings),
        prepared=Prepared(store=str(store), path=inspection.path, files=files) if files else None,
        **watch.stamp(),
    )
    return finish(admitted, out)


def convert(admission: Path, inbox: Path, settings: Settings, out: Path, limits: Limits) -> Converted | Held:
    """Convert an admitted asset into its open format, under a content key; write `convert.json`."""
    admitted: Admitted | Held = load(Admitted | Held, admission)
    asset = admitted.asset
    version = VERSIONS[asset.modality]["convert"]
    watch = Stopwatch("convert", version, {"admit": content_of(admitted)}, settings)
    if isinstance(admitted, Held):
        return finish(passed_on(admitted, watch), out)
    logger.info("convert starts: %s %s %s", asset.accession, asset.modality, asset.asset)
    description, findings = admitted.description, list(admitted.findings)
    # a limit judges what was measured and changes no byte: it has no place in the key
    in_key = {name: value for name, value in settings.items() if name != "limits"}
    inputs = {"asset": asset_digest(asset), "description": digest_json(description.model_dump(mode="json"))}
    if admitted.prepared is not None:
        inputs["prepared"] = digest_of_files(admitted.prepared.files)
    store = store_of(asset, content_key(inputs, version, in_key))

    def make(scratch: Path) -> Conversion:
        own = prepared_asset(asset, admitted.prepared)
        changed = source_findings(asset, inbox / asset.accession) if own is None else []
        if changed:
            findings.extend(changed)
            raise NothingKept(f"{asset.dataset}: not converted; its files changed after they were received")
        own = own or located(asset, inbox / asset.accession)
        made: Conversion | None = confined(findings, limits, convert_asset, own, description, str(scratch), settings)
        if made is None or made.product is None or any(map(is_error, made.findings)):
            findings.extend(made.findings if made else ())
            raise NothingKept(f"{asset.dataset}: not converted; see its findings")
        return made

    try:
        conversion, files = stored(store, Conversion, make, resumed=modality(asset.modality).resumes)
    except NothingKept as reason:
        return finish(held("convert", asset, with_reason(findings, reason), watch), out)
    limits_of_metrics = modality(asset.modality).convert_settings.model_validate(settings).limits
    findings += [*conversion.findings, *judge(conversion.metrics, limits_of_metrics)]
    if any(map(is_error, findings)):
        return finish(held("convert", asset, findings, watch), out)
    dataset = Dataset(
        **{name: getattr(asset, name) for name in ("accession", "modality", "asset", "dataset")},
        store=str(store),
        product=conversion.product,
        files=files,
        metrics=conversion.metrics,
    )
    converted = Converted(
        asset=asset,
        description=description,
        dataset=dataset,
        findings=tuple(findings),
        prepared=admitted.prepared,
        **watch.stamp(),
    )
    return finish(converted, out)


def prepared_asset(asset: Asset, prepared: Prepared | None) -> Asset | None:
    """Return a located asset with the file that `admit` prepared in place of those submitted; None without one."""
    file = next((file for file in prepared.files if file.path == prepared.path), None) if prepared else None
    if prepared is None or file is None:
        return None
    path = str((Path(prepared.store) / file.path).resolve())
    source = SourceFile(path=path, name=asset.name, bytes=file.bytes, sha256=file.sha256)
    return asset.model_copy(update={"files": (source,), "folder": ""})


def normalise(conversion: Path, settings: Settings, out: Path, limits: Limits) -> Normalised | Held:
    """Derive a dataset's view, its plots and its contribution; write `qc.svg` and `normalise.json`."""
    converted: Converted | Held = load(Converted | Held, conversion)
    asset = converted.asset
    version = VERSIONS[asset.modality]["normalise"]
    watch = Stopwatch("normalise", version, {"convert": content_of(converted)}, settings)
    if isinstance(converted, Held):
        return finish_held(passed_on(converted, watch), out)
    logger.info("normalise starts: %s %s %s", asset.accession, asset.modality, asset.asset)
    dataset, findings = converted.dataset, list(converted.findings)
    inputs = {"asset": asset_digest(asset), "dataset": dataset.product.logical_digest, "store": dataset.store}

    def make(scratch: Path) -> Normalisation:
        made: Normalisation | None = confined(
            findings, limits, normalise_asset, dataset, asset, dataset.store, str(scratch), settings
        )
        if made is None:
            raise NothingKept(f"{asset.dataset}: not normalised; see its findings")
        return made

    store = store_of(asset, content_key(inputs, version, settings))
    try:
        normalisation, files = stored(store, Normalisation, make)
    except NothingKept as reason:
        return finish_held(held("normalise", asset, with_reason(findings, reason), watch), out)
    write_atomically(out.with_name(PLOTS), (store / PLOTS).read_bytes())
    normalised = Normalised(
        asset=asset,
        description=converted.description,
        dataset=dataset,
        derived=normalisation.derived,
        derived_store=str(store),
        derived_files=files,
        contribution=normalisation.contribution,
        findings=tuple(findings),
        publish_bytes=may_be_published(asset, findings),
        prepared=converted.prepared,
        **watch.stamp(),
    )
    return finish(normalised, out)


def finish_held(record: Held, out: Path) -> Held:
    """Save the last record of an asset that is held, and before it the picture that says why."""
    from catchment.sheets import held_sheet

    write_atomically(out.with_name(PLOTS), held_sheet(record))
    return finish(record, out)


def key_of(asset: Asset) -> str:
    """Return the folder of an asset's records below `work/`."""
    return f"{asset.accession}/{asset.modality}/{asset.asset}"


def admission_store(asset: Asset, version: int, settings: JsonValue) -> Path:
    """Return the store of what `admit` found and prepared; a record names it only where a file was prepared."""
    return store_of(asset, content_key({"asset": asset_digest(asset)}, version, settings))


def store_of(asset: Asset, key: str) -> Path:
    """Return the folder of one content key of an asset."""
    return STORES / key_of(asset) / key


# --- the census --------------------------------------------------------------------------------------------------


def plan(inbox: Path, work: Path, settings: Settings, out: Path) -> Planned:
    """Choose datasets, rows and ids from what every asset contributes and the last release's ledger: `plan.json`."""
    from catchment.census.inclusion import looks_at_cells
    from catchment.census.last_release import read_ledger
    from catchment.census.plan import plan as draw_plan
    from catchment.census.repeated import repeated_cells
    from catchment.census.source import read_groups

    chosen = CensusPlan.model_validate(settings)
    normalised, withheld = outcomes(inbox, work)
    seen: list[Normalised | Held] = [*normalised, *withheld]
    contents = {key_of(record.asset): content_of(record) for record in seen}
    ledger = read_ledger(Path("releases"))
    allotted = [one.model_dump(mode="json") for one in ledger.allotments]
    inputs = {"outcomes": digest_json(contents), "ledger": digest_json(allotted)}
    watch = Stopwatch("plan", VERSIONS["census"]["plan"], inputs, settings)
    matrices = [one.dataset for one in normalised if one.dataset.product.kind == "soma"]
    groups = (
        {one.dataset: read_groups(f"{one.store}/{one.product.path}") for one in matrices}
        if looks_at_cells(chosen)
        else {}
    )
    drawn = draw_plan(normalised, withheld, ledger, chosen, groups)
    matrices_taken = [one for one in drawn.datasets if one.rows]
    repeated = repeated_cells(matrices_taken, {one.dataset.dataset: one for one in normalised}, Path.cwd())
    for finding in repeated:
        logger.warning("%s %s: %s", finding.code, finding.where, finding.found)
    return finish(Planned(plan=drawn, assets=tuple(sorted(contents)), findings=repeated, **watch.stamp()), out)


def outcomes(inbox: Path, work: Path, only: Iterable[str] | None = None) -> tuple[list[Normalised], list[Held]]:
    """Return the last record of each asset: those that are through, those that are held.

    Without `only`, of every asset of the inbox that has one: what arrives during a build waits for the next.
    """
    if only is None:
        only = ["/".join(key) for key in asset_keys(inbox) if (work / "/".join(key) / "normalise.json").exists()]
    records: list[Normalised | Held] = [load(Normalised | Held, work / name / "normalise.json") for name in only]
    return [r for r in records if isinstance(r, Normalised)], [r for r in records if isinstance(r, Held)]


def assemble(plan_file: Path, inbox: Path, work: Path, settings: Settings, out: Path) -> Assembled:
    """Write the census of a plan under its content key; write `assemble.json`."""
    from catchment.census.assemble import assemble as write_census
    from catchment.census.pieces import tile_counts
    from catchment.census.summary import h5ad_path

    planned = load(Planned, plan_file)
    version = VERSIONS["census"]["assemble"]
    chosen = CensusAssemble.model_validate(settings)
    by_dataset = {record.asset.dataset: record for record in outcomes(inbox, work, planned.assets)[0]}
    contributions = {name: r.contribution.model_dump(mode="json") for name, r in by_dataset.items()}
    inputs = {
        "plan": digest_json(planned.plan.model_dump(mode="json")),
        "contributions": digest_json(contributions),
        "files": digest_json({name: h5ad_path(record) for name, record in by_dataset.items()}),
        "samples": digest_json({name: [one.accession for one in r.asset.samples] for name, r in by_dataset.items()}),
    }
    watch = Stopwatch("assemble", version, inputs, settings)
    logger.info("assemble starts: %d datasets", len(planned.plan.datasets))

    def make(scratch: Path) -> Census:
        return write_census(planned.plan, by_dataset, Path.cwd(), scratch, chosen)

    # of memory only the height of row tiles changes a digest: how many workers there are has no place in the key
    in_key = {**chosen.model_dump(mode="json", exclude={"memory_mb"}), "tile_counts": tile_counts(chosen)}
    store = STORES / "census/assemble" / content_key(inputs, version, in_key)
    census, files = stored(store, Census, make)
    return finish(Assembled(store=str(store), files=files, census=census, **watch.stamp()), out)


def verify(plan_file: Path, assembly: Path, out: Path) -> Verified:
    """Hold the census against its plan and its sources; write `verify.json` only where every claim holds."""
    from catchment.census.verify import verify as check_census

    planned, assembled = load(Planned, plan_file), load(Assembled, assembly)
    inputs = {"plan": content_of(planned), "assemble": content_of(assembled)}
    watch = Stopwatch("verify", VERSIONS["census"]["verify"], inputs)
    logger.info("verify starts: %s", assembled.store)
    verification = check_census(planned.plan, assembled.census, Path(assembled.store), Path.cwd(), assembled.files)
    digest = assembled.census.logical_digest
    return finish(Verified(logical_digest=digest, verification=verification, **watch.stamp()), out)


# --- the release -------------------------------------------------------------------------------------------------


def index(inbox: Path, work: Path, settings: Settings, out: Path) -> Indexed:
    """Write the catalogue's tables and the layout of the release under a content key; write `index.json`."""
    from catchment.catalogue.index import index as write_tables

    pending = without_assets(inbox)
    build = load_build(inbox, work, pending)
    version = VERSIONS["release"]["index"]
    inputs = build_digests(build)
    watch = Stopwatch("index", version, inputs, settings)
    logger.info("index starts: %d datasets, %d held", len(build.normalised), len(build.held))

    def make(scratch: Path) -> Layout:
        rows, placements = write_tables(build, scratch, ReleaseSettings.model_validate(settings))
        return Layout(rows=rows, placements=placements)

    store = STORES / "release/index" / content_key(inputs, version, settings)
    layout, files = stored(store, Layout, make)
    catalogue = Placement(path="catalogue", source=str(store), kind="catalogue", files=files)
    placements = (*layout.placements, catalogue)
    found = {"store": str(store), "files": files, "rows": layout.rows, "placements": placements}
    return finish(Indexed(**found, without_assets=pending, **watch.stamp()), out)


def release(inbox: Path, work: Path, index_file: Path, settings: Settings, out: Path) -> Released:
    """Stage, document, seal and publish a release; write `release.svg` and `release.json` after the pointer moved."""
    from catchment.release.publish import publish
    from catchment.sheets import release_sheet

    indexed = load(Indexed, index_file)
    watch = Stopwatch("release", VERSIONS["release"]["release"], {"index": content_of(indexed)}, settings)
    build = load_build(inbox, work, indexed.without_assets)
    chosen = ReleaseSettings.model_validate(settings)
    with locked(Path.cwd(), "release"):
        publication = publish(build, indexed.placements, Path.cwd(), chosen, today=datetime.now(UTC).date())
    released = Released(
        **publication.model_dump(),
        datasets=count_by_modality(build.normalised),
        held=tuple(record.asset.dataset for record in build.held),
        **watch.stamp(),
    )
    sheet = release_sheet(chosen.title, released.release, build.normalised, build.held)
    write_atomically(out.with_suffix(".svg"), sheet)
    return finish(released, out)


def count_by_modality(records: Iterable[Normalised]) -> dict[str, int]:
    """Return how many datasets of each modality are through."""
    names = [record.asset.modality for record in records]
    return {name: names.count(name) for name in sorted(set(names))}


def build_digests(build: Build) -> dict[str, str]:
    """Return the digests of all that the catalogue is drawn from."""
    records: list[Record] = [*build.normalised, *build.held, *build.censuses]
    manifests = [manifest.model_dump(mode="json", exclude={"received_at"}) for manifest in build.manifests]
    return {
        "records": digest_json(sorted(content_of(record) for record in records)),
        "manifests": digest_json(manifests),
    }


def load_build(inbox: Path, work: Path, pending: Iterable[str]) -> Build:
    """Return every record that a release is made of: of the assets that the plan saw, and `pending` submissions."""
    planned = load(Planned, work / "census/plan.json")
    normalised, withheld = outcomes(inbox, work, planned.assets)
    accessions = sorted({*pending, *(name.split("/")[0] for name in planned.assets)})
    return Build(
        manifests=[load(Manifest, inbox / accession / "manifest.json") for accession in accessions],
        normalised=normalised,
        held=withheld,
        plan=planned.plan,
        assembled=load(Assembled, work / "census/assemble.json"),
        workdir=Path.cwd(),
        inbox=inbox,
    )
