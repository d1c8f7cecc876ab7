"""A published catalogue opened for questions: its Parquet tables in a DuckDB that can reach nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catchment.errors import BadInput
from catchment.schema.tables import TABLES

Row = dict[str, Any]


class Catalogue:
    """The tables of one catalogue. Values reach SQL as bound parameters only, never as its text."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.folder = folder
        self._connection = connection
        self._loaded: set[str] = set()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None, *, tables: tuple[str, ...]) -> list[Row]:
        """Return the rows that a query of ours gives over the named tables, which are read when first asked for."""
        for name in tables:
            if name not in self._loaded:
                self._connection.register(name, read_table(self.folder, name))
                self._loaded.add(name)
        result = self._connection.execute(sql, dict(parameters or {}))
        names = [column[0] for column in result.description]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


@contextlib.contextmanager
def open_catalogue(place: Path) -> Iterator[Catalogue]:
    """Yield the catalogue of a release folder, or of its `catalogue` folder.

    Raises
    ------
    BadInput
        Where there is none, or one whose tables this program cannot read.
    """
    folder = place if (place / "datasets.parquet").is_file() else place / "catalogue"
    if not (folder / "datasets.parquet").is_file():
        raise BadInput(f"{place}: no catalogue here; give the folder of a release, such as build/releases/2026.1")
    options: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(":memory:", config=options) as connection:
        yield Catalogue(folder, connection)


def read_table(folder: Path, name: str) -> pa.Table:
    """Return one table with the columns that this program declares.

    Raises
    ------
    BadInput
        Where the file is missing, no Parquet, or lacks a column.
    """
    path = folder / f"{name}.parquet"
    try:
        # ParquetFile takes the name as it is: no patterns, no other schemes, no partitions read from folder names
        with pq.ParquetFile(path) as file:
            missing = [field.name for field in TABLES[name] if field.name not in file.schema_arrow.names]
            if missing:
                raise BadInput(
                    f"{path}: no column {', '.join(missing)}; the catalogue is of another version of catchment"
                )
            return file.read(columns=TABLES[name].names).cast(TABLES[name])
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a readable table ({reason}); check the release with `catchment audit`") from error
