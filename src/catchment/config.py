"""The configuration: every setting, its default and its meaning.

`config/config.yaml` and `config/config.schema.json` are generated from here (`python -m catchment.config`), and a test
keeps them in step. The Snakefile imports this file: it stays light.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catchment.errors import BadInput
from catchment.isolation import Limits

PerStep = dict[str, Any]


class Section(BaseModel):
    """A part of the configuration: frozen, and a misspelt key stops with its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Limit(Section):
    """A bound on a QC metric, and how grave it is to be outside."""

    min: float | None = None
    """The least that is within the limit."""
    max: float | None = None
    """The most that is within the limit."""
    level: Literal["error", "warning"] = "warning"
    """What being outside comes to: an error holds the asset, a warning does not."""


# --- single-cell -------------------------------------------------------------------------------------------------


class SinglecellAdmit(Section):
    block_rows: int = Field(2048, ge=1)
    """Rows of a matrix held in memory at a time while it is checked."""
    schema_version: Literal["7.1.0", "7.0.0"] = "7.1.0"
    """Version of the CELLxGENE dataset schema, and with it the ontology releases, that datasets are held to."""
    reading: Literal["reference", "text", "lenient"] = "reference"
    """How strictly: as the schema's validator does, as its text says where that is stricter, or only what converts."""
    pre_analysis: bool = False
    """Datasets come before their analysis: no cell types, no default embedding, embeddings as they like."""


class SinglecellConvert(Section):
    zstd_level: int = Field(3, ge=1, le=19)
    """Compression of SOMA arrays: 3 is near the speed of the disk, 9 is 8 % smaller at twice the time."""
    memory_mb: int = Field(1000, ge=600)
    """Memory that a conversion keeps to: where 2,048 cells hold more values than there is room for, tiles are lower."""
    limits: dict[str, Limit] = {"median_genes_by_counts": Limit(min=1)}
    """Bounds on QC metrics, by scanpy's names."""


class SinglecellNormalise(Section):
    target_sum: float = Field(10_000, gt=0)
    """Counts per cell after scaling (CPTT); the view is log1p of it."""


class SinglecellSettings(Section):
    admit: SinglecellAdmit = SinglecellAdmit()
    convert: SinglecellConvert = SinglecellConvert()
    normalise: SinglecellNormalise = SinglecellNormalise()


# --- imaging -----------------------------------------------------------------------------------------------------


class ImagingAdmit(Section):
    max_chunk_mb: int = Field(2_000, ge=1)
    """A file that declares a larger tile or strip than this is refused before it is decoded."""


class ImagingConvert(Section):
    chunk_yx: int = Field(1024, ge=16)
    """Edge of a chunk in y and x, in pixels."""
    shard_yx: int = Field(2048, ge=16)
    """Edge of a shard in y and x, in pixels: one file holds all its chunks."""
    shard_z: int = Field(8, ge=1)
    """Planes of a shard in z."""
    ome_zarr_version: Literal["0.5", "0.4"] = "0.5"
    """Version of OME-Zarr: 0.4 is for clients without Zarr v3; it has no shards, so a file for each chunk."""
    compare_whole_mb: int = Field(100, ge=0)
    """Up to this size every pixel is decoded again and read a second time from its source; of larger images samples."""
    thumbnail_px: int = Field(256, ge=16)
    """Longer edge of the thumbnail."""
    limits: dict[str, Limit] = {
        "saturated_fraction": Limit(max=0.05),
        "empty_planes": Limit(max=0),
        "repeated_planes": Limit(max=0),
    }
    """Bounds on QC metrics."""


class ImagingNormalise(Section):
    low_percentile: float = Field(1.0, ge=0, le=100)
    """Intensity percentile that the derived view maps to 0."""
    high_percentile: float = Field(99.8, ge=0, le=100)
    """Intensity percentile that the derived view maps to 1."""
    flat_field: bool = False
    """Write a second dataset whose channels are divided by the illumination that their planes share; needs many."""


class ImagingSettings(Section):
    admit: ImagingAdmit = ImagingAdmit()
    convert: ImagingConvert = ImagingConvert()
    normalise: ImagingNormalise = ImagingNormalise()


# --- mass spectrometry -------------------------------------------------------------------------------------------


ConvertedFormat = Literal["agilent-d", "bruker-baf", "bruker-tdf", "bruker-tsf", "imzml", "sciex-wiff", "waters-raw"]


