"""Visium and bead-based datasets: uns['spatial'], positions of spots, and what their matrices must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.singlecell.arrow import codes_of
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import keys, kind_of, shown_kind
from catchment.singlecell.columns import as_dictionary, used_values
from catchment.singlecell.rules import first_of, number_of, shown

VISIUM, VISIUM_11_MM, BEADS = "EFO:0010961", "EFO:0022860", "EFO:0920001"
ASSAY, CELL_TYPE = "assay_ontology_term_id", "cell_type_ontology_term_id"
POSITIONS = ("array_col", "array_row", "in_tissue")


@dataclass(frozen=True)
class Slide:
    """A kind of slide: its spots, the largest column and row, and the longer side of its image in pixels."""

    spots: int
    last_column: int
    last_row: int
    hires_px: int


STANDARD, LARGE = Slide(4_992, 127, 77, 2_000), Slide(14_336, 223, 127, 4_000)


@dataclass(frozen=True)
class Space:
    """What a dataset is in space: by its assays, and by uns['spatial']['is_single'] (None where that is not said)."""

    assays: tuple[str, ...]
    visium: bool
    beads: bool
    slide: Slide
    is_single: bool | None

    @property
    def spatial(self) -> bool:
        """Whether an assay is one of the spatial ones."""
        return self.visium or self.beads

    @property
    def single_visium(self) -> bool:
        """Whether this is one Visium section, which brings its spots, positions and images."""
        return self.visium and bool(self.is_single)


def space_of(file: Any, assays: tuple[str, ...]) -> Space:
    """Return what a file's assays and its uns['spatial'] make of it."""
    said: Any = file["uns/spatial/is_single"] if "is_single" in keys(file.get("uns/spatial")) else None
    return Space(
        assays=assays,
        visium=any(VISIUM in vocabulary.ancestors(assay) for assay in assays),
        beads=any(BEADS in vocabulary.ancestors(assay) for assay in assays),
        slide=LARGE if any(vocabulary.descends_from(assay, VISIUM_11_MM) for assay in assays) else STANDARD,
        is_single=bool(said[()]) if kind_of(said) == "bool" else None,
    )


def spatial_findings(file: Any, space: Space, columns: Mapping[str, pa.Array]) -> Iterator[Finding]:
    """Yield findings on everything spatial but the matrices; `columns` are those of obs."""
    if space.spatial and len(space.assays) > 1:
        yield rules.SPATIAL_ASSAYS.broken(f"obs/{ASSAY}", first_of(space.assays), count=len(space.assays))
    if space.assays:
        yield from uns_findings(file, space)
    yield from position_findings(space, columns)
    primary = columns.get("is_primary_data")
    if space.is_single is False and primary is not None and pa.types.is_boolean(primary.type):
        true = int(np.count_nonzero(primary.fill_null(False).to_numpy(zero_copy_only=False)))
        if true:
            found = f"True in {number_of(true, 'cell')}"
            yield rules.SPATIAL_PRIMARY.broken("obs/is_primary_data", found, count=true)


# --- uns['spatial'] ----------------------------------------------------------------------------------------------


def uns_findings(file: Any, space: Space) -> Iterator[Finding]:
    """Yield findings on uns['spatial']."""
    where = "uns/spatial"
    item = file.get(where)
    if not space.spatial:
        if kind_of(item) != "none":
            yield rules.SPATIAL_UNS.broken(where, f"{shown_kind(item)}, though no assay is spatial")
        return
    if kind_of(item) != "dict":
        yield rules.SPATIAL_UNS.broken(where, shown_kind(item))
        return
    if space.is_single is None:
        found = shown_kind(item["is_single"]) if "is_single" in item else "no is_single"
        yield rules.SPATIAL_CONTENT.broken(f"{where}/is_single", found, expected="true/false")
        return
    libraries = [key for key in keys(item) if key != "is_single"]
    if len(libraries) > 1:
        yield rules.SPATIAL_CONTENT.broken(where, f"several libraries: {first_of(libraries)}")
    elif libraries and not space.single_visium:
        found = f"a library {shown(libraries[0])!r}, which only a single Visium section has"
        yield rules.SPATIAL_CONTENT.broken(where, found)
    elif space.single_visium and not libraries:
        yield rules.SPATIAL_CONTENT.broken(where, "no library")
    elif libraries:
        yield from library_findings(f"{where}/{shown(libraries[0])}", item[libraries[0]], space.slide)


