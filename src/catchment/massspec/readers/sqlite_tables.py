"""Tables of a stranger's SQLite file: opened read-only, nothing in it is run, and every value has its type checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from catchment.massspec import rules
from catchment.massspec.faults import Broken, shown

Row = dict[str, Any]
MAX_ROWS = 50_000_000
MAX_VALUE_BYTES = 1 << 20
STEPS_BETWEEN_LOOKS = 1_000_000
MAX_LOOKS = 5_000  # some minutes; a table of 10 million rows takes 2,000

# what Python's sqlite3 raises on a damaged file; the last where even SQLite's complaint quotes bytes that are no text
REFUSED = (sqlite3.Error, OverflowError, UnicodeDecodeError)


class Tables:
    """The plain tables of a database; views, virtual tables and triggers of the file are never touched.

    Raises
    ------
    Broken
        Where it is no database, or damaged.
    """

    def __init__(self, path: Path) -> None:
        require_whole(path)
        try:
            # immutable: no lock, no journal, no other file is looked at
            self.connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
            self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            self.connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            self.connection.text_factory = lambda data: data.decode("utf-8", "replace")
            self.looks = 0
            self.connection.set_progress_handler(self.patience, STEPS_BETWEEN_LOOKS)
            for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            found = self.connection.execute("SELECT name, type, sql FROM sqlite_schema").fetchall()
        except REFUSED as error:
            raise damaged(error) from None
        self.names = {
            name.lower(): name
            for name, type_, sql in found
            if type_ == "table" and not str(sql).upper().lstrip().startswith("CREATE VIRTUAL")
        }

    def __enter__(self) -> Tables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def patience(self) -> int:
        """Tell SQLite to give up on a query that takes more steps than any honest table has."""
        self.looks += 1
        return int(self.looks > MAX_LOOKS)

    def has(self, table: str) -> bool:
        """Tell whether there is a plain table of this name."""
        return table.lower() in self.names

    def rows(self, table: str, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
        """Yield the rows of a table, in the order of its first column, with the columns that it has of those asked for.

        Raises
        ------
        Broken
            Where the table or a column that is not optional is missing, or the file is damaged.
        """
        if not self.has(table):
            raise Broken(rules.TDF_DAMAGED, f"no table {table}", where="analysis.tdf")
        try:
            own = {row[1].lower() for row in self.connection.execute(f'PRAGMA table_info("{table}")')}
            missing = [column for column in columns if column.lower() not in own]
            if missing:
                raise Broken(rules.TDF_DAMAGED, f"no column {missing[0]}", where=f"table {table}")
            chosen = [*columns, *(column for column in optional if column.lower() in own)]
            names = ", ".join(f'"{column}"' for column in chosen)
            query = f'SELECT {names} FROM "{table}" ORDER BY "{chosen[0]}"'  # noqa: S608 - the names are ours
            for count, row in enumerate(self.connection.execute(query)):
                if count >= MAX_ROWS:
                    raise Broken(rules.TDF_DAMAGED, f"more than {MAX_ROWS:,} rows", where=f"table {table}")
                yield dict(zip(chosen, row, strict=True))
        except REFUSED as error:
            raise damaged(error, f"table {table}") from None


def require_whole(path: Path) -> None:
    """Refuse a database that is shorter than its header says: a query that misses the lost pages would not notice.

    https://www.sqlite.org/fileformat.html, 1.3: page size at byte 16, pages at 28, valid where 24 and 92 agree.
    """
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100:
        raise Broken(rules.TDF_DAMAGED, f"{len(head)} bytes", where="analysis.tdf")
    page_bytes, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    expected = pages * (page_bytes if page_bytes != 1 else 1 << 16)
    if head[24:28] == head[92:96] and path.stat().st_size < expected:
        found = f"{path.stat().st_size:,} bytes, its header says {expected:,}"
        raise Broken(rules.TDF_DAMAGED, found, where="analysis.tdf")


def damaged(error: Exception, where: str = "analysis.tdf") -> Broken:
    """Return what SQLite says of a file that it cannot read."""
    said = "a name that is no text" if isinstance(error, UnicodeDecodeError) else str(error)
    return Broken(rules.TDF_DAMAGED, f"SQLite: {shown(said)}", where=where)
