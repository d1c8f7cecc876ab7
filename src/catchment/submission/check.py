"""Sample facts held against cross-modality metadata 1.1.0: allowed values, and terms of the pinned ontologies."""

from __future__ import annotations

from collections.abc import Iterable

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.submission import rules
from catchment.submission.draft import DraftSample

TISSUE_TYPES = ("cell culture", "cell line", "organelle", "organoid", "primary cell culture", "tissue", "unknown")
# field -> ontologies whose terms it takes; stages and tissues of an organism may come from its own ontology as well
ONTOLOGIES = {
    "organism_ontology_term_id": ("NCBITaxon",),
    "tissue_ontology_term_id": ("UBERON", "CL", "CVCL", "ZFA", "FBbt", "WBbt"),
    "disease_ontology_term_id": ("MONDO", "PATO"),
    "development_stage_ontology_term_id": ("HsapDv", "MmusDv", "ZFS", "FBdv", "WBls", "UBERON"),
    "sex_ontology_term_id": ("PATO",),
}


def sample_findings(samples: Iterable[DraftSample]) -> dict[str, list[Finding]]:
    """Return the faults in the facts of each sample, by its id, each with the field."""
    return {sample.id: faults_of(sample) for sample in samples}


def faults_of(sample: DraftSample) -> list[Finding]:
    """Return every fault in the facts of one sample."""
    findings = []
    for field, ontologies in ONTOLOGIES.items():
        fault = term_fault(getattr(sample, field), ontologies, f"sample {sample.id}: {field}")
        if fault is not None:
            findings.append(fault)
    if sample.tissue_type not in TISSUE_TYPES:
        where = f"sample {sample.id}: tissue_type"
        findings.append(rules.BAD_VALUE.broken(where, sample.tissue_type, expected=", ".join(TISSUE_TYPES)))
    return findings


def term_fault(term: str, ontologies: tuple[str, ...], where: str) -> Finding | None:
    """Return what is wrong with one term, if anything."""
    if term in vocabulary.NOT_A_TERM:
        return None
    if vocabulary.prefix(term) not in ontologies:
        return rules.UNKNOWN_TERM.broken(where, term, expected=f"a term of {' or '.join(ontologies)}")
    if vocabulary.label(term) is None:
        if vocabulary.prefix(term) == vocabulary.TAXONOMY:
            return rules.NOT_CHECKED.broken(where, f"{term}, a taxon outside the table of organisms")
        return rules.UNKNOWN_TERM.broken(where, f"{term}, which does not exist")
    if vocabulary.is_deprecated(term):
        return rules.UNKNOWN_TERM.broken(where, f"{term}, which is obsolete")
    return None
