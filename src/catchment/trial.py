"""One file without inbox or graph: what would be found (`check`), or every step on it (`run`).

Both receive the upload by reference into a private build folder and call the same steps that the rules call.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml

from catchment import isolation, steps
from catchment.config import Config
from catchment.errors import ReaderFailed
from catchment.modalities import RECOGNISER, suggest_recipe
from catchment.report import printable
from catchment.schema.records import Admitted, Asset, Converted, Finding, Held, Normalised, Suggestion
from catchment.storage import link, load, save
from catchment.submission.inbox import located
from catchment.submission.receive import receive

Page = tuple[str, str, tuple[Finding, ...]]
Say = Callable[[str], None]


def check(paths: Sequence[Path], config: Config, say: Say) -> list[Page]:
    """Return what would be found in some uploads: (what, state, findings) of each upload and asset."""
    pages: list[Page] = []
    with tempfile.TemporaryDirectory(prefix="catchment-check-") as folder:
        for asset_file, asset in received(paths, Path(folder) / "inbox", pages):
            name = asset.name
            say(f"checking {name}")
            out = Path(folder) / "work" / steps.key_of(asset) / "admit.json"
            settings = config.step_settings("admit", asset.modality)
            record = steps.admit(asset_file, settings, out, config.confinement, trial=True)
            pages.append((name, "would be held" if isinstance(record, Held) else "would be admitted", record.findings))
    return pages


def suggest(paths: Sequence[Path], config: Config) -> str:
    """Return the draft of a `curate` section, as YAML, for every asset of some uploads that takes one."""
    parts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="catchment-suggest-") as folder:
        inbox = Path(folder) / "inbox"
        for _, asset in received(paths, inbox, []):
            own = located(asset, inbox / asset.accession)
            if not own.files:
                continue
            try:
                suggestion: Suggestion | None = isolation.call(suggest_recipe, own, limits=config.confinement)
            except ReaderFailed as failure:
                parts.append(f"# {asset.name}: {failure}\n")
                continue
            if suggestion is not None:
                parts.append(recipe_text(asset.name, suggestion))
    return "\n".join(parts)


def recipe_text(name: str, suggestion: Suggestion) -> str:
    """Return a drafted recipe as YAML; what is still empty is for a person to fill in."""
    remarks = [name, *suggestion.remarks, "fill in what is empty, or take it out"]
    comments = "".join(f"# {printable(remark)}\n" for remark in remarks)
    recipe = suggestion.curation.model_dump(mode="json", exclude_defaults=True)
    for column in recipe.get("columns", {}).values():
        column or column.update(constant="")
    return comments + yaml.safe_dump({"curate": recipe}, sort_keys=False, allow_unicode=True, width=120)


def run(paths: Sequence[Path], out: Path, config: Config, say: Say) -> list[Page]:
    """Take every asset of some uploads through all its steps; return (what, state, findings) of each.

    `out/<accession>-<asset>/` then holds the open format, its side-cars, the derived view and the three records.
    """
    pages: list[Page] = []
    out = out.resolve()
    work = out / ".catchment"
    work.mkdir(parents=True, exist_ok=True)
    located = [path.resolve() for path in paths]
    with contextlib.chdir(work):
        for asset_file, asset in received(located, work / "inbox", pages):
            name = asset.name
            final = walk(asset_file, asset, config, lambda step, name=name: say(f"{step} {name}"))  # type: ignore[misc]
            target = out / f"{asset.accession}-{asset.asset}"
            lay_out(final, asset, work, target)
            state = f"held at {final.held_at}" if isinstance(final, Held) else f"done: {target}"
            pages.append((name, state, final.findings))
    return pages


def received(paths: Sequence[Path], inbox: Path, pages: list[Page]) -> Iterator[tuple[Path, Asset]]:
    """Yield the file and content of each asset in some uploads; add what is wrong with an upload as a whole."""
    for path in paths:
        receipt = receive(path, inbox, RECOGNISER, reference=True)
        if receipt.manifest.findings:
            pages.append((str(path), "the upload", receipt.manifest.findings))
        for asset in receipt.assets:
            yield inbox / asset.accession / asset.modality / f"{asset.asset}.json", asset


def walk(asset_file: Path, asset: Asset, config: Config, say: Say) -> Normalised | Held:
    """Run the three steps of one asset in the working folder and return the last record."""
    records = Path("work") / steps.key_of(asset)
    limits = config.confinement
    say("admit")
    steps.admit(asset_file, config.step_settings("admit", asset.modality), records / "admit.json", limits)
    say("convert")
    settings = config.step_settings("convert", asset.modality)
    steps.convert(records / "admit.json", Path("inbox"), settings, records / "convert.json", limits)
    say("normalise")
    settings = config.step_settings("normalise", asset.modality)
    return steps.normalise(records / "convert.json", settings, records / "normalise.json", limits)


def lay_out(final: Normalised | Held, asset: Asset, work: Path, target: Path) -> None:
    """Put an asset's records, and where it came through its open format and derived view, under `target`."""
    for name, kind in (("admit", Admitted), ("convert", Converted), ("normalise", Normalised)):
        record = load(kind | Held, work / "work" / steps.key_of(asset) / f"{name}.json")
        save(record, target / f"{name}.json")
    if isinstance(final, Held):
        return
    places = [
        (final.dataset.store, target, final.dataset.files),
        (final.derived_store, target / "derived", final.derived_files),
    ]
    if final.prepared is not None:
        places.append((final.prepared.store, target, final.prepared.files))
    for store, folder, files in places:
        for file in files:
            source, shown = work / store / file.path, folder / file.path
            if shown.exists() and not shown.samefile(source):
                shown.unlink()
            if not shown.exists():
                link(source, shown)
