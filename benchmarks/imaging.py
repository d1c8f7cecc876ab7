"""OME-TIFF to OME-Zarr: Catchment against ome-zarr-py, bioio-conversion and ngff-zarr, and against no framework."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import race

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catchment.schema.records import Asset

SHAPE_CZYX = (2, 12, 2048, 2048)
SHAPE_1GB = (2, 60, 2048, 2048)
SHAPE_WIDE = (1, 2, 20_000, 20_000)  # two planes of 800 MB
LEVELS = 4  # 2048, 1024, 512, 256: what Catchment writes of such a plane
CHUNK, SHARD_YX, SHARD_Z = 1024, 2048, 8


# --- data --------------------------------------------------------------------------------------------------------


def prepare(data: Path, shape_czyx: tuple[int, int, int, int] | None = None) -> str:
    """Write the demonstration's stained cells as a large OME-TIFF; return what they are."""
    from catchment.demonstration.imaging import write_ome_tiff

    shape = shape_czyx or SHAPE_CZYX
    pixels = write_ome_tiff(data / "cells.ome.tif", seed=1, shape_czyx=shape)
    return described(data, pixels.nbytes, shape, "tiles of 256, zlib")


def prepare_1gb(data: Path) -> str:
    """Write five times as many planes."""
    return prepare(data, SHAPE_1GB)


