"""Where things are in an H5AD: matrices, tables, embeddings, told from headers alone.

Understands what anndata writes today, and what it wrote before 0.7: tables as compound datasets, `raw.X` at the root,
sparse matrices under `h5sparse_format`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import h5py
import numpy as np

from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.rules import first_of, shown
from catchment.singlecell.uns import Uns, uns_of

Encoding = Literal["csr", "csc", "dense"]
SPARSE = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}
NUMERIC = "iuf"
KNOWN = frozenset({"X", "obs", "var", "uns", "obsm", "varm", "obsp", "varp", "layers", "raw", "raw.X", "raw.var"})
WIDEST = 2_000_000  # columns of a sparse array: what the keys of a row tile have room for
PART_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")  # CELLxGENE schema 7.1.0, obsm; names become paths


@dataclass(frozen=True)
class Matrix:
    """A matrix as its header describes it. `nnz` is the number of stored values; `stored_bytes` is on disk."""

    path: str
    encoding: Encoding
    shape: tuple[int, int]
    dtype: str
    nnz: int
    stored_bytes: int


@dataclass(frozen=True)
class Layout:
    """All parts of an H5AD that are read. `obs`, `var` (of the raw counts) are the paths of tables.

    `graphs` are matrices of cells by cells (`obsp/<name>`) or genes by genes (`varp/<name>`), `varm` numbers of genes.
    `layers` are matrices beside the raw counts, by the name they get in the open format (`data` for a normalised X);
    `x_var` is the table of the genes of X and the layers where those are not the genes of the raw counts.
    """

    raw: Matrix
    obs: str
    var: str
    x_var: str
    layers: dict[str, Matrix] = field(default_factory=dict)
    obsm: dict[str, tuple[int, ...]] = field(default_factory=dict)
    varm: dict[str, tuple[int, ...]] = field(default_factory=dict)
    graphs: dict[str, Matrix] = field(default_factory=dict)
    uns: Uns = field(default_factory=Uns)
    left_behind: tuple[str, ...] = ()
    old: bool = False


class Unfit(Exception):
    """Why there is no layout: the file is HDF5, but not an AnnData that can be read."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].found)
        self.findings = findings


def layout_of(file: h5py.File) -> Layout:
    """Return where everything is.

    Raises
    ------
    Unfit
        With what is missing, unsupported or contradictory.
    """
    missing = [name for name in ("obs", "var") if not is_table(file.get(name))]
    if missing:
        raise Unfit(rules.NOT_ANNDATA.broken("/", f"no table {' and no table '.join(missing)}"))
    raw_name = "raw" if isinstance(file.get("raw"), h5py.Group) else "raw."
    raw_path, raw_var = (f"{raw_name}/X", f"{raw_name}/var") if raw_name == "raw" else ("raw.X", "raw.var")
    has_raw = raw_path in file
    if not has_raw and "X" not in file:
        raise Unfit(rules.RAW_MISSING.broken("/", "neither raw/X nor X"))
    if has_raw and not is_table(file.get(raw_var)):
        raise Unfit(rules.NOT_ANNDATA.broken(raw_path, f"raw counts without their table {raw_var}"))
    raw = matrix_of(file, raw_path if has_raw else "X")
    if min(raw.shape) == 0:
        raise Unfit(rules.SHAPES_DISAGREE.broken(raw.path, f"{raw.shape[0]} cells x {raw.shape[1]} genes"))
    layers, left = layers_of(file, has_raw)
    x_genes = raw.shape[1] if raw_path not in file else matrix_width(file, layers, raw)
    obsm, left_obsm = embeddings_of(file, "obsm", raw.shape[0])
    varm, left_varm = embeddings_of(file, "varm", x_genes)
    obsp, left_obsp = graphs_of(file, "obsp", raw.shape[0])
    varp, left_varp = graphs_of(file, "varp", x_genes)
    uns = uns_of(file)
    other = [f"raw/varm/{name}" for name in members(file.get("raw/varm"))]
    other += [name for name in sorted(file) if name not in KNOWN]
    root = file.attrs.get("encoding-type")
    return Layout(
        raw=raw,
        obs="obs",
        var=raw_var if has_raw else "var",
        x_var="var",
        layers=layers,
        obsm=obsm,
        varm=varm,
        graphs=obsp | varp,
        uns=uns,
        left_behind=tuple(left + left_obsm + left_varm + left_obsp + left_varp + other + uns.left),
        old=text_of(root) != "anndata",
    )


