"""`croissant.json`: the release as Croissant 1.1, so that machine-learning tools load its tables as they are. Pure.

Only Parquet can be loaded through Croissant; SOMA, OME-Zarr, mzML and H5AD are declared with their digests.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from catchment.release.contents import Contents, Row, address_of, tree_digest
from catchment.schema.records import StoredFile
from catchment.schema.tables import KEYS, TABLES, TERM_FIELDS, id_column

Document = dict[str, Any]
RECORD_SETS = ("studies", "datasets", "samples", "images", "files", "declared")
FORMATS = {
    "soma": "application/x-tiledb",
    "ome-zarr": "application/vnd+zarr",
    "mzml": "application/mzml+xml",
    "h5ad": "application/x-hdf5",
}
PARQUET = "application/x-parquet"

# Croissant 1.1, "Appendix 1: JSON-LD context"
CONTEXT: Document = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def draw_croissant(contents: Contents) -> Document:
    """Return the Croissant document of a release."""
    settings = contents.settings
    name = f"{settings.title} {contents.release}"
    tables = [file for file in contents.files if file.path.endswith(".parquet") and is_table(file.path)]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": contents.url,
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "description": contents.description,
        "url": contents.url,
        "version": contents.release,
        "datePublished": contents.published.isoformat(),
        "license": contents.licence_url,
        "creator": {"@type": "sc:Organization", "name": settings.publisher},
        "publisher": {"@type": "sc:Organization", "name": settings.publisher},
        "citeAs": f"{settings.publisher} ({contents.published.year}). {name}. {contents.url}",
        "isAccessibleForFree": True,
        "keywords": contents.keywords,
        "variableMeasured": measured_terms(contents),
        "distribution": [
            *(table_file(file) for file in tables),
            *(dataset_file(contents, row) for row in contents.datasets if row["path"]),
        ],
        "recordSet": [
            record_set(table) for table in RECORD_SETS if any(file.path == table_path(table) for file in contents.files)
        ],
    }


def is_table(path: str) -> bool:
    """Tell whether a file is a table of the release itself, not one inside a dataset."""
    return path.startswith(("catalogue/", "census/")) and path.count("/") == 1


def table_path(name: str) -> str:
    """Return where a table of the catalogue lies in a release."""
    return f"catalogue/{name}.parquet"


def file_object(id_: str, path: str, encoding: str, size: int, sha256: str, words: str) -> Document:
    """Return a file (or a folder that stands for one) that the release distributes."""
    return {
        "@type": "cr:FileObject",
        "@id": id_,
        "name": id_,
        "description": words,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def table_file(file: StoredFile) -> Document:
    """Return a Parquet table."""
    words = f"Parquet table {file.path} of the release"
    return file_object(file.path, file.path, PARQUET, file.bytes, file.sha256, words)


def dataset_file(contents: Contents, row: Row) -> Document:
    """Return a dataset in its open format; for a folder, the sha256 of its sorted `sha256  path` lines."""
    size = sum(file.bytes for file in contents.below(row["path"]))
    words = f"{row['title']} ({row['modality']}, {row['format']})"
    sha256 = tree_digest(contents, row["path"])
    found = file_object(row["dataset_id"], row["path"], FORMATS[row["format"]], size, sha256, words)
    licence = contents.licences.get(row["study_id"])
    return found | ({"license": address_of(licence)} if licence else {})


def record_set(name: str) -> Document:
    """Return one table of the catalogue as records that can be loaded."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"One record for each row of the catalogue's table of {name}",
        "key": {"@id": f"{name}/{KEYS[name]}"},
        "field": [field(name, column) for column in TABLES[name]],
    }


def field(table: str, column: pa.Field) -> Document:
    """Return one column: its type, and where to read it."""
    is_list = pa.types.is_list(column.type)
    kind = column.type.value_type if is_list else column.type
    found: Document = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "description": column.name.replace("_", " "),
        "dataType": data_type(kind),
        "source": {"fileObject": {"@id": table_path(table)}, "extract": {"column": column.name}},
    }
    return found | {"repeated": True} if is_list else found


def data_type(kind: pa.DataType) -> str:
    """Return schema.org's name for a column's type."""
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    return "sc:Integer" if pa.types.is_integer(kind) else "sc:Text"


def measured_terms(contents: Contents) -> list[Document]:
    """Return the cross-modality fields of the release, each with every term that a dataset has."""
    fields = [(id_column(name), id_column(name)) for name in TERM_FIELDS] + [("analyte", "analytes")]
    return [
        {
            "@type": "sc:PropertyValue",
            "name": name,
            "value": sorted({value for row in contents.datasets for value in row[column]}),
        }
        for name, column in fields
    ]