def prepare_wide(data: Path) -> str:
    """Write planes that are far larger than what may be held, the same tiles of cells over and over."""
    import numpy as np
    import tifffile

    from catchment.demonstration.imaging import write_ome_tiff

    cells = write_ome_tiff(data / "tile.ome.tif", seed=1, shape_czyx=(1, 1, 1000, 1000))[0, 0]
    (data / "tile.ome.tif").unlink()
    rows = np.tile(cells, (1, SHAPE_WIDE[3] // 1000))

    def tiles() -> Iterator[Any]:
        for _ in range(SHAPE_WIDE[1]):
            for y in range(0, SHAPE_WIDE[2], CHUNK):
                band = np.take(rows, range(y, min(y + CHUNK, SHAPE_WIDE[2])), axis=0, mode="wrap")
                for x in range(0, SHAPE_WIDE[3], CHUNK):
                    yield np.ascontiguousarray(band[:, x : x + CHUNK])

    tifffile.imwrite(
        data / "cells.ome.tif",
        tiles(),
        shape=SHAPE_WIDE,
        dtype=np.uint16,
        ome=True,
        photometric="minisblack",
        tile=(CHUNK, CHUNK),
        compression="zlib",
        metadata={"axes": "CZYX"},
    )
    return described(data, int(np.prod(SHAPE_WIDE)) * 2, SHAPE_WIDE, "tiles of 1024, zlib")


def described(data: Path, nbytes: int, shape_czyx: tuple[int, ...], how: str) -> str:
    """Return what an OME-TIFF is."""
    size = (data / "cells.ome.tif").stat().st_size / race.MB
    shape = " × ".join(map(str, shape_czyx))
    return f"{shape} (c, z, y, x) uint16, {nbytes / race.MB:.0f} MB; OME-TIFF, {how}, {size:.0f} MB."


def shape_of(data: Path) -> tuple[int, ...]:
    """Return c, z, y, x of the OME-TIFF."""
    import tifffile

    with tifffile.TiffFile(data / "cells.ome.tif") as tiff:
        return tuple(tiff.series[0].shape)


def asset_of(path: Path) -> Asset:
    """Return an asset that is one file."""
    from catchment.schema.records import Asset, SourceFile

    file = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    return Asset(
        accession="CAT00000001A", modality="imaging", asset="cells", dataset="cells", format="ome-tiff", files=(file,)
    )


# --- contenders --------------------------------------------------------------------------------------------------


def ours(data: Path, out: Path) -> None:
    """Describe, convert and measure, as the steps do."""
    from catchment.imaging import MODALITY
    from catchment.storage import Place

    asset = asset_of(data / "cells.ome.tif")
    out.mkdir()
    product = MODALITY.convert(asset, MODALITY.describe(asset), Place(str(out)), MODALITY.convert_settings())
    assert not product.findings, product.findings
    MODALITY.measure(product, Place(str(out)))


def ours_written_only(data: Path, out: Path) -> None:
    """Convert without reading back, digests and measuring planes: what the peers do."""
    from catchment.imaging import convert, planes, slabs

    written = slabs.SlabWriter.write
    left_out: list[tuple[Any, str, Any]] = [
        (convert.Conversion, "compare", lambda *_: None),
        (slabs.SlabWriter, "write", lambda self, slab: replace(written(self, slab), differing=())),
        (slabs.SlabWriter, "differing_tiles", lambda *_: ()),
        (slabs, "checksum", lambda _: None),
        (slabs, "band_digest", lambda _: ""),
        (slabs, "tile_digest", lambda _: ""),
        (slabs, "sharpness", lambda _: planes.Sharpness()),
    ]
    with contextlib.ExitStack() as patched:
        for owner, name, stand_in in left_out:
            patched.enter_context(mock.patch.object(owner, name, stand_in))
        ours(data, out)


def codec() -> Any:
    """Return the codec of all who let it be chosen."""
    from zarr.codecs import BloscCodec

    return BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")


def lazy_pixels(data: Path) -> Any:
    """Return level 0 as a Dask array, read tile by tile through tifffile."""
    import dask.array as da
    import tifffile
    import zarr

    store = tifffile.imread(data / "cells.ome.tif", aszarr=True, level=0)
    return da.from_zarr(zarr.open_array(store, mode="r"))


def ome_zarr(data: Path, out: Path, method: str = "local_mean") -> None:
    """Write with ome-zarr-py from a Dask array in pieces of one shard."""
    import dask
    from ome_zarr.format import FormatV05
    from ome_zarr.scale import Methods
    from ome_zarr.writer import write_image

    shape = shape_of(data)
    shards = (1, SHARD_Z, SHARD_YX, SHARD_YX)
    factors = [2**level for level in range(1, LEVELS)]
    options = [
        {
            "chunks": (1, 1, min(CHUNK, shape[2] >> level), min(CHUNK, shape[3] >> level)),
            "shards": (1, SHARD_Z, shape[2] >> level, shape[3] >> level),
            "compressors": codec(),
        }
        for level in range(LEVELS)
    ]
    pixels = lazy_pixels(data).rechunk(shards)
    with dask.config.set(scheduler="threads", num_workers=race.CORES):
        write_image(
            pixels,
            str(out),
            scale_factors=factors,
            method=Methods(method),
            fmt=FormatV05(),
            axes="czyx",
            storage_options=options,
        )


def ome_zarr_resize(data: Path, out: Path) -> None:
    """Write with ome-zarr-py's default way of halving."""
    ome_zarr(data, out, "resize")


def bioio(data: Path, out: Path, **more: Any) -> None:
    """Write with bioio-conversion: its own layout, worker processes."""
    from bioio_conversion.converters import OmeZarrConverter

    out.mkdir()
    OmeZarrConverter(
        source=str(data / "cells.ome.tif"),
        destination=str(out),
        name="cells",
        compressor=codec(),
        n_workers=race.CORES,
        **more,
    ).convert()


def bioio_our_layout(data: Path, out: Path) -> None:
    """Write with bioio-conversion, as many levels of the same chunks and shards: one thread then."""
    whole = shape_of(data)
    shapes = [(*whole[:2], whole[2] >> level, whole[3] >> level) for level in range(LEVELS)]
    chunks = [(1, 1, min(CHUNK, shape[2]), min(CHUNK, shape[3])) for shape in shapes]
    shards = [(1, SHARD_Z, min(SHARD_YX, shape[2]), min(SHARD_YX, shape[3])) for shape in shapes]
    # the reader says TCZYX
    bioio(
        data,
        out,
        level_shapes=[(1, *shape) for shape in shapes],
        chunk_shape=[(1, *chunk) for chunk in chunks],
        shard_shape=[(1, *shard) for shard in shards],
    )


def ngff_zarr(data: Path, out: Path, method: str = "DASK_BIN_SHRINK") -> None:
    """Write with ngff-zarr: means of blocks, the same levels, chunks of 1024, sharded 8 × 2 × 2 where they fit."""
    import dask
    import ngff_zarr as nz

    image = nz.to_ngff_image(lazy_pixels(data), dims=("c", "z", "y", "x"))
    factors = [{"z": 1, "y": 2**level, "x": 2**level} for level in range(1, LEVELS)]
    chunks = {"c": 1, "z": 1, "y": CHUNK, "x": CHUNK}
    with dask.config.set(scheduler="threads", num_workers=race.CORES):
        scales = nz.to_multiscales(image, factors, method=nz.Methods[method], chunks=chunks)
        shards = {"z": SHARD_Z, "y": SHARD_YX // CHUNK, "x": SHARD_YX // CHUNK}
        nz.to_ngff_zarr(str(out), scales, version="0.5", compressors=[codec()], chunks_per_shard=shards)


def ngff_zarr_gaussian(data: Path, out: Path) -> None:
    """Write with ngff-zarr's default way of halving, which smooths first."""
    ngff_zarr(data, out, "ITKWASM_GAUSSIAN")


def floor(data: Path, out: Path, threads: int = 1) -> None:
    """Decode pages, halve, encode chunks, append them to a file for each thread; no Zarr."""
    from concurrent.futures import ThreadPoolExecutor

    import tifffile
    from numcodecs import Blosc, blosc

    from catchment.imaging.pyramid import halve

    blosc.use_threads = False
    encoder = Blosc("zstd", clevel=1, shuffle=Blosc.BITSHUFFLE)
    out.mkdir()

    def work(thread: int) -> None:
        with tifffile.TiffFile(data / "cells.ome.tif") as tiff, (out / str(thread)).open("wb") as target:
            for page in list(tiff.pages)[thread::threads]:
                pixels = page.asarray(maxworkers=1)
                for level in range(LEVELS):
                    pixels = halve(pixels) if level else pixels
                    for chunk in chunks_of(pixels):
                        target.write(encoder.encode(chunk))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


def floor_of_cores(data: Path, out: Path) -> None:
    """Do the least on as many threads as the others have."""
    floor(data, out, race.CORES)


def chunks_of(pixels: Any) -> Iterator[Any]:
    """Yield the chunks of a plane, each in one piece of memory."""
    import numpy as np

    for y in range(0, pixels.shape[0], CHUNK):
        for x in range(0, pixels.shape[1], CHUNK):
            yield np.ascontiguousarray(pixels[y : y + CHUNK, x : x + CHUNK])


def check(data: Path, out: Path) -> str:
    """Read every level with zarr: level 0 equals tifffile's pixels, and how many levels there are."""
    import numpy as np
    import tifffile
    import zarr

    root = out if (out / "zarr.json").exists() else next(out.glob("*.zarr"))
    group = zarr.open_group(root, mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    arrays = [group[dataset["path"]] for dataset in datasets]
    expected = tifffile.imread(data / "cells.ome.tif")
    wrong = [] if np.array_equal(np.asarray(arrays[0][...]).reshape(expected.shape), expected) else ["pixels differ"]
    if [array.shape[-1] for array in arrays] != [expected.shape[-1] >> level for level in range(LEVELS)]:
        wrong.append(f"levels of {', '.join(str(array.shape[-1]) for array in arrays)} pixels")
    text = repr([array.metadata.codecs for array in arrays])
    if text.count("clevel=1, shuffle=<BloscShuffle.bitshuffle") != len(arrays):
        wrong.append("other codec")
    for name, found, ours in (
        ("chunks", arrays[0].chunks, (1, CHUNK, CHUNK)),
        ("shards", arrays[0].shards, (SHARD_Z, SHARD_YX, SHARD_YX)),
    ):
        if found is None or found[-3:] != ours:
            wrong.append(f"{name} {' × '.join(map(str, found[-3:])) if found else 'none'}")
    return f"pixels yes; {'; '.join(wrong)}" if wrong and wrong[0] != "pixels differ" else "; ".join(wrong)


def check_wide(data: Path, out: Path) -> str:
    """Compare level 0 with tifffile's pixels, a band of rows at a time."""
    import numpy as np
    import tifffile
    import zarr

    array = zarr.open_array(next(out.glob("*.zarr")) / "0", mode="r")
    with tifffile.TiffFile(data / "cells.ome.tif") as tiff:
        for z, page in enumerate(tiff.pages):
            expected = page.asarray()
            for y in range(0, expected.shape[0], SHARD_YX):
                if not np.array_equal(array[0, 0, z, y : y + SHARD_YX], expected[y : y + SHARD_YX]):
                    return f"pixels differ: z{z} y{y}"
    return ""


OUR_IMPORTS = "zarr, tifffile, distributed, catchment.imaging.convert"
CONTENDERS = {
    race.OURS: race.Contender("Catchment: convert (reads back, compares, measures)", ours, check, OUR_IMPORTS),
    "catchment-written": race.Contender(
        "Catchment: without read-back, digests and focus", ours_written_only, check, OUR_IMPORTS
    ),
    "ome-zarr-py": race.Contender("ome-zarr-py, local mean", ome_zarr, check, "ome_zarr.writer, tifffile"),
    "ome-zarr-py-resize": race.Contender(
        "ome-zarr-py, resize (its default)", ome_zarr_resize, check, "ome_zarr.writer, tifffile"
    ),
    "bioio": race.Contender("bioio-conversion, its layout", bioio, check, "bioio_conversion"),
    "bioio-layout": race.Contender("bioio-conversion, our layout", bioio_our_layout, check, "bioio_conversion"),
    "ngff-zarr": race.Contender("ngff-zarr, bin shrink", ngff_zarr, check, "ngff_zarr"),
    "ngff-zarr-gaussian": race.Contender("ngff-zarr, Gaussian (its default)", ngff_zarr_gaussian, check, "ngff_zarr"),
    race.FLOOR: race.Contender("floor, 1 thread", floor, None, "tifffile, numcodecs, numpy"),
    f"{race.FLOOR}-2": race.Contender("floor, 2 threads", floor_of_cores, None, "tifffile, numcodecs, numpy"),
}
LARGE = (race.OURS, "catchment-written", "ome-zarr-py", "bioio-layout", f"{race.FLOOR}-2")
WIDE = {race.OURS: race.Contender("Catchment: convert (reads back, compares, measures)", ours, check_wide, OUR_IMPORTS)}
ABOUT = f"""
OME-Zarr 0.5, blosc zstd 1 with bitshuffle, {LEVELS} levels, chunks of {CHUNK} × {CHUNK}, shards of
{SHARD_Z} × {SHARD_YX} × {SHARD_YX} where the tool can; the last column says where it does not. Not alike: Catchment's
*convert* reads back every file and decodes a sample of them, reads a sample of the source a second time by another way,
counts every value (percentiles, saturation), measures focus and light, and draws a thumbnail; *without read-back* still
counts and draws. Levels: Catchment, local mean, bin shrink and the floor average 2 × 2; resize and Gaussian smooth
first; bioio-conversion has a way of its own. With its own layout bioio-conversion works in processes: its peak here is
that of the largest, not their sum. iohub is not here: its releases with OME-Zarr 0.5 need Python 3.12, those for 3.11
need Zarr 2.
"""
ABOUT_1GB = """
Five times the planes of the race above, the same settings; Catchment decodes and reads a second time samples only
(`compare_whole_mb`), and holds every file against its checksum.
"""
ABOUT_WIDE = """
Planes of which none may be held: memory is what this is about. The same cells repeat every 1,000 pixels, which makes
the file quickly; each tile is decoded and encoded like any other.
"""
RACES = {
    "ome-zarr": race.Race("OME-TIFF to OME-Zarr", ABOUT, prepare, CONTENDERS),
    "ome-zarr-1gb": race.Race(
        "1 GB to OME-Zarr", ABOUT_1GB, prepare_1gb, {key: CONTENDERS[key] for key in LARGE}, repeats=1
    ),
    "ome-zarr-wide": race.Race("Planes of 20,000 × 20,000", ABOUT_WIDE, prepare_wide, WIDE, repeats=1),
}

if __name__ == "__main__":
    raise SystemExit(race.main(__file__, RACES))
