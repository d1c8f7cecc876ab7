"""Everything a catalogue says of one study, dataset, sample, image of a set, or file."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path

from catchment.catalogue.connection import Catalogue, Row, open_catalogue
from catchment.catalogue.expand import check_length, shown
from catchment.errors import BadInput

JSON_COLUMNS = frozenset({"counts", "metrics", "extra"})

# which rows an id may name, in the order in which they are tried
NAMED_BY = {
    "dataset": ("datasets", "dataset_id = $id"),
    "study": ("studies", "study_id = $id OR list_contains(submissions, $id)"),
    "sample": ("samples", "sample_id = $id OR list_contains(aliases, $id) OR submitter_id = $id"),
    "image": ("images", "image_id = $id"),
    "file": ("files", "path = $id"),
}


def describe(catalogue: Path, id_: str) -> Row:
    """Return all that is known of one thing, with `entity` (what it is) and what hangs on it.

    Parameters
    ----------
    catalogue
        A release folder, or its `catalogue` folder.
    id_
        The accession of a submission, dataset, sample or image, a declared study or sample id, or a file's path.

    Raises
    ------
    BadInput
        Where nothing has this id (with the nearest that exist), or where several samples do.
    """
    check_length("id", id_)
    wanted = id_.strip()
    with open_catalogue(catalogue) as opened:
        for kind, (table, condition) in NAMED_BY.items():
            sql = f"SELECT * FROM {table} WHERE {condition} ORDER BY 1"  # noqa: S608 - words of ours only
            found = opened.rows(sql, {"id": wanted}, tables=(table,))
            if len(found) > 1:
                names = ", ".join(str(next(iter(row.values()))) for row in found[:10])
                raise BadInput(f"{shown(wanted)} names {len(found)} {table}: {names}; give one of these")
            if found:
                return {"entity": kind} | readable(found[0]) | hanging_on(opened, kind, found[0])
        near = get_close_matches(wanted, known_ids(opened), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "`catchment search` lists what there is"
    raise BadInput(f"nothing here has the id {shown(wanted)}; {hint}")


def readable(row: Row) -> Row:
    """Return a row with its JSON columns as values, without those that are null."""
    return {
        name: json.loads(value) if name in JSON_COLUMNS else value for name, value in row.items() if value is not None
    }


def hanging_on(opened: Catalogue, kind: str, row: Row) -> Row:
    """Return what belongs to one thing: datasets and samples of a study, files of a dataset, datasets of a sample."""
    datasets = "SELECT dataset_id, title, modality, stage, held_reasons FROM datasets"
    samples = "SELECT sample_id, submitter_id, organism, tissue, disease FROM samples"
    if kind == "study":
        own = {"id": row["study_id"]}
        declared = "SELECT name, title, md5, sha256, status FROM declared WHERE study_id = $id ORDER BY 1"
        listed = opened.rows(declared, own, tables=("declared",))
        return {
            **({"declared_files": listed} if listed else {}),
            "datasets": opened.rows(f"{datasets} WHERE study_id = $id ORDER BY 1", own, tables=("datasets",)),
            "samples": opened.rows(f"{samples} WHERE study_id = $id ORDER BY 1", own, tables=("samples",)),
        }
    if kind == "dataset":
        told = "image_id, name, protein, gene, treatment, well, field, path"
        images = f"SELECT {told} FROM images WHERE dataset_id = $id ORDER BY 1"  # noqa: S608 - ours only
        own = {"id": row["dataset_id"]}
        shown_images = opened.rows(images, own, tables=("images",))
        files = "SELECT path, bytes, sha256, kind FROM files WHERE dataset_id = $id ORDER BY path"
        chosen = f"{samples} WHERE list_contains($ids::VARCHAR[], sample_id) ORDER BY 1"
        return {
            "samples": opened.rows(chosen, {"ids": row["sample_ids"]}, tables=("samples",)),
            **({"images": shown_images} if shown_images else {}),
            "files": opened.rows(files, own, tables=("files",)),
        }
    if kind == "sample":
        chosen = f"{datasets} WHERE list_contains($ids::VARCHAR[], dataset_id) ORDER BY 1"
        return {"datasets": opened.rows(chosen, {"ids": row["dataset_ids"]}, tables=("datasets",))}
    return {}


def known_ids(opened: Catalogue) -> list[str]:
    """Return every id that names something, but for the paths of files."""
    sql = """
        SELECT study_id AS id FROM studies UNION SELECT unnest(submissions) FROM studies
        UNION SELECT dataset_id FROM datasets UNION SELECT sample_id FROM samples
        UNION SELECT submitter_id FROM samples ORDER BY id
    """
    return [row["id"] for row in opened.rows(sql, tables=("studies", "datasets", "samples"))]
