"""A whole H5AD but for its matrices: layout, tables, organism, genes; read once by whoever needs it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import h5py
import numpy as np
import pyarrow as pa

from catchment import vocabulary
from catchment.schema.records import Asset, Finding
from catchment.singlecell import rules
from catchment.singlecell.cellxgene import rules as cellxgene
from catchment.singlecell.columns import Given, as_dictionary, known_values, used_values
from catchment.singlecell.frames import Frame, read_frame
from catchment.singlecell.genes import Genes, genes_of
from catchment.singlecell.layout import Layout, layout_findings, layout_of, text_of, without_gene_parts
from catchment.singlecell.rules import first_of, shown
from catchment.singlecell.scene import Scene, scene_of

MAX_TEXT = 10_000


@dataclass(frozen=True)
class Reading:
    """Everything that is known of an H5AD before its matrices are read.

    `layer_columns`: the column of the raw counts for each column of X and the layers; None where they are the same.
    """

    layout: Layout
    obs: Frame
    var: Frame
    genes: Genes
    known: dict[str, Given]
    organism: str | None
    title: str | None
    layer_columns: Any
    scene: Scene | None
    findings: tuple[Finding, ...]


def read(file: h5py.File, asset: Asset) -> Reading:
    """Return what an H5AD says of its cells and genes, and what is wrong with that.

    Raises
    ------
    Unfit
        Where the file has no layout (see `layout.layout_of`).
    """
    layout = layout_of(file)
    cells, genes_count = layout.raw.shape
    obs, obs_findings = read_frame(file, layout.obs, cells)
    var, var_findings = read_frame(file, layout.var, genes_count)
    known = known_values(asset)
    organism, organism_findings = organism_of(file, obs, known)
    var, columns, x_findings = with_x_columns(file, layout, var)
    genes, gene_findings = genes_of(var, organism if var.named else None, layout.var)
    if columns is not None:
        layout = without_gene_parts(layout)
    findings = [*layout_findings(layout), *obs_findings, *var_findings, *organism_findings, *x_findings, *gene_findings]
    scene, scene_findings = scene_of(file, layout.obsm)
    findings += scene_findings
    findings += duplicates(obs.names, layout.obs) + duplicates(genes.ids, layout.var)
    given = known.get("title")
    title = uns_text(file, "title") or (str(given.value) if given else None)
    return Reading(layout, obs, var, genes, known, organism, title, columns, scene, tuple(findings))


def uns_text(file: h5py.File, key: str) -> str | None:
    """Return a text of uns; None where there is none (or no text)."""
    item = file.get(f"uns/{key}")
    if not isinstance(item, h5py.Dataset) or item.size != 1 or h5py.check_string_dtype(item.dtype) is None:
        return None
    text = text_of(np.ravel(item[()])[0] if item.shape else item[()])
    printable = "".join(letter if letter.isprintable() else " " for letter in (text or "")[:MAX_TEXT])
    return printable.encode("utf-8", "replace").decode() or None


def organism_of(file: h5py.File, obs: Frame, known: dict[str, Given]) -> tuple[str | None, list[Finding]]:
    """Return the organism: of uns, else of obs (schema before 6.0.0), else as the submission gives it."""
    name = "organism_ontology_term_id"
    where, said = f"uns/{name}", uns_text(file, name)
    if said is None and name in obs.columns:
        where, values = f"obs/{name}", sorted(used_values(as_dictionary(obs.columns[name])))
        if len(values) > 1:
            fix = "split the file: since schema 6.0.0 a dataset is of one organism"
            return None, [rules.ORGANISM.broken(where, f"several organisms: {first_of(values)}", fix=fix)]
        said = values[0] if values else None
    given = known.get(name)
    findings = []
    if said is None and given is not None:
        where, said = given.where, str(given.value)
    elif said is not None and given is not None and said != str(given.value):
        found = f"{shown(said)!r}; {given.where} says {shown(given.value)!r}"
        findings.append(rules.CONTRADICTION.broken(where, found))
    if said is None:
        return None, [rules.ORGANISM.broken(where, "no organism in the file, its metadata or its sample")]
    species = vocabulary.species_of(said)
    if species is None:
        admitted = ", ".join(f"{organism.id} ({organism.label})" for organism in vocabulary.organisms().values())
        return None, [*findings, rules.ORGANISM.broken(where, repr(shown(said)), expected=f"one of {admitted}")]
    if species != said:
        found = f"{said} ({vocabulary.subspecies()[said][0]}), taken as {species}"
        findings.append(cellxgene.SUBSPECIES.broken(where, found))
    return species, findings


def with_x_columns(file: h5py.File, layout: Layout, var: Frame) -> tuple[Frame, Any, list[Finding]]:
    """Return the table of genes with the columns of X's table added, and where X's genes are among the raw counts'."""
    if layout.x_var == layout.var:
        shapes = {matrix.shape[1] for matrix in layout.layers.values()}
        return var, None, layer_shapes(layout, shapes, len(var.names))
    width = next((matrix.shape[1] for name, matrix in layout.layers.items() if name == "data"), len(var.names))
    x_var, findings = read_frame(file, layout.x_var, width)
    wrong = [*findings, *layer_shapes(layout, {matrix.shape[1] for matrix in layout.layers.values()}, width)]
    if wrong:
        return var, None, wrong
    if x_var.names == var.names:
        return replace(var, columns={**var.columns, **x_var.columns}), None, []
    place = {name: column for column, name in enumerate(var.names)}
    strangers = [name for name in x_var.names if name not in place]
    if strangers or len(set(x_var.names)) != len(x_var.names):
        found = f"genes of X that raw.X lacks: {first_of(strangers)}" if strangers else "genes of X occur twice"
        return var, None, [rules.SHAPES_DISAGREE.broken(layout.x_var, found, expected="the genes of raw.X")]
    columns = np.array([place[name] for name in x_var.names])
    added = {name: spread(values, columns, len(var.names)) for name, values in x_var.columns.items()}
    found = f"{len(x_var.names):,} genes in X, {len(var.names):,} in raw.X"
    level = [rules.FEWER_GENES.broken(layout.x_var, found)] if len(columns) < len(var.names) else []
    return replace(var, columns={**added, **var.columns}), columns, level


def spread(values: pa.Array, columns: Any, rows: int) -> pa.Array:
    """Return values at their places among `rows`, nulls elsewhere."""
    order = np.full(rows, -1)
    order[columns] = np.arange(len(columns))
    return values.take(pa.array(order, mask=order < 0))


def layer_shapes(layout: Layout, widths: set[int], expected: int) -> list[Finding]:
    """Return a finding for each layer whose shape is not that of its tables."""
    cells = layout.raw.shape[0]
    findings = []
    for matrix in layout.layers.values():
        if matrix.shape[0] != cells or (matrix.shape[1] != expected and widths):
            found = f"{matrix.shape[0]:,} x {matrix.shape[1]:,}"
            findings.append(
                rules.SHAPES_DISAGREE.broken(
                    shown(matrix.path), found, expected=f"{cells:,} cells x {expected:,} genes"
                )
            )
    return findings


def duplicates(names: list[str], where: str) -> list[Finding]:
    """Return a finding where names occur more than once."""
    if len(set(names)) == len(names):
        return []
    repeated = {name: count for name, count in Counter(names).items() if count > 1}
    found = f"{first_of(repeated)} occur more than once"
    return [rules.DUPLICATE_NAMES.broken(where, found, count=sum(repeated.values()) - len(repeated))]