class MassspecAdmit(Section):
    max_spectrum_mb: int = Field(512, ge=1)
    """A spectrum whose decoded arrays are larger than this is refused."""
    converters: dict[ConvertedFormat, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """A site's own programs that write mzML, by format: program and arguments, with {input} and {output} among them."""

    @field_validator("converters")
    @classmethod
    def name_both_ends(cls, converters: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Refuse a command that would not know what to read or where to write."""
        for format_, command in converters.items():
            for place in ("{input}", "{output}"):
                if not any(place in word for word in command):
                    raise ValueError(f"{format_}: no argument has {place}")
        return converters


class MassspecConvert(Section):
    limits: dict[str, Limit] = {"empty_fraction": Limit(max=0.5)}
    """Bounds on QC metrics."""


class MassspecNormalise(Section):
    factor: Literal["tic"] = "tic"
    """What derived intensities are scaled by: each run's total ion current."""
    quantities: tuple[Literal["median", "quantile"], ...] = ("median", "quantile")
    """Normalised layers of tables of quantities; fractions of a separation get elution profiles instead."""


class MassspecSettings(Section):
    admit: MassspecAdmit = MassspecAdmit()
    convert: MassspecConvert = MassspecConvert()
    normalise: MassspecNormalise = MassspecNormalise()


# --- census and release ------------------------------------------------------------------------------------------


class CensusPlan(Section):
    organisms: tuple[str, ...] = ()
    """Organisms that the census takes (`homo_sapiens`); none named: every organism of the dataset schema."""
    assays: tuple[str, ...] = ()
    """Assays (EFO) whose cells the census takes, each with every assay below it; none named: all."""
    tissue_types: tuple[str, ...] = ()
    """Tissue types (`tissue`, `organoid`) whose cells the census takes; none named: all."""
    primary_only: bool = False
    """Take primary data only: each cell once."""
    blocklist: tuple[str, ...] = ()
    """Submissions or datasets, by accession, that the census goes without."""
    dense_ids: bool = False
    """Number cells and genes anew, 0 to n - 1, one fragment an array, as the validator of CZI's builder has it."""


class CensusAssemble(Section):
    normalized_layer: bool = True
    """Write X/normalized (row sums of 1) beside X/raw, as Census schema 2.4.0 has it."""
    zstd_level: int = Field(3, ge=1, le=19)
    """Compression of the census's arrays; 9 for a release that is downloaded more often than it is built."""
    memory_mb: int = Field(2_000, ge=600)
    """What all workers together may use, 1,000 MB each: it bounds how many there are; with less, their blocks."""


class CensusSettings(Section):
    plan: CensusPlan = CensusPlan()
    assemble: CensusAssemble = CensusAssemble()


class ReleaseSettings(Section):
    title: str = "Catchment release"
    """Name of the release as people cite it."""
    description: str = (
        "Single-cell, imaging and mass-spectrometry datasets in open formats, with their metadata, quality control "
        "and checksums, assembled by Catchment."
    )
    """What the release holds, 50 to 5,000 characters."""
    publisher: str = "Catchment"
    """Who publishes it."""
    base_url: str = "https://example.org/catchment"
    """Where the release will be reached; identifiers in its documents start with it."""
    licence: str = "CC-BY-4.0"
    """SPDX licence of the release as a whole; each study keeps its own."""
    publish_raw: bool = True
    """Link submitted files into the release; those that failed container or security rules never are."""
    allow_loss: Literal["none", "explained", "any"] = "explained"
    """What a release may go without of the last one: nothing, what is held or left out with a reason, or anything."""


class Config(Section):
    """Everything an operator can set. Override with `--config key=value` or `--configfile FILE`."""

    workdir: str = "build"
    """Folder of this build: inbox, work, store, logs, releases."""
    singlecell: SinglecellSettings = SinglecellSettings()
    imaging: ImagingSettings = ImagingSettings()
    massspec: MassspecSettings = MassspecSettings()
    census: CensusSettings = CensusSettings()
    release: ReleaseSettings = ReleaseSettings()
    confinement: Limits = Limits()
    """What a child process that reads submitted files may use."""
    accept_licences: tuple[str, ...] = ()
    """Licences of optional readers that you accept (`gpl`, `thermo`)."""

    def step_settings(self, step: str, modality: str | None = None) -> PerStep:
        """Return the settings that one step reads, as JSON values; nothing else can make it run again."""
        if modality is not None:
            section = getattr(getattr(self, modality), step)
        else:
            section = self.release if step in ("index", "release") else getattr(self.census, step)
        return section.model_dump(mode="json")  # type: ignore[no-any-return]


def read_config(values: Mapping[str, Any]) -> Config:
    """Return the configuration for a mapping of values.

    Raises
    ------
    BadInput
        With the name of each key that is unknown (and the nearest known one) or has an unfit value.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise BadInput("configuration: " + "; ".join(describe_fault(fault) for fault in error.errors())) from None


def describe_fault(fault: Any) -> str:
    """Say in one line what is wrong with one key."""
    key = ".".join(str(part) for part in fault["loc"]) or "the whole"
    if fault["type"] != "extra_forbidden":
        return f"{key}: found {fault['input']!r}; {fault['msg']}"
    near = get_close_matches(str(fault["loc"][-1]), sorted(known_keys()), n=1)
    hint = f"did you mean {near[0]}?" if near else "see config/config.yaml for the known keys"
    return f"{key}: unknown key; {hint}"


def known_keys(section: type[BaseModel] = Config) -> set[str]:
    """Return every key of the configuration, at any depth."""
    keys: set[str] = set()
    for name, field in section.model_fields.items():
        keys.add(name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys |= known_keys(kind)
    return keys


# --- the generated files -----------------------------------------------------------------------------------------

BANNER = "# Generated from src/catchment/config.py by `python -m catchment.config`; change it there.\n"


def to_yaml(section: BaseModel, indent: str = "") -> str:
    """Return a section as commented YAML: each key after what it means."""
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if field.description:
            lines.append(f"{indent}# {field.description}")
        if isinstance(value, BaseModel):
            lines.append(f"{indent}{name}:\n{to_yaml(value, indent + '  ')}")
        else:
            plain = json.loads(type(section).model_construct(**{name: value}).model_dump_json(include={name}))[name]
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
            lines.append(f"{indent}{name}: {text}")
    return "\n".join(lines)


def generated_files() -> dict[str, str]:
    """Return the text of each generated file by its name."""
    schema = json.dumps(Config.model_json_schema(), indent=2, sort_keys=True)
    return {"config.yaml": BANNER + to_yaml(Config()) + "\n", "config.schema.json": schema + "\n"}


def main() -> int:
    """Write the generated files into a folder (default `config/`)."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "config")
    for name, text in generated_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
