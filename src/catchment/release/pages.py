"""`index.html`: what a release holds, as a page that needs no server, no script and no network. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from urllib.parse import quote

from catchment.release.contents import Contents, Row
from catchment.release.markup import Markup, document, element, escape, join, style
from catchment.schema.records import MODALITY_WORDS, PLOTS, Held
from catchment.schema.rules import is_error
from catchment.schema.tables import COUNTED

NAME = "index.html"
MOST_CARDS = 1_000
MOST_FILES = 20
SHOWN_TERMS = ("organism", "tissue", "disease", "assay", "cell_type", "development_stage", "sex")
STATUS_WORDS = {
    "awaited": "awaiting bytes",
    "verified": "verified",
    "mismatch": "not the declared bytes",
    "unchecked": "arrived, no checksum declared",
}
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def draw_page(contents: Contents, documents: Sequence[str]) -> str:
    """Return the page of a release; `documents` are the files that it links beside the tables."""
    css = files("catchment.release").joinpath("page.css").read_text(encoding="utf-8")
    title = f"{contents.settings.title} {contents.release}"
    body = join(
        element("a", "Skip to the studies", href="#studies", class_="skip"),
        header(contents, title),
        element(
            "main",
            element("section", element("h2", "In numbers"), summary(contents), aria_label="In numbers"),
            studies(contents),
            held(contents.held, {file.path for file in contents.files}),
            downloads(contents, documents),
        ),
        element("footer", element("p", f"Published by {contents.settings.publisher}, made with Catchment.")),
    )
    return document(head(title, contents.description, css), body)


def head(title: str, description: str, css: str) -> Markup:
    """Return the head of the page, with a policy under which nothing but its images and its own style sheet loads."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return join(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="description", content=description),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="describedby", type="application/ld+json", href="croissant.json"),
        element("title", title),
        style(css),
    )


def header(contents: Contents, title: str) -> Markup:
    """Return title, date and description."""
    day = contents.published.isoformat()
    licence = element("a", contents.settings.licence, href=contents.licence_url, rel="license")
    return element(
        "header",
        element("p", "Release ", contents.release, " · ", element("time", day, datetime=day), " · ", licence),
        element("h1", title),
        element("p", contents.description, class_="lead"),
    )


def summary(contents: Contents) -> Markup:
    """Return how much of everything there is."""
    ready = [row for row in contents.datasets if row["path"]]
    numbers = [
        ("studies", len(contents.studies)),
        ("samples", len(contents.samples)),
        ("datasets", len(ready)),
        *((what, total(ready, f"n_{what}")) for what in COUNTED if what != "genes"),
        ("held", len(contents.held)),
    ]
    cells = [item(f"{number:,}", name) for name, number in numbers if number or name in ("datasets", "held")]
    return element("dl", *cells, item(size(sum(file.bytes for file in contents.files)), "in all"), class_="numbers")


def item(value: str, name: str) -> Markup:
    """Return one number with its name."""
    return element("div", element("dt", name), element("dd", value))


def total(rows: Iterable[Row], column: str) -> int:
    """Return the sum of a column, null being nothing."""
    return sum(row[column] or 0 for row in rows)


