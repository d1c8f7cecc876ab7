"""ZIPs of images: fields, channels and what is known of each, held against zipfile, Pillow, tifffile and zarr."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr_models
import pyarrow.parquet as pq
import pytest
import tifffile
import zarr
from ome_zarr_models.v05.bioformats2raw import BioFormats2Raw
from PIL import Image

from catchment.config import ImagingAdmit, ImagingConvert
from catchment.demonstration.image_sets import write_hostile_zip, write_image_set
from catchment.imaging import MODALITY
from catchment.schema.records import Description, Finding, Product, Unreadable
from catchment.storage import Place
from catchment.submission.upload import head
from tests.archive.tampered_zips import HOSTILE, UNSOUND, written, zipped

from .conftest import Carry, Passage, carry, ramp


def png(pixels: np.ndarray) -> bytes:
    """A PNG by Pillow."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def tiff(pixels: np.ndarray, **how: Any) -> bytes:
    """A TIFF by tifffile."""
    data = io.BytesIO()
    tifffile.imwrite(data, pixels, photometric="minisblack", **how)
    return data.getvalue()


def gray(seed: int, *shape: int, dtype: str = "uint8") -> np.ndarray:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 250, shape or (20, 30)).astype(dtype)


Through = Callable[..., Passage]


@pytest.fixture
def carried(tmp_path: Path, through: Carry) -> Through:
    """Pack members and carry the ZIP through the modality."""

    def run(members: Mapping[str, bytes], name: str = "set.zip", **told: str) -> Passage:
        return through(written(tmp_path / "in", zipped(members), name), **told)

    return run


def index_of(passage: Passage) -> list[dict[str, Any]]:
    """The rows of the index, read by pyarrow alone."""
    assert not passage.held, passage.findings
    assert isinstance(passage.product, Product)
    rows: list[dict[str, Any]] = pq.read_table(passage.folder / passage.product.side_cars["images"]).to_pylist()
    return rows


def only(passage: Passage, code: str) -> Finding:
    """The one finding of a code."""
    (finding,) = [finding for finding in passage.findings if finding.code == code]
    return finding


LARGE = ImagingConvert(thumbnail_px=16)
TOLD = {"pixel_size_um": "0.08", "cell_line": "MDA-MB-468"}

# --- a set as CM4AI ships them -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cm4ai(tmp_path_factory: pytest.TempPathFactory) -> Passage:
    folder = tmp_path_factory.mktemp("cm4ai")
    write_image_set(folder / "images.zip", seed=5)
    return carry(folder / "images.zip", folder / "out", LARGE, **TOLD)


def test_every_pixel_is_what_pillow_sees_in_the_named_member(cm4ai: Passage) -> None:
    rows = index_of(cm4ai)
    assert len(rows) == 6
    with zipfile.ZipFile(cm4ai.asset.files[0].path) as archive:
        seen = set()
        for row in rows:
            stored = np.asarray(zarr.open_array(cm4ai.store / row["path"] / "0", mode="r")[...])
            for channel, member in enumerate(row["members"]):
                theirs = np.asarray(Image.open(io.BytesIO(archive.read(member["file"]))))
                assert (stored[0, channel, 0] == theirs).all()
                seen.add(member["file"])
        assert seen == {name for name in archive.namelist() if name.endswith(".jpg")}


def test_each_image_is_addressed_by_its_protein_treatment_antibody_and_region(cm4ai: Passage) -> None:
    rows = {(row["treatment"], row["protein"]): row for row in index_of(cm4ai)}
    assert {key[0] for key in rows} == {"untreated", "Paclitaxel", "Vorinostat"}
    row = rows["Paclitaxel", "TRIM24"]
    assert {fact: row[fact] for fact in ("antibody", "gene", "cell_line", "plate", "well", "region", "field")} == {
        "antibody": "HPA061717",
        "gene": "ENSG00000122779",
        "cell_line": "MDA-MB-468",
        "plate": "1",
        "well": "H10",
        "region": "R1",
        "field": None,
    }
    assert row["channels"] == ["DAPI", "calreticulin", "tubulin", "TRIM24"]
    assert [member["file"].rpartition("_")[2] for member in row["members"]] == [
        "blue.jpg", "yellow.jpg", "red.jpg", "green.jpg",
    ]  # fmt: skip


