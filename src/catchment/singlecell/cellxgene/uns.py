"""What stands in uns: texts, references to other parts, colours. Spatial and perturbations have files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import h5py

from catchment.schema.records import Finding
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import is_empty, keys, kind_of, shown_kind, text, texts
from catchment.singlecell.rules import first_of, shown

HEX = re.compile(r"#[0-9a-fA-F]{6}")
DISTRIBUTIONS = ("count", "normal")
LABEL_COLUMNS = frozenset(
    {"assay", "cell_type", "development_stage", "disease", "organism", "self_reported_ethnicity", "sex", "tissue"}
)


@cache
def css4_colours() -> frozenset[str]:
    """Return the names of colours of CSS Color Module level 4."""
    table = files("catchment.singlecell.cellxgene").joinpath("css4_colours.txt").read_text(encoding="utf-8")
    return frozenset(table.split())


def uns_findings(
    file: h5py.File, columns: list[str], categories: Mapping[str, int], title_given: bool, pre_analysis: bool
) -> Iterator[Finding]:
    """Yield findings on uns.

    `columns`: those of obs; `categories`: number of values of each categorical one; `title_given`: the submission's
    metadata gives the title.
    """
    uns = file.get("uns")
    names = keys(uns)
    for key in names:
        if is_empty(uns[key]):
            yield rules.UNS_EMPTY.broken(f"uns/{shown(key)}", f"an empty {kind_of(uns[key])}")
    if "organism_ontology_term_id" in names and kind_of(uns["organism_ontology_term_id"]) != "text":
        found = shown_kind(uns["organism_ontology_term_id"])
        yield rules.UNS_VALUE.broken("uns/organism_ontology_term_id", found, expected="one text")
    if "title" not in names:
        if not title_given:
            yield rules.UNS_TEXT.broken("uns/title", "no title")
    else:
        yield from text_findings("title", uns["title"])
    if "X_approximate_distribution" in names:
        item = uns["X_approximate_distribution"]
        yield from text_findings("X_approximate_distribution", item)
        if kind_of(item) == "text" and text(item) not in DISTRIBUTIONS:
            expected = " or ".join(map(repr, DISTRIBUTIONS))
            yield rules.UNS_VALUE.broken("uns/X_approximate_distribution", repr(shown(text(item))), expected=expected)
    if "batch_condition" in names:
        yield from batch_findings(uns["batch_condition"], columns)
    if "default_embedding" in names:
        if pre_analysis:
            yield rules.BEFORE_ANALYSIS.broken("uns/default_embedding", "a default embedding")
        yield from text_findings("default_embedding", uns["default_embedding"])
        item, known = uns["default_embedding"], keys(file.get("obsm"))
        if kind_of(item) == "text" and text(item) not in known:
            found, expected = repr(shown(text(item))), f"a key of obsm: {first_of(known) or 'there is none'}"
            yield rules.UNS_VALUE.broken("uns/default_embedding", found, expected=expected)
    for key in names:
        if key.endswith("_colors"):
            yield from colour_findings(key, uns[key], columns, categories)


def text_findings(key: str, item: Any) -> Iterator[Finding]:
    """Yield findings on a value that must be a clean text."""
    where = f"uns/{key}"
    if kind_of(item) != "text":
        yield rules.UNS_TEXT.broken(where, shown_kind(item), expected="a text")
        return
    value = text(item)
    if value and value != " ".join(value.split()):
        yield rules.UNS_TEXT.broken(where, f"{shown(value)!r}: leading, trailing or double spaces")


def batch_findings(item: Any, columns: list[str]) -> Iterator[Finding]:
    """Yield findings on the list of columns that tell batches apart."""
    where = "uns/batch_condition"
    if kind_of(item) != "array":
        yield rules.UNS_VALUE.broken(where, shown_kind(item), expected="a list of columns of obs")
        return
    strangers = [name for name in (texts(item) or [shown_kind(item)]) if name not in columns]
    if strangers and item.size:
        yield rules.UNS_VALUE.broken(where, first_of(strangers), expected="columns of obs", count=len(strangers))


def colour_findings(key: str, item: Any, columns: list[str], categories: Mapping[str, int]) -> Iterator[Finding]:
    """Yield findings on the colours of a column."""
    where, column = f"uns/{shown(key)}", key.replace("_colors", "")
    if not categories.get(column):
        found = f"obs[{shown(column)!r}] is {'not categorical' if column in columns else 'not there'}"
        fix = f"name the key {column}_ontology_term_id_colors" if column in LABEL_COLUMNS else rules.COLOURS.fix
        yield rules.COLOURS.broken(where, found, fix=fix)
        return
    colours = texts(item)
    if colours is None:
        yield rules.COLOURS.broken(where, shown_kind(item), expected="a list of texts")
        return
    if len(colours) < categories[column]:
        yield rules.COLOURS.broken(where, f"{len(colours)} colours for {categories[column]} values")
    if not all(map(HEX.fullmatch, colours)) and not css4_colours().issuperset(colours):
        wrong = [colour for colour in colours if not HEX.fullmatch(colour) and colour not in css4_colours()]
        yield rules.COLOURS.broken(where, first_of(wrong) if wrong else "both '#rrggbb' and names")