def text_of(value: Any) -> str | None:
    """Return an attribute that should be text as text; None for anything else."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def members(item: Any) -> list[str]:
    """Return the names inside a group, or inside a compound dataset; nothing for anything else."""
    if isinstance(item, h5py.Group):
        return sorted(item)
    if isinstance(item, h5py.Dataset) and item.dtype.names:
        return list(item.dtype.names)
    return []


def is_table(item: Any) -> bool:
    """Tell whether something is a table: a group with an index, or (before anndata 0.7) a compound dataset."""
    if isinstance(item, h5py.Dataset):
        return item.dtype.names is not None and len(item.shape or ()) == 1
    return isinstance(item, h5py.Group) and text_of(item.attrs.get("_index")) is not None


def matrix_of(file: h5py.File, path: str) -> Matrix:
    """Return a matrix's header, checked against itself.

    Raises
    ------
    Unfit
        Where it is no matrix of numbers, or its parts contradict each other.
    """
    item = file[path]
    if isinstance(item, h5py.Dataset):
        if len(item.shape or ()) != 2 or item.dtype.kind not in NUMERIC:
            raise Unfit(rules.ENCODING.broken(path, f"a dataset of shape {item.shape} and type {shown(item.dtype)}"))
        rows, columns = (int(size) for size in item.shape)
        stored = int(item.id.get_storage_size())
        return Matrix(path, "dense", (rows, columns), str(item.dtype), rows * columns, stored)
    kind = text_of(item.attrs.get("encoding-type")) or text_of(item.attrs.get("h5sparse_format"))
    if kind not in SPARSE:
        raise Unfit(rules.ENCODING.broken(path, f"encoding {shown(kind)!r}"))
    return sparse_of(item, path, SPARSE[kind])


def sparse_of(group: h5py.Group, path: str, encoding: Any) -> Matrix:
    """Return the header of a sparse matrix (see `matrix_of`)."""
    declared = group.attrs.get("shape", group.attrs.get("h5sparse_shape"))
    numbers = np.asarray(declared)
    sizes = numbers.tolist() if numbers.shape == (2,) and numbers.dtype.kind in "iu" else [-1, -1]
    if min(sizes) < 0:
        raise Unfit(
            rules.SPARSE_BROKEN.broken(path, "no shape of two numbers", expected="attribute shape: rows, columns")
        )
    parts = {}
    for name in ("data", "indices", "indptr"):
        part = group.get(name)
        kinds = NUMERIC if name == "data" else "iu"
        if not isinstance(part, h5py.Dataset) or len(part.shape or ()) != 1 or part.dtype.kind not in kinds:
            raise Unfit(rules.SPARSE_BROKEN.broken(f"{path}/{name}", "no such list of numbers"))
        parts[name] = part
    count, pointers = parts["data"].shape[0], parts["indptr"].shape[0]
    if parts["indices"].shape[0] != count:
        found = f"{count:,} values, but {parts['indices'].shape[0]:,} indices"
        raise Unfit(rules.SPARSE_BROKEN.broken(path, found))
    lines = sizes[1] if encoding == "csc" else sizes[0]
    if pointers != lines + 1:
        raise Unfit(rules.SPARSE_BROKEN.broken(f"{path}/indptr", f"{pointers:,} entries", expected=f"{lines + 1:,}"))
    stored = sum(int(part.id.get_storage_size()) for part in parts.values())
    return Matrix(path, encoding, (sizes[0], sizes[1]), str(parts["data"].dtype), int(count), stored)


def layers_of(file: h5py.File, has_raw: bool) -> tuple[dict[str, Matrix], list[str]]:
    """Return matrices beside the raw counts by their name in the open format, and the paths of those left behind."""
    paths = {"data": "X"} if has_raw and "X" in file else {}
    paths |= {name: f"layers/{name}" for name in members(file.get("layers")) if isinstance(file["layers"], h5py.Group)}
    layers, left = {}, []
    for name, path in paths.items():
        taken = name == "raw" or (name == "data" and path != "X" and "data" in layers)
        try:
            matrix = matrix_of(file, path)
        except Unfit as unfit:
            if unfit.findings[0].code == rules.SPARSE_BROKEN.code:
                raise
            left.append(path)
            continue
        layers[f"layer_{name}" if taken else name] = matrix
    return layers, left


def matrix_width(file: h5py.File, layers: dict[str, Matrix], raw: Matrix) -> int:
    """Return the number of genes of X and the layers beside raw counts of their own; the raw counts' without any."""
    return next((matrix.shape[1] for matrix in layers.values()), raw.shape[1])