def test_an_image_is_named_by_what_its_file_names_tell(cm4ai: Passage) -> None:
    treatments = ("Paclitaxel", "untreated", "Vorinostat")
    assert [row["name"] for row in index_of(cm4ai)] == [
        f"1 {t} {well} R1" for t in treatments for well in ("C1", "H10")
    ]


def test_the_store_is_valid_and_opens_as_a_collection_of_images(cm4ai: Passage) -> None:
    group = zarr.open_group(cm4ai.store, mode="r")
    BioFormats2Raw.from_zarr(group)
    series = group["OME"].attrs.asdict()["ome"]["series"]
    assert series == [row["path"] for row in index_of(cm4ai)]
    for path in series:
        image: Any = ome_zarr_models.open_ome_zarr(group[path])
        multiscale = image.ome_attributes.multiscales[0]
        scale = multiscale.datasets[0].coordinateTransformations[0].scale
        assert (scale[-2:], multiscale.axes[-1].unit) == ([0.08, 0.08], "micrometer")
        channels = group[path].attrs.asdict()["ome"]["omero"]["channels"]
        assert [channel["label"] for channel in channels][:3] == ["DAPI", "calreticulin", "tubulin"]
        assert [channel["color"] for channel in channels] == ["0000FF", "FFFF00", "FF0000", "00FF00"]


def test_ome_xml_names_every_image_its_channels_and_what_is_known_of_it(cm4ai: Passage) -> None:
    from ome_types import from_xml

    document = from_xml((cm4ai.store / "OME/METADATA.ome.xml").read_text(encoding="utf-8"))
    rows = index_of(cm4ai)
    assert [image.name for image in document.images] == [row["name"] for row in rows]
    assert [c.name for c in document.images[0].pixels.channels] == rows[0]["channels"]
    assert document.images[0].pixels.physical_size_x == 0.08
    facts = dict(document.images[3].annotation_refs[0].ref.value.items())
    assert facts == {fact: rows[3][fact] for fact in facts}
    assert facts["protein"] == rows[3]["protein"]


def test_measurements_name_the_protein(cm4ai: Passage) -> None:
    contribution = MODALITY.contribute(cm4ai.dataset(), cm4ai.asset, Place(str(cm4ai.folder)))
    assert contribution.analyte == "protein"
    assert contribution.counts == {"images": 6, "planes": 24, "channels": 24}
    own = {(m.label, m.analyte) for m in contribution.measurements}
    assert own == {("DAPI", "DNA"), *((name, "protein") for name in ("calreticulin", "tubulin", "USP7", "TRIM24"))}


def test_the_contact_sheet_shows_every_image(cm4ai: Passage) -> None:
    assert isinstance(cm4ai.product, Product)
    sheet = np.asarray(Image.open(cm4ai.folder / cm4ai.product.side_cars["thumbnail"]))
    assert sheet.shape == (2 * 8 + 2, 3 * 8 + 2 * 2, 3)
    tiles = [sheet[y : y + 8, x : x + 8] for y in (0, 10) for x in (0, 10, 20)]
    assert len({tile.tobytes() for tile in tiles}) == 6
    assert all(tile.any() for tile in tiles)


def test_all_channels_of_a_field_are_one_file_on_each_level(cm4ai: Passage) -> None:
    shards = [path for path in cm4ai.store.rglob("*") if path.is_file() and "c" in path.parts[-6:-1]]
    assert len(shards) == 6


def test_the_same_set_gives_the_same_bytes(cm4ai: Passage, tmp_path: Path) -> None:
    again = carry(Path(cm4ai.asset.files[0].path), tmp_path / "again", LARGE, **TOLD)
    for path in (p for p in cm4ai.folder.rglob("*") if p.is_file()):
        assert path.read_bytes() == (again.folder / path.relative_to(cm4ai.folder)).read_bytes(), path.name


def test_a_warning_of_many_images_is_one_finding(cm4ai: Passage, tmp_path: Path) -> None:
    assert not cm4ai.codes
    passage = carry(Path(cm4ai.asset.files[0].path), tmp_path / "out", LARGE)
    assert [(finding.code, finding.count) for finding in passage.findings] == [("IMG-020", 6)]


