"""Records as they were kept when their version was current: written once, never again."""

from __future__ import annotations

from pathlib import Path

from catchment.schema.build_records import Assembled, Indexed, Planned, Released, Verified
from catchment.schema.records import Admitted, Asset, Converted, Held, Normalised, Shape
from catchment.schema.submission_records import Manifest

EXAMPLES = Path(__file__).parent / "examples"
KINDS: dict[str, type[Shape]] = {
    "admitted": Admitted,
    "assembled": Assembled,
    "asset": Asset,
    "converted": Converted,
    "held": Held,
    "indexed": Indexed,
    "manifest": Manifest,
    "normalised": Normalised,
    "planned": Planned,
    "released": Released,
    "verified": Verified,
}
