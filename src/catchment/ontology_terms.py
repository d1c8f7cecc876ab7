"""The terms of one pinned ontology, each parsed when it is asked for.

An ontology is one JSON object, `{"CL:0000000":{"ancestors":...}, ...}`, of 13 MB (UBERON), 17 MB (MONDO). To parse all
of it takes 0.2 s and ten times its size in memory; to cut it into terms, a tenth of that. Quotes inside a text are
escaped, so what stands between the id of a term and the value of its first field is found nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard
from cellxgene_ontology_guide._constants import DATA_ROOT, ONTOLOGY_FILENAME_SUFFIX
from cellxgene_ontology_guide.supported_versions import CXGSchema

# the first term of an ontology, up to the value of its first field (`ancestors`; of UniProt, `label`)
START = re.compile(rb'\{"[^"]+(":\{"[^"]+":)')


class Terms(Mapping[str, dict[str, Any]]):
    """Terms by id, from the text of an ontology.

    Raises
    ------
    ValueError
        Where the text does not begin as that of an ontology does.
    """

    def __init__(self, text: bytes) -> None:
        start = START.match(text)
        if start is None:
            raise ValueError(f"not an ontology as the guide writes them: {text[:80]!r}")
        self._opening = start[1].decode()[2:]
        head, *self._parts = text.split(start[1])
        ends = [head, *self._parts[:-1]]
        self._place = {end[end.rfind(b'"') + 1 :].decode(): number for number, end in enumerate(ends)}
        self._parsed: dict[str, dict[str, Any]] = {}
        self._decoder = json.JSONDecoder()

    def __getitem__(self, term: str) -> dict[str, Any]:
        if term not in self._parsed:
            part = self._parts[self._place[term]]
            # what follows the term, the id of the next or the end of the object, is left over
            self._parsed[term], _ = self._decoder.raw_decode(self._opening + part.decode())
        return self._parsed[term]

    def __contains__(self, term: object) -> bool:
        return term in self._place

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)


class Ontologies(CXGSchema):  # type: ignore[misc]  # the guide has no types
    """The ontologies of one version of the CELLxGENE schema, as its guide has them."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._loaded: dict[str, Terms] = {}

    def ontology(self, name: str) -> Terms:
        """Return the terms of an ontology.

        Raises
        ------
        ValueError
            Where the schema has no such ontology.
        """
        if name not in self.supported_ontologies:
            raise ValueError(f"{name} is no ontology of schema {self.version}")
        if name not in self._loaded:
            version = self.supported_ontologies[name]["version"]
            path = Path(DATA_ROOT, f"{name}-ontology-{version}{ONTOLOGY_FILENAME_SUFFIX}")
            self._loaded[name] = Terms(zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()))
        return self._loaded[name]