def parts_of(where: str, item: Any, admitted: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[Finding]:
    """Yield findings where a dictionary lacks a key that it needs, or has one that it may not have."""
    if kind_of(item) != "dict":
        yield rules.SPATIAL_CONTENT.broken(where, shown_kind(item), expected="a dictionary")
        return
    strangers = [key for key in keys(item) if key not in admitted]
    if strangers:
        yield rules.SPATIAL_CONTENT.broken(where, first_of(strangers), expected=f"only {' and '.join(admitted)}")
    for key in needed:
        if key not in item:
            yield rules.SPATIAL_CONTENT.broken(where, f"no {key}", expected=f"the key {key}")


def library_findings(where: str, library: Any, slide: Slide) -> Iterator[Finding]:
    """Yield findings on a library: its images and scale factors."""
    yield from parts_of(where, library, ("images", "scalefactors"), ("images", "scalefactors"))
    if "images" in keys(library):
        images = library["images"]
        yield from parts_of(f"{where}/images", images, ("fullres", "hires"), ("hires",))
        if "hires" in keys(images):
            yield from image_findings(f"{where}/images/hires", images["hires"], slide.hires_px)
        if kind_of(images) == "dict":
            if "fullres" in keys(images):
                yield from image_findings(f"{where}/images/fullres", images["fullres"], None)
            else:
                yield rules.SPATIAL_FULLRES.broken(f"{where}/images", "no fullres")
    if "scalefactors" in keys(library):
        factors, names = library["scalefactors"], ("spot_diameter_fullres", "tissue_hires_scalef")
        yield from parts_of(f"{where}/scalefactors", factors, names, names)
        for name in names:
            # Python's float is what HDF5 calls float64
            if name in keys(factors) and not is_float(factors[name]):
                found = shown_kind(factors[name])
                yield rules.SPATIAL_CONTENT.broken(f"{where}/scalefactors/{name}", found, expected="a float64")


def is_float(item: Any) -> bool:
    """Tell whether an item is a single float64."""
    return kind_of(item) == "number" and item.dtype == np.float64


def image_findings(where: str, item: Any, longer_side_px: int | None) -> Iterator[Finding]:
    """Yield findings on an image, from its header alone."""
    if kind_of(item) != "array":
        yield rules.SPATIAL_IMAGE.broken(where, shown_kind(item))
        return
    if item.dtype != np.uint8:
        yield rules.SPATIAL_IMAGE.broken(where, f"values of type {item.dtype}", expected="uint8")
    if len(item.shape) != 3 or item.shape[2] not in (3, 4):
        yield rules.SPATIAL_IMAGE.broken(where, f"shape {item.shape}", expected="height x width x 3 or 4")
    if longer_side_px is not None and max(item.shape) != longer_side_px:
        found = f"{max(item.shape):,} pixels on the longer side"
        yield rules.SPATIAL_IMAGE.broken(where, found, expected=f"{longer_side_px:,} pixels")


# --- positions ---------------------------------------------------------------------------------------------------


def position_findings(space: Space, columns: Mapping[str, pa.Array]) -> Iterator[Finding]:
    """Yield findings on the columns that place spots on the slide."""
    last = {"array_col": space.slide.last_column, "array_row": space.slide.last_row, "in_tissue": 1}
    for name in POSITIONS:
        where, expected = f"obs/{name}", f"whole numbers from 0 to {last[name]}"
        if name not in columns:
            if space.single_visium:
                yield rules.SPATIAL_POSITIONS.broken(where, "no such column", expected=expected)
            continue
        if not space.single_visium:
            found = "a column of a single Visium section"
            yield rules.SPATIAL_POSITIONS.broken(where, found, expected="no such column")
            continue
        values = columns[name]
        if not pa.types.is_integer(values.type) or values.null_count:
            found = f"{values.null_count:,} gaps" if values.null_count else f"values of type {shown(values.type)}"
            yield rules.SPATIAL_POSITIONS.broken(where, found, expected=expected)
            continue
        numbers = values.to_numpy(zero_copy_only=False)
        off = np.flatnonzero((numbers < 0) | (numbers > last[name]))
        if off.size:
            found = f"{numbers[off[0]]} (row {off[0]}) and {off.size - 1:,} more"
            yield rules.SPATIAL_POSITIONS.broken(where, found, expected=expected, count=int(off.size))
    outside = outside_tissue(space, columns)
    if outside is not None and CELL_TYPE in columns:
        types = as_dictionary(columns[CELL_TYPE])
        named = [code for code, value in enumerate(types.dictionary.to_pylist()) if value != "unknown"]
        wrong = outside & np.isin(codes_of(types), named)
        if wrong.any():
            found = f"{first_of(used_values(types.filter(pa.array(wrong))))} in {int(wrong.sum()):,} spots"
            yield rules.SPATIAL_OUTSIDE.broken(f"obs/{CELL_TYPE}", found, count=int(wrong.sum()))


def outside_tissue(space: Space, columns: Mapping[str, pa.Array]) -> npt.NDArray[np.bool_] | None:
    """Return which spots of a single Visium section lie outside the tissue; None where the columns do not say."""
    values = columns.get("in_tissue")
    if not space.single_visium or values is None or not pa.types.is_integer(values.type) or values.null_count:
        return None
    outside: npt.NDArray[np.bool_] = values.to_numpy(zero_copy_only=False) == 0
    return outside


def count_findings(
    path: str, space: Space, n_genes_by_counts: npt.NDArray[np.int64], outside: npt.NDArray[np.bool_] | None
) -> Iterator[Finding]:
    """Yield findings on the raw counts of a single Visium section; `outside`: the spots that are not on tissue."""
    if not space.single_visium:
        return
    if n_genes_by_counts.size != space.slide.spots:
        found, expected = f"{n_genes_by_counts.size:,} rows", f"{space.slide.spots:,} rows"
        yield rules.SPATIAL_ROWS.broken(path, found, expected=expected)
    if outside is None or not outside.any():
        return
    empty = n_genes_by_counts == 0
    if empty[outside].all():
        yield rules.SPATIAL_COUNTS.broken(path, "no counts in any spot outside the tissue")
    if (empty & ~outside).any():
        rows = np.flatnonzero(empty & ~outside)
        found = f"no counts in spots on tissue, rows {first_of(rows.tolist())}"
        yield rules.SPATIAL_COUNTS.broken(path, found, count=int(rows.size))
