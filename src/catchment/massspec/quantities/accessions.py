"""UniProt accessions in the names that search engines give to protein groups. Pure."""

from __future__ import annotations

import re

# https://www.uniprot.org/help/accession_numbers, with the number of an isoform
ACCESSION = re.compile(r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-[0-9]{1,3})?")
SEPARATORS = re.compile(r"[;,\s]+")
DATE = re.compile(
    r"[0-9]{1,2}[-.](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|(?:Mar|Sep|Dec)[-.][0-9]{1,2}", re.IGNORECASE
)


def accessions_in(text: str) -> tuple[str, ...]:
    """Return the UniProt accessions in the name of a protein group, each once, in its order, isoforms kept.

    Understood are bare accessions and FASTA names (`sp|P04637|P53_HUMAN`), with or without a prefix of a program.
    """
    found: dict[str, None] = {}
    for token in SEPARATORS.split(text.strip()):
        pieces = token.split("|")
        named = pieces[1] if len(pieces) > 2 else pieces[0]
        bare = named.rpartition("_")[2] if named.upper().startswith(("CON_", "REV_", "CONT_", "DECOY_")) else named
        if ACCESSION.fullmatch(bare):
            found[bare] = None
    return tuple(found)


def canonical(accessions: tuple[str, ...]) -> tuple[str, ...]:
    """Return accessions without the numbers of isoforms, each once."""
    return tuple(dict.fromkeys(accession.partition("-")[0] for accession in accessions))


def symbols_in(text: str) -> tuple[str, ...]:
    """Return the gene symbols of a protein group, each once, in their order."""
    return tuple(dict.fromkeys(token for token in re.split(r"[;,\s]+", text.strip()) if token))


def is_date(symbol: str) -> bool:
    """Tell whether a gene symbol looks like what a spreadsheet makes of SEPT2 or MARCH1."""
    return bool(DATE.fullmatch(symbol))