# --- other names and tables --------------------------------------------------------------------------------------


def test_a_template_of_the_submitter_tells_folders_and_planes(carried: Through) -> None:
    planes = {(c, z): gray(10 * c + z) for c in range(2) for z in range(3)}
    members = {f"drug A/TP53/{'ab'[c]}{z + 8}.png": png(pixels) for (c, z), pixels in planes.items()}
    members |= {name.replace("drug A", "drug B"): data for name, data in members.items()}
    passage = carried(
        members, member_names="{treatment}/{protein}/{channel}{z}", channels="b=DAPI, a=protein of interest"
    )
    rows = index_of(passage)
    assert [(row["treatment"], row["protein"], row["channels"]) for row in rows] == [
        ("drug A", "TP53", ["DAPI", "TP53"]),
        ("drug B", "TP53", ["DAPI", "TP53"]),
    ]
    stored = passage.pixels(image="1")
    assert stored.shape == (1, 2, 3, 20, 30)
    assert all((stored[0, 1 - c, z] == pixels).all() for (c, z), pixels in planes.items())


def test_images_of_other_formats_and_kinds_of_pixel_make_fields_of_their_own(carried: Through) -> None:
    stack = ramp(2, 3, 17, 19)
    members = {
        "stack.ome.tif": tiff(stack, ome=True, metadata={"axes": "CZYX", "Channel": {"Name": ["a", "b"]}}),
        "deep.tif": tiff(gray(1, dtype="float32")),
        "photo.png": png(gray(2, 9, 11, 3)),
    }
    passage = carried(members)
    rows = {row["name"]: row for row in index_of(passage)}
    assert [row["dtype"] for row in rows.values()] == ["float32", "uint8", stack.dtype.name]
    assert rows["stack.ome.tif"]["channels"] == ["a", "b"]
    assert (passage.pixels(image=rows["stack.ome.tif"]["path"])[0] == stack).all()
    assert (passage.pixels(image=rows["photo.png"]["path"])[0, :, 0] == np.moveaxis(gray(2, 9, 11, 3), -1, 0)).all()
    assert only(passage, "IMG-042").count == 3


def test_colour_images_keep_all_their_samples(carried: Through) -> None:
    pixels = {colour: gray(number, 9, 11, 3) for number, colour in enumerate(("blue", "green"))}
    passage = carried({f"7_C5_1_{colour}.png": png(own) for colour, own in pixels.items()})
    (row,) = index_of(passage)
    parts = [f"{channel} {sample}" for channel in ("DAPI", "protein of interest") for sample in "RGB"]
    assert (row["path"], row["channels"]) == ("", parts)
    expected = np.concatenate([np.moveaxis(pixels[colour], -1, 0) for colour in ("blue", "green")])
    assert (passage.pixels()[0, :, 0] == expected).all()


def test_a_table_in_the_submission_tells_what_names_do_not(carried: Through) -> None:
    table = "file\tprotein\tantibody\na.png\tTP53\tHPA1\nsub/b.png\tMYC\tHPA2\n"
    passage = carried({"a.png": png(gray(1)), "sub/b.png": png(gray(2))}, images=table)
    assert [(row["name"], row["protein"], row["antibody"]) for row in index_of(passage)] == [
        ("a.png", "TP53", "HPA1"),
        ("sub/b.png", "MYC", "HPA2"),
    ]


@pytest.mark.parametrize("well", ["C1", "C01", "c1"])
def test_the_older_table_of_cm4ai_is_found_by_treatment_well_and_region(carried: Through, well: str) -> None:
    table = f"Antibody ID\tENSEMBL ID\tTreatment\tWell\tRegion\nCAB079904\tENSG00000187555\tuntreated\t{well}\tR1\n"
    members = {f"blue/B2AI_1_Untreated_C1_R{r}_z01_blue.jpg": png(gray(r)) for r in (1, 2)}
    members = {name.replace(".jpg", ".png"): data for name, data in members.items()}
    passage = carried({**members, "antibody_gene_table.tsv": table.encode()})
    assert [(row["region"], row["gene"], row["antibody"]) for row in index_of(passage)] == [
        ("R1", "ENSG00000187555", "CAB079904"),
        ("R2", None, None),
    ]
    assert only(passage, "IMG-050").where == "set.zip: blue/B2AI_1_Untreated_C1_R2_z01_blue.png"


