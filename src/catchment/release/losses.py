"""What a release would lack of the last one: datasets that went, are held, or have fewer cells. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catchment.release.difference import SUMMED, later_revision

Row = Mapping[str, Any]
NAMED = 10  # losses that a message names; the rest is counted


@dataclass(frozen=True)
class Loss:
    """One dataset that a release would not have as the last one did.

    `explained`: the new catalogue keeps its row and says there why (held, or left out of the census).
    """

    dataset: str
    what: str
    explained: bool


def losses(before: Mapping[str, Row], after: Mapping[str, Row]) -> list[Loss]:
    """Return what is lost from one release's datasets to another's, in order of their ids.

    Nothing is lost of a dataset that was held before, nor of one that a later revision stands for.
    """
    found = []
    for dataset in sorted(before):
        old, new = before[dataset], after.get(dataset)
        if old.get("stage") == "raw":
            continue
        if new is not None:
            found += losses_of(dataset, old, new)
        elif later_revision(dataset, after) is None:
            found.append(Loss(dataset, "is not there any more", explained=False))
    return found


def losses_of(dataset: str, old: Row, new: Row) -> list[Loss]:
    """Return what is lost of a dataset that still has its row."""
    if new["stage"] == "raw":
        return [Loss(dataset, f"is held: {'; '.join(new['held_reasons'])}", explained=True)]
    found = []
    for what in SUMMED:
        had, has = old.get(f"n_{what}") or 0, new[f"n_{what}"] or 0
        if has < had:
            found.append(Loss(dataset, f"has {has:,} {what} where it had {had:,}", explained=False))
    if old.get("in_census") and not new["in_census"]:
        reasons = new["left_out_reasons"]
        why = "; ".join(reasons) or "no reason is known"
        found.append(Loss(dataset, f"is left out of the census: {why}", explained=bool(reasons)))
    return found


def in_words(found: Sequence[Loss]) -> str:
    """Return losses as one line: the first few named, the rest counted."""
    named = [f"{loss.dataset} {loss.what}" for loss in found[:NAMED]]
    more = [f"and {len(found) - NAMED:,} more"] if len(found) > NAMED else []
    return ", ".join([*named, *more])
