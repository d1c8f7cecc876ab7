"""Questions asked of a published catalogue: which studies, datasets, samples, images of sets and files fit.

A question asked of a term finds everything below it: `tissue=liver` finds the caudate lobe of the liver, and the answer
says so. Different fields must all hold, several values of one field are alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from catchment.catalogue.connection import Row, open_catalogue
from catchment.catalogue.describe import describe
from catchment.catalogue.expand import Asked, Terms, check_length, expand_all, shown
from catchment.catalogue.features import FIELDS, expand_features, names_of
from catchment.catalogue.question import COLUMN, SILENT, STUDY_TEXT, Question
from catchment.errors import BadInput
from catchment.schema.records import MODALITY_NAMES
from catchment.schema.tables import IMAGE_FACTS, SAMPLE_FIELDS, TERM_FIELDS

__all__ = ["Entity", "describe", "search"]

Entity = Literal["studies", "datasets", "samples", "images", "files"]
ENTITIES: tuple[Entity, ...] = ("studies", "datasets", "samples", "images", "files")
DATASET_ANSWER = (
    "dataset_id", "study_id", "title", "modality", "stage", "analyte", "organism", "tissue", "disease", "assay",
    "n_cells", "n_genes", "n_images", "n_spectra", "n_proteins", "sample_ids", "held_reasons", "path",
)  # fmt: skip
STUDY_ANSWER = ("study_id", "title", "organism", "tissue", "disease", "assay", "licence", "submissions")
SAMPLE_ANSWER = (
    "sample_id", "submitter_id", "study_id", "organism", "tissue", "disease", "development_stage", "sex",
    "tissue_type", "donor_id", "modalities", "dataset_ids",
)  # fmt: skip
IMAGE_ANSWER = ("image_id", "dataset_id", "study_id", "name", *IMAGE_FACTS, "channels", "path")


def search(
    catalogue: Path,
    text: str | None = "",
    filters: Mapping[str, Sequence[str]] | None = None,
    having: Sequence[str] = (),
    of: Entity = "studies",
) -> list[Row]:
    """Return what fits, in order of its key; each row says in `matched` which of its terms answered.

    Parameters
    ----------
    catalogue
        A release folder, or its `catalogue` folder.
    text
        Words that must all occur (any case), or one term: then whatever has that term or one below it fits too.
    filters
        Field (`organism`, `tissue`, `cell-type`, `analyte`, `stage`, ...) -> labels, synonyms or ids; `protein` and
        `gene` -> accessions, Ensembl ids or names.
    having
        Modalities that the study must all have beyond stage `raw`, whatever else is asked.
    of
        What a row is. A study's row names its fitting datasets.

    Raises
    ------
    BadInput
        Where a field, a term or a modality is unknown, with the nearest known one.
    """
    if of not in ENTITIES:
        raise BadInput(f"{shown(of)} is nothing to search for; choose one of {', '.join(ENTITIES)}")
    text = text or ""
    check_length("text", text)
    wanted = {known_modality(name) for name in having}
    with open_catalogue(catalogue) as opened:
        terms = Terms(opened.rows("SELECT * FROM terms", tables=("terms",)))
        present = opened.rows("SELECT DISTINCT unnest(analytes) AS value FROM datasets", tables=("datasets",))
        by_term = {field: words for field, words in (filters or {}).items() if field not in FIELDS}
        asked = expand_all(by_term, terms, {"analyte": {row["value"] for row in present}})
        asked += expand_features(opened, filters or {})
        question = Question(opened, terms, text, asked, wanted)
        question.features = names_of(opened, filters or {})
        answer = {"studies": studies, "datasets": datasets, "samples": samples, "images": images, "files": files}[of]
        return answer(question)


def known_modality(name: str) -> str:
    """Return a modality by its name.

    Raises
    ------
    BadInput
        Where there is none such.
    """
    if name in MODALITY_NAMES:
        return name
    near = get_close_matches(name, MODALITY_NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(MODALITY_NAMES)}"
    raise BadInput(f"having: no modality {shown(name)}; {hint}")


# --- what a row of the answer is ---------------------------------------------------------------------------------


def datasets(question: Question) -> list[Row]:
    """Return the fitting datasets."""
    return [
        {name: row[name] for name in DATASET_ANSWER} | {"matched": row["matched"]}
        for row in question.fitting_datasets()
    ]


def studies(question: Question) -> list[Row]:
    """Return the studies of the fitting datasets; where only words were asked, also studies that have none."""
    fitting: dict[str, list[Row]] = {}
    for row in question.fitting_datasets():
        fitting.setdefault(row["study_id"], []).append(row)
    words = f"lower({STUDY_TEXT})" if question.words else "''"
    columns = ", ".join(f"s.{name}" for name in (*STUDY_ANSWER, "n_datasets"))
    sql = f"SELECT {columns}, {words} AS words FROM studies s ORDER BY study_id"  # noqa: S608 - columns of ours only
    answer = []
    for row in question.opened.rows(sql, tables=("studies",)):
        own = fitting.get(row["study_id"], [])
        if own or (question.is_open and row["n_datasets"] == 0 and question.in_words(row["words"])):
            answer.append(
                {name: row[name] for name in STUDY_ANSWER}
                | {
                    "modalities": sorted({dataset["modality"] for dataset in own}),
                    "datasets": [dataset["dataset_id"] for dataset in own],
                    "matched": list(dict.fromkeys(reason for dataset in own for reason in dataset["matched"])),
                }
            )
    return answer


def samples(question: Question) -> list[Row]:
    """Return the fitting samples.

    What a sample says of itself decides; where it is silent, and for what only data have (assay, analyte), one of its
    datasets does.
    """
    sql = f"""
        SELECT m.*, lower(concat_ws(' ', m.sample_id, m.submitter_id, m.donor_id, m.extra, m.organism, m.tissue,
                                    m.disease, m.development_stage, m.sex, {STUDY_TEXT})) AS words
        FROM samples m JOIN studies s USING (study_id) ORDER BY sample_id
    """  # noqa: S608 - columns of ours only
    having = question.studies_having()
    fitting = Fitting(question)
    answer = []
    for row in question.opened.rows(sql, tables=("samples", "studies")):
        spoken = [one for one in question.asked if one.field in SAMPLE_FIELDS and row[COLUMN[one.field]] not in SILENT]
        datasets = fitting.of_sample(row, [one for one in question.asked if one not in spoken])
        if (having is not None and row["study_id"] not in having) or datasets is None:
            continue
        reasons = [one.matched(row[COLUMN[one.field]]) for one in spoken]
        by_text = question.named_by(row, SAMPLE_FIELDS)
        said = by_text or question.in_words(row["words"]) or any(map(question.fits_text, datasets))
        if said and all(reasons):
            matched = [reason for group in (*reasons, by_text, *(d["matched"] for d in datasets)) for reason in group]
            answer.append({name: row[name] for name in SAMPLE_ANSWER} | {"matched": list(dict.fromkeys(matched))})
    return answer


class Fitting:
    """Datasets that fit a part of a question; each part is asked once."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._found: dict[tuple[str, ...], dict[str, Row]] = {}

    def of_sample(self, sample: Row, asked: list[Asked]) -> list[Row] | None:
        """Return a sample's datasets that fit; None where something is asked and none does."""
        key = tuple(one.field for one in asked)
        if key not in self._found:
            rows = self._question.fitting_datasets(asked, with_text=False)
            self._found[key] = {row["dataset_id"]: row for row in rows}
        own = [self._found[key][id_] for id_ in sample["dataset_ids"] if id_ in self._found[key]]
        return own if own or not asked else None


