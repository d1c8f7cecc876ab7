"""What the steps of a run will need."""

from __future__ import annotations

from catchment.massspec.quantities.layouts import formats as table_formats
from catchment.schema.records import Description, Resources

BASE_MB = 400  # interpreter, numpy, pyarrow and the independent reader
BASE_SECONDS = 6  # mostly the import of the independent reader
MB_PER_SECOND = 20.0  # bytes of mzML read, decoded, copied and read back in a CPU second (measured: 25 to 40)
BYTES_PER_SPECTRUM = 1_200  # a spectrum's row, id and offsets while the run is read
TDF_MB = 600  # frames of some million peaks in several threads
TDF_GROWS_TO = 5  # mzML of a run against its analysis.tdf_bin (measured: 3 to 5)
VENDOR_MB = 300  # the vendor's reader, in a process of its own
TABLE_GROWS_TO = {"text": 4, "parquet": 20}  # cells as numbers, in some copies, against the bytes of a table
IMZML_GROWS_TO = 3  # of a continuous one, where each spectrum gets m/z of its own (measured: 2.6)
INFLATES_TO = 4  # gzip around mzML: 1.3 to 4 times measured


def estimate(description: Description) -> Resources:
    """Return memory, time and pieces: a run is one piece, and its memory grows with spectra, not with bytes."""
    size, declared = description.facts.get("bytes"), description.shape[0]
    megabytes = (size if isinstance(size, int) else 0) / 1_000_000
    if description.format in table_formats():
        grown = megabytes * TABLE_GROWS_TO[str(description.facts.get("container", "text"))]
        return Resources(memory_mb=BASE_MB + int(grown), seconds=BASE_SECONDS + int(megabytes), pieces=1)
    if description.format == "mzml.gz":
        megabytes *= INFLATES_TO
    if description.format == "imzml":
        megabytes *= IMZML_GROWS_TO
    # the declared number is a stranger's word: a spectrum takes some 400 bytes of text at least
    spectra = min(declared, int(megabytes * 2_500))
    beside = VENDOR_MB if description.format == "thermo-raw" else 0
    # a peak list declares no number
    spectra = spectra or int(megabytes * 2_500) if description.format == "mgf" else spectra
    if description.format == "bruker-tdf":
        # a frame at a time, but each thread has its own; zstd and 4 bytes for each number become three 64-bit arrays
        beside, megabytes, spectra = TDF_MB, megabytes * TDF_GROWS_TO, declared
    return Resources(
        memory_mb=BASE_MB + beside + int(spectra * BYTES_PER_SPECTRUM / 1_000_000),
        seconds=BASE_SECONDS + int(megabytes / MB_PER_SECOND),
        pieces=1,
    )