def size(count: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000."""
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:,.0f} {UNITS[unit]}" if unit == 0 else f"{count:,.1f} {UNITS[unit]}"


# --- studies and their datasets ----------------------------------------------------------------------------------


def studies(contents: Contents) -> Markup:
    """Return every study with a card for each of its datasets; a very long list ends with where the rest is."""
    by_study: dict[str, list[Row]] = {}
    ready = [row for row in contents.datasets if row["path"]]
    for row in ready[:MOST_CARDS]:
        by_study.setdefault(row["study_id"], []).append(row)
    shown = [row for row in contents.studies if row["study_id"] in by_study or len(ready) <= MOST_CARDS]
    published = {file.path for file in contents.files}
    listed: dict[str, list[Row]] = {}
    for row in contents.declared:
        listed.setdefault(row["study_id"], []).append(row)
    parts = [study(row, by_study.get(row["study_id"], []), listed.get(row["study_id"], []), published) for row in shown]
    if len(ready) > MOST_CARDS:
        words = f"{MOST_CARDS:,} of {len(ready):,} datasets are shown; all are in "
        parts.append(element("p", words, link("catalogue/datasets.parquet"), "."))
    if not parts:
        parts.append(element("p", "This release holds no study."))
    return element("section", element("h2", "Studies and datasets"), *parts, id="studies")


def study(row: Row, datasets: Sequence[Row], listed: Sequence[Row], published: set[str]) -> Markup:
    """Return one study: what it is, what must be kept in mind, its datasets, the files that its description lists."""
    version = f"version {row['version']}" if row["version"] else ""
    facts = [row["study_id"], *row["submissions"], version, row["licence"] or "", ", ".join(row["contributors"])]
    return element(
        "article",
        element("h3", row["title"], dir="auto"),
        element("p", " · ".join(fact for fact in facts if fact), class_="facts", dir="auto"),
        element("p", row["description"], dir="auto") if row["description"] else "",
        chips(row, ("organism", "tissue", "disease", "assay")),
        element("p", f"Funded by {'; '.join(row['funders'])}.", class_="facts", dir="auto") if row["funders"] else "",
        element("p", element("strong", "Use: "), row["usage"], dir="auto") if row["usage"] else "",
        element("p", "Parts of this study are under embargo.") if row["has_embargoed_parts"] else "",
        *(elsewhere(*pair) for pair in zip(row["elsewhere"], row["elsewhere_identifiers"], strict=True)),
        element("p", f"{row['n_raw']} held; see below.", class_="facts") if row["n_raw"] else "",
        declared_files(row, listed),
        element("div", *(card(dataset, published) for dataset in datasets), class_="cards") if datasets else "",
        class_="study",
    )


def elsewhere(name: str, identifier: str) -> Markup:
    """Return data that lie in another archive."""
    where = identifier or "no accession given yet"
    return element("p", f"Elsewhere: {name} ({where})", class_="facts", dir="auto")


def declared_files(row: Row, listed: Sequence[Row]) -> Markup:
    """Return the files that a study's description lists, each with what has become of it."""
    if not listed:
        return Markup("")
    titles = [element("th", word, scope="col") for word in ("File", "What it is", "Checksum", "Status")]
    rows = [
        element(
            "tr",
            element("td", element("code", file["name"]), dir="auto"),
            element("td", file["title"] or file["description"], dir="auto"),
            element("td", element("code", declared_checksum(file))),
            element("td", STATUS_WORDS[file["status"]]),
        )
        for file in listed
    ]
    arrived = row["n_declared_files"] - row["n_awaited_files"]
    words = f"{counted(row['n_declared_files'], 'declared files')}, {arrived:,} arrived"
    caption = element("caption", f"Files declared for {row['title']}")
    table = element("table", caption, element("thead", element("tr", *titles)), element("tbody", *rows))
    return element("details", element("summary", words), element("div", table, class_="scroll"), class_="declared")


def declared_checksum(file: Row) -> str:
    """Return the strongest checksum that was declared."""
    return next((f"{name} {file[name]}" for name in ("sha256", "md5") if file[name]), "none declared")


def modality_words(name: str) -> str:
    """Return a modality as people write it."""
    return MODALITY_WORDS.get(name, name)


def chips(row: Row, fields: Sequence[str]) -> Markup:
    """Return the terms of a row as a list of labels, each saying its field."""
    found = [
        element("li", label, title=field.replace("_", " "))
        for field in fields
        for label in row[field]
        if label not in ("unknown", "na")
    ]
    return element("ul", *found, class_="chips") if found else Markup("")


def card(row: Row, published: set[str]) -> Markup:
    """Return one dataset: picture, what it is, counts, terms, quality, where it lies."""
    counts = ", ".join(counted(number, what) for what, number in json.loads(row["counts"]).items())
    found = f"{row['n_warnings']} warnings" if row["n_warnings"] != 1 else "1 warning"
    picture = (
        element(
            "img",
            src=quote(row["thumbnail"]),
            alt=f"Thumbnail of {row['title']}",
            loading="lazy",
            class_=row["modality"],
        )
        if row["thumbnail"]
        else Markup("")
    )
    return element(
        "article",
        picture,
        element(
            "div",
            element("h4", row["title"], dir="auto"),
            element("p", modality_words(row["modality"]), class_=f"badge {row['modality']}"),
            element("p", " · ".join(fact for fact in (row["stage"], row["analyte"] or "", counts) if fact)),
            chips(row, SHOWN_TERMS),
            quality(row, published),
            *(element("p", f"Not in the census: {reason}", class_="facts") for reason in row["left_out_reasons"]),
            element("p", f"{row['dataset_id']} · {size(row['bytes'])} · {found}", class_="facts"),
            element(
                "p",
                link(row["path"], f"{row['format']} data"),
                " · ",
                link(f"datasets/{row['dataset_id']}/", "all files"),
            ),
            class_="words",
        ),
        class_="card",
        id=row["dataset_id"],
    )


def counted(number: int, what: str) -> str:
    """Return how many there are of something that is named in the plural."""
    return f"1 {what.removesuffix('s')}" if number == 1 else f"{number:,} {what}"


def quality(row: Row, published: set[str]) -> Markup:
    """Return the QC plots and numbers of a dataset; what they are drawn from stays in its files."""
    numbers = [(name, value) for name, value in json.loads(row["metrics"]).items() if not isinstance(value, list)]
    if not numbers:
        return Markup("")
    rows = [
        element("tr", element("th", name.replace("_", " "), scope="row"), element("td", number_text(value)))
        for name, value in numbers
    ]
    caption = element("caption", f"Quality of {row['dataset_id']}")
    table = element("table", caption, element("tbody", *rows))
    return element("details", element("summary", "Quality control"), plots(row, published), table)


def plots(row: Row, published: set[str]) -> Markup:
    """Return the QC plots of a dataset, which lead to themselves in full size."""
    path = f"datasets/{row['dataset_id']}/derived/{PLOTS}"
    if path not in published:
        return Markup("")
    picture = element("img", src=quote(path), alt=f"QC plots of {row['title']}", loading="lazy")
    return element("a", picture, href=quote(path), class_="plots")


def number_text(value: object) -> str:
    """Return a metric as people read it."""
    if value is None:
        return "not measured"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def link(path: str, words: str = "") -> Markup:
    """Return a link into the release."""
    return element("a", words or path, href=quote(path))


# --- held, and what else there is --------------------------------------------------------------------------------


def held(records: Sequence[Held], published: set[str]) -> Markup:
    """Return what was held back, each with why and how to mend it."""
    if not records:
        return element("section", element("h2", "Held"), element("p", "Nothing was held."), id="held")
    words = (
        "These were sent but did not go on. They stay in the catalogue at stage raw; mended, they come in next time."
    )
    parts = [held_asset(record, published) for record in records[:MOST_CARDS]]
    if len(records) > MOST_CARDS:
        rest = f"{MOST_CARDS:,} of {len(records):,} are shown; all are in "
        parts.append(element("p", rest, link("catalogue/datasets.parquet"), "."))
    return element("section", element("h2", "Held"), element("p", words), *parts, id="held")


def held_asset(record: Held, published: set[str]) -> Markup:
    """Return one held asset with its errors."""
    asset = record.asset
    sent = [f"raw/{asset.accession}/{file.path.removeprefix('raw/')}" for file in asset.files]
    here = [path for path in sent if path in published]
    more = f"and {len(here) - MOST_FILES:,} files more" if len(here) > MOST_FILES else ""
    links = [join(link(path), " ") for path in here[:MOST_FILES]]
    bytes_ = join("as sent: ", *links, more) if here else escape("the bytes are not published")
    where = f"{asset.dataset} · {modality_words(asset.modality)} · held at {record.held_at} · "
    rows = [
        element(
            "tr",
            element("td", element("code", finding.code)),
            element("td", finding.where, dir="auto"),
            element("td", finding.found + (f" ({finding.count:,} times)" if finding.count > 1 else ""), dir="auto"),
            element("td", finding.expected, dir="auto"),
            element("td", finding.fix, dir="auto"),
        )
        for finding in record.findings
        if is_error(finding)
    ]
    titles = [element("th", word, scope="col") for word in ("Code", "Where", "Found", "Expected", "What to do")]
    table = element(
        "table",
        element("caption", f"Why {asset.dataset} is held"),
        element("thead", element("tr", *titles)),
        element("tbody", *rows),
    )
    return element(
        "article",
        element("h3", asset.name, dir="auto"),
        element("p", where, bytes_, class_="facts"),
        element("div", table, class_="scroll"),
        class_="held",
        id=asset.dataset,
    )


def downloads(contents: Contents, documents: Sequence[str]) -> Markup:
    """Return links to the tables, the census and the documents of the release."""
    tables = [file for file in contents.files if file.path.endswith(".parquet") and file.path.count("/") == 1]
    census = [element("li", link("census/", "census/"))] if contents.censuses else []
    items = [element("li", link(file.path), f" ({size(file.bytes)})") for file in tables]
    return element(
        "section",
        element("h2", "Files"),
        element("p", "Every file is listed with its size and sha256 in ", link("manifest.json"), "."),
        element("ul", *items, *census, *(element("li", link(name)) for name in documents if name != NAME)),
        id="files",
    )
