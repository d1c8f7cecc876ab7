"""Tiny mzML documents, written out by hand so that each test can break one thing; and the independent reader."""

from __future__ import annotations

import base64
import importlib.util
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from catchment.massspec import MODALITY
from catchment.massspec.verify import NoTerms
from catchment.schema.records import Asset, Dataset, Description, Product, SourceFile
from catchment.storage import Place, stored_files

PSI = "http://psi.hupo.org/ms/mzml"
MZ = '<cvParam cvRef="MS" accession="MS:1000514" name="m/z array" unitCvRef="MS" unitAccession="MS:1000040"/>'
INTENSITY = (
    '<cvParam cvRef="MS" accession="MS:1000515" name="intensity array" unitCvRef="MS" unitAccession="MS:1000131"/>'
)
ZLIB = '<cvParam cvRef="MS" accession="MS:1000574" name="zlib compression"/>'
PLAIN = '<cvParam cvRef="MS" accession="MS:1000576" name="no compression"/>'
FLOAT64 = '<cvParam cvRef="MS" accession="MS:1000523" name="64-bit float"/>'
KIND = (
    '<cvParam cvRef="MS" accession="MS:1000579" name="MS1 spectrum"/>'
    '<cvParam cvRef="MS" accession="MS:1000128" name="profile spectrum"/>'
)
MINUTE = 'unitCvRef="UO" unitAccession="UO:0000031" unitName="minute"'


def encoded(values: Any, *, compressed: bool = True) -> str:
    data = np.asarray(values, "<f8").tobytes()
    return base64.b64encode(zlib.compress(data) if compressed else data).decode()


def array(text: str, kind: str, compression: str = ZLIB, precision: str = FLOAT64, length: str = "") -> str:
    return (
        f'<binaryDataArray encodedLength="{len(text)}"{length}>{precision}{compression}{kind}'
        f"<binary>{text}</binary></binaryDataArray>"
    )


def arrays(mz: Any, intensity: Any) -> str:
    both = array(encoded(mz), MZ) + array(encoded(intensity), INTENSITY)
    return f'<binaryDataArrayList count="2">{both}</binaryDataArrayList>'


def spectrum(
    number: int,
    mz: Any = (100.0, 200.0, 300.0),
    intensity: Any = (1.0, 5.0, 2.0),
    *,
    id_: str | None = None,
    length: object = None,
    level: str = '<cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="1"/>',
    kind: str = KIND,
    time: str | None = None,
    body: str | None = None,
    extra: str = "",
) -> str:
    """Return one spectrum; `body` stands in for its arrays."""
    scan = time if time is not None else f'accession="MS:1000016" name="scan start time" value="{number}" {MINUTE}'
    return (
        f'<spectrum index="{number}" id="{id_ if id_ is not None else f"scan={number + 1}"}"'
        f' defaultArrayLength="{len(mz) if length is None else length}">{level}{kind}{extra}'
        f'<scanList count="1"><cvParam cvRef="MS" accession="MS:1000795" name="no combination"/>'
        f'<scan><cvParam cvRef="MS" {scan}/></scan></scanList>'
        f"{arrays(mz, intensity) if body is None else body}</spectrum>\n"
    )


