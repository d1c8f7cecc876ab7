"""One question put to an open catalogue: its words, its terms, and the datasets that fit it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catchment.catalogue.connection import Catalogue, Row
from catchment.catalogue.expand import Asked, Terms
from catchment.schema.tables import COUNTED, SAMPLE_FIELDS, TERM_FIELDS, id_column

COLUMN = {field: id_column(field) for field in TERM_FIELDS} | {
    "analyte": "analytes",
    "modality": "modality",
    "stage": "stage",
    "feature_set": "feature_set",
}
SILENT: tuple[list[str], ...] = ([], ["unknown"])

# what words of free text are looked for in; every name here is a column of ours
STUDY_TEXT = "concat_ws(' ', s.study_id, s.title, s.description, s.collection, s.keywords, s.contributors)"
DATASET_TEXT = (
    "concat_ws(' ', d.dataset_id, d.title, d.analytes, d.proteins, d.instrument, d.source_format, d.format, "
    "d.modality, " + ", ".join(f"d.{field}" for field in TERM_FIELDS) + ")"
)
DATASET_COLUMNS = (
    "dataset_id", "study_id", "title", "modality", "stage", "analyte", "analytes", *TERM_FIELDS,
    *map(id_column, TERM_FIELDS), *(f"n_{what}" for what in COUNTED), "sample_ids", "feature_set",
    "held_reasons", "path",
)  # fmt: skip
STUDIES_HAVING = """
    SELECT study_id FROM datasets WHERE stage <> 'raw'
    GROUP BY study_id HAVING list_has_all(list(DISTINCT modality), $having::VARCHAR[])
"""
DATASET_TERMS = f"flatten([{', '.join(f'd.{id_column(field)}' for field in TERM_FIELDS)}])"


class Question:
    """One question on its way: what was asked, and the datasets that fit it."""

    def __init__(self, opened: Catalogue, terms: Terms, text: str, asked: list[Asked], having: set[str]) -> None:
        self.opened = opened
        self.words = sorted(set(text.lower().split()))
        self.named = terms.named(text) if text.strip() else {}
        self.asked = asked
        self.having = having
        self.features: frozenset[str] = frozenset()  # names of the genes and proteins that are asked for

    @property
    def is_open(self) -> bool:
        """Whether nothing was asked but words: then even a study without datasets, or a census file, may fit."""
        return not self.asked and not self.having

    def in_words(self, haystack: str) -> bool:
        """Tell whether every word occurs."""
        return all(word in haystack for word in self.words)

    def studies_having(self) -> set[str] | None:
        """Return the studies that have all asked modalities beyond stage `raw`; None where none were asked for."""
        if not self.having:
            return None
        rows = self.opened.rows(STUDIES_HAVING, {"having": sorted(self.having)}, tables=("datasets",))
        return {row["study_id"] for row in rows}

    def fitting_datasets(self, asked: Iterable[Asked] | None = None, with_text: bool = True) -> list[Row]:
        """Return the datasets that fit, by their id, with `matched`, and `words` where the text has any."""
        chosen = self.asked if asked is None else list(asked)
        conditions, parameters = ["TRUE"], dict[str, list[str]]()
        for number, one in enumerate(chosen):
            plain = one.field in ("modality", "stage", "feature_set")
            column = f"[d.{COLUMN[one.field]}]" if plain else f"d.{COLUMN[one.field]}"
            conditions.append(f"list_has_any({column}, $answers{number}::VARCHAR[])")
            parameters[f"answers{number}"] = sorted(one.answers)
        if with_text and self.words:
            conditions.append(
                f"(list_bool_and([contains(words, word) FOR word IN $words::VARCHAR[]])"
                f" OR list_has_any({DATASET_TERMS}, $named::VARCHAR[]))"
            )
            parameters |= {"words": self.words, "named": sorted(self.named)}
        if self.having:
            conditions.append(f"d.study_id IN ({STUDIES_HAVING})")
            parameters["having"] = sorted(self.having)
        # only where words are asked for: putting them together costs more than all the rest
        words = f"lower({DATASET_TEXT} || ' ' || {STUDY_TEXT})" if self.words else "''"
        sql = f"""
            SELECT {", ".join(f"d.{name}" for name in DATASET_COLUMNS)}, {words} AS words
            FROM datasets d JOIN studies s USING (study_id)
            WHERE {" AND ".join(conditions)} ORDER BY dataset_id
        """  # noqa: S608 - columns of ours only; every value is bound
        facts = self.sample_facts(chosen)
        return [
            row | {"matched": self.why(row, chosen)}
            for row in self.opened.rows(sql, parameters, tables=("datasets", "studies"))
            if samples_agree(row, chosen, facts)
        ]

    def fits_text(self, row: Row) -> bool:
        """Tell whether a dataset has every word, or the term that the text names, or one below it."""
        return self.in_words(row["words"]) or bool(self.named_by(row, TERM_FIELDS))

    def named_by(self, row: Row, fields: Iterable[str]) -> list[str]:
        """Return which terms of a row answer the text."""
        by_text = Asked("text", self.named)
        return [reason for field in fields for reason in by_text.matched(row[id_column(field)])]

    def why(self, row: Row, chosen: Iterable[Asked]) -> list[str]:
        """Return which terms of a dataset answered what was asked."""
        chosen = list(chosen)
        asked_terms = [one for one in chosen if one.field in TERM_FIELDS]
        reasons = [reason for one in asked_terms for reason in one.matched(row[COLUMN[one.field]])]
        reasons += [
            reason for one in chosen if one.field == "feature_set" for reason in one.matched([row["feature_set"]])
        ]
        return list(dict.fromkeys([*reasons, *self.named_by(row, TERM_FIELDS)]))

    def sample_facts(self, chosen: Iterable[Asked]) -> dict[str, Row]:
        """Return samples by accession where more than one of their own fields is asked: they tell which go together."""
        if sum(one.field in SAMPLE_FIELDS for one in chosen) < 2:
            return {}
        return {row["sample_id"]: row for row in self.opened.rows("SELECT * FROM samples", tables=("samples",))}


def samples_agree(dataset: Row, asked: Iterable[Asked], facts: Mapping[str, Row]) -> bool:
    """Tell whether one sample of a dataset can have everything that is asked of samples.

    A dataset of human liver and mouse brain lists both organisms and both tissues; it has no mouse liver. Where an
    answering term comes from no sample (the data themselves say it), or a sample is silent, nothing speaks against it.
    """
    own = [facts[id_] for id_ in dataset["sample_ids"] if id_ in facts]
    told = []
    for one in asked:
        if one.field not in SAMPLE_FIELDS:
            continue
        column = COLUMN[one.field]
        from_samples = {term for sample in own for term in sample[column]}
        if {term for term in dataset[column] if term in one.answers} <= from_samples:
            told.append(one)
    return not own or any(
        all(one.matched(sample[COLUMN[one.field]]) or sample[COLUMN[one.field]] in SILENT for one in told)
        for sample in own
    )