def graphs_of(file: h5py.File, name: str, size: int) -> tuple[dict[str, Matrix], list[str]]:
    """Return each square matrix of numbers in obsp or varp by its path, and the paths of what else is there."""
    item = file.get(name)
    found, left = {}, []
    for path in (f"{name}/{key}" for key in members(item)):
        try:
            matrix = matrix_of(file, path) if isinstance(item, h5py.Group) else None
        except Unfit:
            matrix = None
        if matrix is not None and matrix.shape == (size, size) and 0 < size <= WIDEST:
            found[path] = matrix
        else:
            left.append(path)
    return found, left


def embeddings_of(file: h5py.File, folder: str, rows: int) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Return the shape of each two-dimensional array of numbers in obsm or varm by name, and the paths of what else is.

    Raises
    ------
    Unfit
        Where one has not one row a cell, or a gene.
    """
    group = file.get(folder)
    if not isinstance(group, h5py.Group):
        return {}, [f"{folder}/{name}" for name in members(group)]
    found, left = {}, []
    for name in members(group):
        item = group[name]
        numeric = isinstance(item, h5py.Dataset) and len(item.shape or ()) == 2 and item.dtype.kind in NUMERIC
        if not numeric or item.shape[1] == 0:
            left.append(f"{folder}/{name}")
            continue
        if item.shape[0] != rows:
            found_rows = f"{item.shape[0]:,} rows"
            raise Unfit(rules.SHAPES_DISAGREE.broken(f"{folder}/{shown(name)}", found_rows, expected=f"{rows:,} rows"))
        found[name] = tuple(int(size) for size in item.shape)
    return found, left


def without_gene_parts(layout: Layout) -> Layout:
    """Return a layout that leaves behind what belongs to the genes of X, where those are not the counts' genes."""
    of_genes = [path for path in layout.graphs if path.startswith("varp/")]
    left = [*layout.left_behind, *(f"varm/{name}" for name in layout.varm), *of_genes]
    graphs = {path: matrix for path, matrix in layout.graphs.items() if path not in of_genes}
    return replace(layout, varm={}, graphs=graphs, left_behind=tuple(left))


def layout_findings(layout: Layout) -> list[Finding]:
    """Return what the parts of the file are held to, whatever is in them."""
    findings = []
    if layout.old:
        findings.append(rules.OLD_ENCODING.broken("/", "no encoding-type 'anndata'"))
    names = {f"obsm/{name}": name for name in layout.obsm} | {f"varm/{name}": name for name in layout.varm}
    names |= {path: path.partition("/")[2] for path in layout.graphs}
    names |= {matrix.path: name for name, matrix in layout.layers.items()}
    unfit = [path for path, name in names.items() if not PART_NAME.fullmatch(name)]
    if unfit:
        findings.append(rules.PART_NAME.broken(shown(unfit[0]), first_of(unfit), count=len(unfit)))
    if layout.left_behind:
        found = first_of(layout.left_behind)
        findings.append(rules.LEFT_BEHIND.broken("/", found, count=len(layout.left_behind)))
    return findings