def run(*spectra: str, declared: object = None, version: str = "1.1.0", head: str = "", tail: str = "") -> str:
    """Return a plain mzML document; `head` stands before the spectra's run, `tail` after their list."""
    count = len(spectra) if declared is None else declared
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<mzML xmlns="{PSI}" id="tiny" version="{version}">'
        '<cvList count="2"><cv id="MS" fullName="PSI-MS" URI="ms"/><cv id="UO" fullName="UO" URI="uo"/></cvList>'
        '<fileDescription><fileContent><cvParam cvRef="MS" accession="MS:1000579" name="MS1 spectrum"/></fileContent>'
        "</fileDescription>"
        f'{head}<softwareList count="1"><software id="hand" version="1">'
        '<cvParam cvRef="MS" accession="MS:1000799" name="custom unreleased software tool" value="hand"/>'
        "</software></softwareList>"
        '<instrumentConfigurationList count="1"><instrumentConfiguration id="IC">'
        '<cvParam cvRef="MS" accession="MS:1001911" name="Q Exactive"/>'
        "</instrumentConfiguration></instrumentConfigurationList>"
        '<dataProcessingList count="1"><dataProcessing id="DP"><processingMethod order="0" softwareRef="hand">'
        '<cvParam cvRef="MS" accession="MS:1000544" name="Conversion to mzML"/></processingMethod>'
        "</dataProcessing></dataProcessingList>"
        '<run id="r" defaultInstrumentConfigurationRef="IC" startTimeStamp="2026-01-15T09:30:00Z">'
        f'<spectrumList count="{count}" defaultDataProcessingRef="DP">\n{"".join(spectra)}</spectrumList>\n'
        f"{tail}</run></mzML>\n"
    )


def asset_of(path: Path, name: str | None = None, **more: Any) -> Asset:
    """Return an asset as it is received: a file, or a folder with all that is in it."""
    found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    names = {one: one.relative_to(path.parent).as_posix() if path.is_dir() else name or path.name for one in found}
    files = tuple(
        SourceFile(path=str(one), name=names[one], bytes=one.stat().st_size, sha256="0" * 64) for one in found
    )
    if path.is_dir():
        more = {"folder": path.name, **more}
    own = {"accession": "CAT00000017A", "modality": "massspec", "asset": "run", "dataset": "CAT00000017A.D0001"}
    return Asset.model_validate({**own, "format": "mzml", "files": files, **more})


def written(folder: Path, text: str | bytes, name: str = "tiny.mzML") -> Asset:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return asset_of(path)


def admitted(asset: Asset, **settings: Any) -> tuple[Description, dict[str, Any], dict[str, str]]:
    """Return description, statistics, and level by code of every finding."""
    description = MODALITY.describe(asset)
    assert isinstance(description, Description), description
    admission = MODALITY.validate(description, asset, MODALITY.admit_settings(**settings))
    return description, dict(admission.statistics), {found.code: found.level for found in admission.findings}


def converted(asset: Asset, folder: Path) -> tuple[Product, Path]:
    """Convert into a folder; return the product and the path of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    description = MODALITY.describe(asset)
    assert isinstance(description, Description), description
    product = MODALITY.convert(asset, description, Place(str(folder)), MODALITY.convert_settings())
    assert isinstance(product, Product), product
    return product, folder / product.path


def dataset_of(asset: Asset, product: Product, folder: Path) -> Dataset:
    return Dataset(
        accession=asset.accession,
        modality="massspec",
        asset=asset.asset,
        dataset=asset.dataset,
        store="store",
        product=product,
        files=stored_files(folder),
        metrics=MODALITY.measure(product, Place(str(folder))),
    )


def opened(path: Path, *, by_index: bool = True) -> Any:
    """Return pyteomics' reader of a file: through the file's own index, or from front to back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # psims misses an optional plugin
        from pyteomics import mzml
    if by_index:
        return mzml.PreIndexedMzML(str(path), huge_tree=True, cv=NoTerms())
    return mzml.MzML(str(path), use_index=False, huge_tree=True, cv=NoTerms())


def schema_errors(path: Path) -> list[str]:
    """Return what the XSD of (indexed) mzML holds against a file."""
    spec = importlib.util.find_spec("psims")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "validation" / "xsd"
    document = etree.parse(path)
    name = "mzML1.1.2_idx.xsd" if document.getroot().tag.endswith("indexedmzML") else "mzML1.1.0.xsd"
    schema = etree.XMLSchema(etree.parse(folder / name))
    schema.validate(document)
    return [str(error) for error in schema.error_log]
