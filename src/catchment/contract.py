"""What every modality must offer, in one shape: the functions that the steps call.

A modality's package builds `MODALITY = Modality(...)` by keyword from its files, so the type checker points at the file
that strays. Functions get a located asset (absolute paths) and a scratch place; they write nowhere else. All but
`recognise` and `estimate` run in a confined child process (see `modalities.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from catchment.schema.records import (
    Admission,
    Asset,
    Contribution,
    Dataset,
    Derived,
    Description,
    Metrics,
    ModalityName,
    Preparation,
    Product,
    Resources,
    Suggestion,
    Unreadable,
)
from catchment.storage import Place

HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Head:
    """What `recognise` may look at: the first 64 KiB of a file (decompressed where it is gzip), its name and size.

    A folder has no bytes: `members` are the paths of every file below it, with `/`, sorted; `member` returns the head
    of one of them, read when it is asked for. `archived` are the names in a ZIP, as far as they can be told.
    """

    name: str
    size: int
    start: bytes
    gzipped: bool = False
    members: tuple[str, ...] = ()
    member: Callable[[str], Head] = lambda name: Head(name=name, size=0, start=b"")
    archived: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confidence:
    """How sure a modality is that a file is its own (0 to 1), and as which format.

    `of_runs`: the file is a table that was made of runs; it is handed what the submission says of these.
    """

    format: str
    certainty: float
    of_runs: bool = False


@dataclass(frozen=True)
class Recogniser:
    """What `submission` is handed so that it can tell files apart without knowing any modality.

    by_content
        every modality that takes a file for its own, with how sure it is.
    by_name
        the modality that a file's name announces, whatever its content is.
    ending
        the ending of a file's name that a modality knows, empty where it knows none; safe to appear in a path.
    companions
        what lies beside a file and belongs to it, as `Modality.companions` says.
    """

    by_content: Callable[[Head], Iterable[tuple[ModalityName, Confidence]]]
    by_name: Callable[[str], ModalityName | None]
    ending: Callable[[str, ModalityName], str]
    companions: Callable[[Head, ModalityName, AbstractSet[str]], Sequence[str]]


def no_companions(head: Head, beside: AbstractSet[str]) -> Sequence[str]:
    """Return nothing: every file of the modality stands by itself."""
    return ()


A = TypeVar("A", bound=BaseModel)
C = TypeVar("C", bound=BaseModel)
N = TypeVar("N", bound=BaseModel)


def unlabelled(asset: Asset, place: Place, settings: BaseModel) -> Asset:
    """Return the asset itself: its format has no labels."""
    return asset


@dataclass(frozen=True)
class Modality(Generic[A, C, N]):
    """The functions of one modality; `A`, `C`, `N` are its settings of admit, convert and normalise.

    extensions
        lower-case name endings that announce this modality; a file so named that is not recognised is held, not lost.
    shared_endings
        endings that files of this modality may have, and other files too: they announce nothing.
    recognise
        by content, never by name alone; None where the file is not this modality's. A folder that is recognised is one
        asset, with every file below it.
    describe
        headers only, never the data; `Unreadable` with its findings where even the container cannot be read.
    prepare
        the asset to go on with, written into the place (another container, curated, migrated), described again then;
        the asset itself where nothing is to do.
    validate
        every fault in one pass, each with its place; side-cars of what the pass learnt, kept where the asset goes on.
    label
        a valid asset with what the system adds to it, written into the place: a product of its own, which later steps
        read in its stead. The asset itself where the format has no such additions; `Unreadable` where what is copied
        turns out to be damaged.
    estimate
        memory, time and pieces of the steps to come.
    convert
        raw -> open format in the place, lossless, read back; `Unreadable` where the data turn out to be damaged.
    measure
        QC numbers of what `convert` wrote, from its side-cars.
    normalise
        a derived view in the place; the archival dataset (in the first place) stays as it is.
    draw
        QC plots as one SVG, from the store's side-cars and small levels.
    contribute
        what census and catalogue take.
    suggest
        the draft of a recipe for an asset that does not fit yet; None where a modality takes no recipes.
    companions
        which of the names beside a recognised file (files and folders of its folder) are one asset with it.
    resumes
        whether `convert` goes on with what a killed conversion left in its place, and what it makes is the same.
    """

    admit_settings: type[A]
    convert_settings: type[C]
    normalise_settings: type[N]
    extensions: tuple[str, ...]
    recognise: Callable[[Head], Confidence | None]
    describe: Callable[[Asset], Description | Unreadable]
    prepare: Callable[[Asset, Place, A], Preparation | Unreadable]
    validate: Callable[[Description, Asset, A], Admission]
    estimate: Callable[[Description], Resources]
    convert: Callable[[Asset, Description, Place, C], Product | Unreadable]
    measure: Callable[[Product, Place], Metrics]
    normalise: Callable[[Dataset, Asset, Place, Place, N], Derived]
    draw: Callable[[Dataset, Asset, Place], bytes]
    contribute: Callable[[Dataset, Asset, Place], Contribution]
    companions: Callable[[Head, AbstractSet[str]], Sequence[str]] = no_companions
    shared_endings: tuple[str, ...] = ()
    label: Callable[[Asset, Place, A], Asset | Unreadable] = unlabelled
    suggest: Callable[[Asset], Suggestion] | None = None
    resumes: bool = False
