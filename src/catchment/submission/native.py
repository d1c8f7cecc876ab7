"""Our own dialect: `submission.yaml` beside the files, or files without any description."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pydantic import ValidationError

from catchment.errors import BadInput
from catchment.schema.records import ColumnRecipe, Curation
from catchment.schema.submission_records import Study
from catchment.submission.draft import Draft, DraftAsset, DraftSample
from catchment.submission.yaml_text import read_yaml

FILE_NAME = "submission.yaml"
TOP_KEYS = ("study", "samples", "assets", "sdrf", "curate")
SHOWN = 100  # characters of a wrong value


def read_native(text: str, name: str = FILE_NAME) -> tuple[Draft, str | None]:
    """Return the draft that a `submission.yaml` describes, and the name of its SDRF where it has one.

    Raises
    ------
    BadInput
        With the file and the field that is wrong.
    """
    document = read_yaml(text, name)
    unknown = sorted(set(document) - set(TOP_KEYS))
    if unknown:
        raise BadInput(f"{name}: unknown key {unknown[0][:SHOWN]!r}; expected {', '.join(TOP_KEYS)}")
    study = {"id": "", "title": "", **expect(document.get("study"), dict, name, "study")}
    if not study["title"]:
        raise BadInput(f"{name}: study.title: missing; give the study a title")
    sdrf = document.get("sdrf")
    if sdrf is not None and not isinstance(sdrf, str):
        raise BadInput(f"{name}: sdrf: found a {type(sdrf).__name__}, expected the name of one file")
    try:
        draft = Draft(
            dialect="catchment",
            study=Study.model_validate(study),
            samples=tuple(map(DraftSample.model_validate, expect(document.get("samples"), list, name, "samples"))),
            assets=tuple(map(DraftAsset.model_validate, expect(document.get("assets"), list, name, "assets"))),
            metadata_files=(name, sdrf) if sdrf else (name,),
        )
        draft = with_recipes(draft, expect(document.get("curate"), dict, name, "curate"), name)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        found = repr(fault["input"])[:SHOWN]
        raise BadInput(f"{name}: {error.title}.{field}: found {found}; {fault['msg']}") from None
    require_unique([sample.id for sample in draft.samples], f"{name}: sample id")
    require_unique([asset.file for asset in draft.assets], f"{name}: asset file")
    return draft, sdrf


def with_recipes(draft: Draft, general: dict[str, Any], name: str) -> Draft:
    """Return the draft with the recipe on top for every asset that has none of its own; each recipe is checked.

    Raises
    ------
    BadInput
        Where a recipe contradicts itself.
    """
    recipe = Curation.model_validate(general) if general else None
    assets = tuple(asset if asset.curate else asset.model_copy(update={"curate": recipe}) for asset in draft.assets)
    for asset in assets:
        for column, source in asset.curate.columns.items() if asset.curate else ():
            fault = recipe_fault(source)
            if fault:
                raise BadInput(f"{name}: curate.columns.{column[:SHOWN]}: {fault}")
    return draft.model_copy(update={"assets": assets})


def recipe_fault(source: ColumnRecipe) -> str | None:
    """Return what is wrong with where a column shall come from, if anything."""
    if bool(source.constant) == bool(source.column):
        return "found both or neither of `constant` and `column`; give one of them"
    if source.constant and (source.pattern or source.values or source.table):
        return "found a constant with a pattern, values or a table; give it alone"
    if source.table and (source.values or not (source.key and source.value)):
        return "a table needs `key` and `value` (two of its columns), and no `values` beside them"
    try:
        groups = re.compile(source.pattern).groups
    except re.error as error:
        return f"pattern {source.pattern[:SHOWN]!r} is no regular expression ({error})"
    return f"pattern has {groups} groups; expected one" if source.pattern and groups != 1 else None


def expect(value: Any, kind: type, name: str, field: str) -> Any:
    """Return a value that is of the expected kind (an empty entry counts as none)."""
    if value is None or value == "":
        return kind()
    if not isinstance(value, kind):
        raise BadInput(f"{name}: {field}: found a {type(value).__name__}, expected a {kind.__name__}")
    return value


def require_unique(values: list[str], what: str) -> None:
    """Refuse a value that stands twice."""
    twice = sorted(value for value, times in Counter(values).items() if times > 1)
    if twice:
        raise BadInput(f"{what} {twice[0][:SHOWN]!r} is given twice; keep one")


def undescribed(names: list[str]) -> Draft:
    """Return the draft of files and folders that came without a description: each is an asset."""
    title = names[0] if len(names) == 1 else f"{len(names)} files without a description"
    return Draft(
        dialect="files",
        study=Study(id="", title=title),
        assets=tuple(DraftAsset(file=name) for name in sorted(names)),
    )
