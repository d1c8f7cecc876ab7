"""Is a file or folder a single-cell dataset? Told from its first bytes alone."""

from __future__ import annotations

from pathlib import PurePosixPath

from catchment.contract import Confidence, Head

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MATRIX_MARKET = b"%%MatrixMarket matrix coordinate"
# the folder of a feature-barcode matrix (MEX), packed or not
MEX = "mtx-folder"
MATRIX = ("matrix.mtx", "matrix.mtx.gz")
BARCODES = ("barcodes.tsv", "barcodes.tsv.gz")
FEATURES = ("features.tsv", "features.tsv.gz", "genes.tsv", "genes.tsv.gz")


def recognise(head: Head) -> Confidence | None:
    """Return `h5ad` for an HDF5 file, surer where AnnData's own mark is in sight; `mtx-folder`; None for the rest."""
    if head.members:
        return recognise_folder(head)
    if head.gzipped or not head.start.startswith(HDF5_SIGNATURE):
        return None
    return Confidence("h5ad", 0.95 if b"anndata" in head.start else 0.8)


def recognise_folder(head: Head) -> Confidence | None:
    """Return `mtx-folder` for a folder with a matrix in Matrix Market format and the names of its sides."""
    here = {str(PurePosixPath(name)).lower(): name for name in head.members}
    found = [next((here[name] for name in names if name in here), None) for names in (MATRIX, BARCODES, FEATURES)]
    if None in found or not head.member(str(found[0])).start.startswith(MATRIX_MARKET):
        return None
    return Confidence(MEX, 0.95)
