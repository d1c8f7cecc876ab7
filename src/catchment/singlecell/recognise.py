"""Is a file a single-cell dataset? Told from its first bytes alone."""

from __future__ import annotations

from catchment.contract import Confidence, Head

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def recognise(head: Head) -> Confidence | None:
    """Return `h5ad` for an HDF5 file, surer where AnnData's own mark is in sight; None for anything else."""
    if head.members or head.gzipped or not head.start.startswith(HDF5_SIGNATURE):
        return None
    return Confidence("h5ad", 0.95 if b"anndata" in head.start else 0.8)