def test_what_packers_add_and_documents_are_no_images(carried: Through) -> None:
    members = {"a.png": png(gray(1)), "__MACOSX/._a.png": b"x", ".DS_Store": b"x", "README": b"words", "x.json": b"{}"}
    passage = carried(members)
    assert len(index_of(passage)) == 1
    assert passage.codes == ["IMG-042", "IMG-020"]


# --- what is refused ---------------------------------------------------------------------------------------------

BLUE, GREEN = "1_C5_1_blue.png", "1_C5_1_green.png"
FAULTS: dict[str, tuple[dict[str, bytes], dict[str, str], str, str]] = {
    "nothing": ({}, {}, "IMG-040", "0 members: none"),
    "no image": ({"a.txt": b"x"}, {}, "IMG-040", "1 members: a.txt"),
    "programs": ({"a.png": png(gray(1)), "run.exe": b"MZ"}, {}, "IMG-041", "run.exe"),
    "sizes": ({BLUE: png(gray(1)), GREEN: png(gray(2, 9, 9))}, {}, "IMG-043", "9 x 9 pixels of uint8"),
    "kinds": ({BLUE: png(gray(1)), GREEN: png(gray(2, dtype="uint16"))}, {}, "IMG-043", "uint16"),
    "channel": (
        {BLUE: png(gray(1)), GREEN: png(gray(2)), "1_C6_1_blue.png": png(gray(3))}, {},
        "IMG-044", "no image of protein of interest",
    ),
    "plane": (
        {f"{name}.png": png(gray(1)) for name in ("a_1", "a_2", "b_1")}, {"member_names": "{channel}_{z}"},
        "IMG-045", "no image for b z2",
    ),
    "twice": (
        {f"{folder}/{BLUE}": png(gray(1)) for folder in ("blue", "Blue2")}
        | {f"blue/1_C5_1_{name}.tif": tiff(gray(1)) for name in ("blue",)}, {},
        "IMG-046", "the place of blue/1_C5_1_blue.png",
    ),
    "pages": ({BLUE.replace("png", "tif"): tiff(gray(1, 3, 9, 9))}, {}, "IMG-047", "3 time points"),
    "contradiction": (
        {BLUE: png(gray(1)), "t.csv": b"file,well\n" + BLUE.encode() + b",C6\n"}, {},
        "IMG-048", "well 'C5', but 'C6' in t.csv",
    ),
    "said otherwise": (
        {"B2AI_1_Paclitaxel_C1_R1_z01_blue.png": png(gray(1))}, {"treatment": "untreated"},
        "IMG-048", "treatment 'Paclitaxel', but 'untreated' in the submission",
    ),
    "table": ({BLUE: png(gray(1)), "t.csv": b"colour\nred\n"}, {}, "IMG-049", "no column says which image"),
    "columns": ({BLUE: png(gray(1)), "t.csv": b"file,gene,protein\n"}, {}, "IMG-049", "two columns say the same"),
    "encoding": ({BLUE: png(gray(1)), "t.csv": b"file,treatment\na,\xff"}, {}, "IMG-049", "not UTF-8"),
    "rows": (
        {BLUE: png(gray(1)), "t.csv": f"file,protein\n{BLUE},A\n{BLUE},B\n".encode()}, {},
        "IMG-050", "rows that differ",
    ),
    "template": ({BLUE: png(gray(1))}, {"member_names": "{colour}"}, "IMG-051", "{colour} is unknown"),
    "size": ({BLUE: png(gray(1))}, {"pixel_size_um": "wide"}, "IMG-051", "'wide'"),
    "lies": ({"a.jpg": png(gray(1))}, {}, "FMT-001", "png content"),
    "damaged": ({"a.png": png(gray(1))[:-20]}, {}, "IMG-002", "a PNG that ends"),
    "not an image": ({"a.png": b"<html>"}, {}, "IMG-006", "no kind of image"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_what_does_not_fit_together_is_a_finding_that_names_the_member(what: str, carried: Through) -> None:
    members, told, code, words = FAULTS[what]
    finding = only(carried(members, **told), code)
    assert words in finding.found
    assert finding.where.startswith("set.zip") or finding.where.startswith("annotations")


def test_many_bad_members_are_one_finding(carried: Through) -> None:
    passage = carried({f"{number}.png": b"<html>" for number in range(40)})
    assert (only(passage, "IMG-006").count, only(passage, "IMG-006").where) == (40, "set.zip: 0.png")


@pytest.mark.parametrize("what", [*HOSTILE, *UNSOUND])
def test_a_hostile_archive_is_not_described(what: str, tmp_path: Path, through: Carry) -> None:
    make, code, _ = (HOSTILE | UNSOUND)[what]
    data = make()
    path = written(tmp_path, data)
    passage = through(path)
    assert isinstance(passage.description, Unreadable)
    codes = {finding.code for finding in passage.description.findings}
    if data.startswith(b"PK\x03\x04"):
        assert codes & {code, "IMG-040"}
    else:
        assert codes == {"IMG-006"}


def test_a_hostile_set_of_the_demonstration_names_the_member(tmp_path: Path, through: Carry) -> None:
    write_hostile_zip(tmp_path / "hostile.zip")
    passage = through(tmp_path / "hostile.zip")
    finding = only(passage, "ARC-001")
    assert finding.where == "hostile.zip: ../../escape.jpg"


# --- recognition -------------------------------------------------------------------------------------------------


def recognised(path: Path) -> tuple[str, float] | None:
    """What the modality makes of a file, as `receive` asks it."""
    found = MODALITY.recognise(head(path, path.name))
    return None if found is None else (found.format, found.certainty)


def test_a_zip_is_a_set_by_what_it_holds(tmp_path: Path) -> None:
    images = {f"{number}.jpg": b"x" for number in range(5)}
    parts = {f"word/{number}.xml": b"x" for number in range(9)}
    assert recognised(written(tmp_path, zipped(images), "set.zip")) == ("image-set", 0.9)
    assert recognised(written(tmp_path, zipped(images), "odd name")) == ("image-set", 0.9)
    assert recognised(written(tmp_path, zipped({**images, **parts}), "text.docx")) is None
    assert recognised(written(tmp_path, zipped(parts), "text.zip")) == ("image-set", 0.1)
    assert recognised(written(tmp_path, zipped(images)[:60], "cut.zip")) == ("image-set", 0.9)
    assert recognised(written(tmp_path, zipped({}), "empty.zip")) == ("image-set", 0.1)


def test_a_cut_set_is_told_to_be_cut(tmp_path: Path, through: Carry) -> None:
    path = written(tmp_path, zipped({"a.png": png(gray(1))})[:-30], "cut.zip")
    assert only(through(path), "ARC-008").where == "cut.zip"


def test_a_set_under_another_name_is_refused(carried: Through) -> None:
    finding = only(carried({"1_C5_1_blue.png": png(gray(1))}, name="set.tiff"), "FMT-001")
    assert (finding.found, finding.expected) == ("image-set content", "tiff or ome-tiff")


def test_the_description_tells_every_field(cm4ai: Passage) -> None:
    assert isinstance(cm4ai.description, Description)
    scenes: Any = cm4ai.description.facts["scenes"]
    assert [scene["facts"]["treatment"] for scene in scenes] == ["Paclitaxel"] * 2 + ["untreated"] * 2 + [
        "Vorinostat"
    ] * 2
    assert (cm4ai.description.format, cm4ai.description.reader) == ("image-set", "image set")


def test_what_a_set_takes_at_a_time_is_a_whole_plane(tmp_path: Path, through: Carry) -> None:
    members = {"tiled.tif": tiff(gray(1, 64, 48, dtype="uint16"), tile=(16, 16))}
    passage = through(written(tmp_path, zipped(members)))
    assert isinstance(passage.description, Description)
    assert passage.description.facts["largest_segment_bytes"] == 64 * 48 * 2


def test_a_set_larger_than_is_decoded_at_a_time_is_held(tmp_path: Path, through: Carry) -> None:
    path = written(tmp_path, zipped({"a.png": png(gray(1, 1200, 1000))}))
    finding = only(through(path, admit=ImagingAdmit(max_chunk_mb=1)), "IMG-003")
    assert finding.found == "1 MB in one piece"