def images(question: Question) -> list[Row]:
    """Return the images of sets, in datasets that fit whatever else is asked, that have every word themselves.

    Words of the dataset do not count: a set that shows a protein somewhere shows it in few of its images. A term does.
    Asked for a gene or protein, they are those that show it.
    """
    fitting = {row["dataset_id"]: row for row in question.fitting_datasets(with_text=False)}
    said = ", ".join(f"i.{name}" for name in ("image_id", "dataset_id", "name", *IMAGE_FACTS, "channels"))
    sql = f"SELECT i.*, lower(concat_ws(' ', {said})) AS words FROM images i ORDER BY image_id"  # noqa: S608 - ours only
    return [
        {name: row[name] for name in IMAGE_ANSWER} | {"matched": own["matched"]}
        for row in question.opened.rows(sql, tables=("images",))
        if (own := fitting.get(row["dataset_id"])) is not None
        and (question.in_words(row["words"]) or question.named_by(own, TERM_FIELDS))
        and (not question.features or {str(row[name]).lower() for name in FIELDS} & question.features)
    ]


def files(question: Question) -> list[Row]:
    """Return the files of the fitting datasets; where only words were asked, also files whose path has them all."""
    fitting = {row["dataset_id"]: row for row in question.fitting_datasets()}
    answer = []
    for row in question.opened.rows("SELECT * FROM files ORDER BY path", tables=("files",)):
        dataset = fitting.get(row["dataset_id"])
        if dataset is not None or (question.is_open and question.in_words(row["path"].lower())):
            answer.append(row | {"matched": dataset["matched"] if dataset else []})
    return answer
