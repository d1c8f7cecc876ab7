"""What the name of an image in a set tells: by a template that its submitter gives, or by one of those we know. Pure.

A template is a name without its ending, with tokens in braces: `{treatment}_{well}_{region}_{channel}`. One with `/`
tells folders too. What no template tells stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath

from catchment.imaging.rule_tables import rows_of
from catchment.schema.tables import IMAGE_FACTS

# what may be known of an image; also columns of the index of a set
FACTS = IMAGE_FACTS
# a token ends where what follows it in the template first occurs
PLAIN = r"[^_/]+?"
TOKENS = {
    **dict.fromkeys(FACTS, PLAIN),
    "well": r"[A-Za-z]{1,2}\d{1,2}",
    "row": r"[A-Za-z]{1,2}|\d{1,2}",
    "column": r"\d{1,2}",
    "field": r"[^/]+?",
    "z": r"\d+",
    "t": r"\d+",
    "channel": PLAIN,
}
# words of a name that say nothing; may stand more than once
SKIP = "skip"
PROTEIN_OF_INTEREST = "protein of interest"


class BadTemplate(Exception):
    """A template that cannot be used; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What a name tells. `prefix` is the base name up to its channel; `folder` the folders that told nothing."""

    folder: str
    facts: dict[str, str] = field(default_factory=dict)
    channel: str = ""
    z: int | None = None
    prefix: str = ""
    t: int | None = None


@dataclass(frozen=True)
class Template:
    """A template ready for use, and what its channels show: word in the name -> channel, in the order of channels."""

    text: str
    pattern: re.Pattern[str]
    channels: dict[str, str]

    def read(self, name: str) -> Reading | None:
        """Return what a path in an archive tells, None where it does not fit."""
        path = PurePosixPath(name)
        told = str(path.with_suffix("")) if "/" in self.text else path.stem
        match = self.pattern.fullmatch(told)
        if match is None:
            return None
        found = match.groupdict()
        channel, z, t = found.pop("channel", None) or "", found.pop("z", None), found.pop("t", None)
        row, column = found.pop("row", None), found.pop("column", None)
        if row and column:
            found["well"] = f"{row}{column}"
        folder = "" if "/" in self.text else own_folder(path, channel)
        start = match.start("channel") if channel else len(told)
        prefix = told[:start].rpartition("/")[2]
        return Reading(folder, found, channel, int(z) if z else None, prefix, int(t) if t else None)


def own_folder(path: PurePosixPath, channel: str) -> str:
    """Return the folders of a path but for a last one that only repeats the channel (`blue/..._blue.jpg`)."""
    parts = path.parts[:-1]
    if channel and parts and parts[-1].casefold() == channel.casefold():
        parts = parts[:-1]
    return "/".join(parts)


def template_of(text: str, channels: str = "") -> Template:
    """Return a template from its text and what its channels show (`blue=DAPI, red=tubulin`).

    Raises
    ------
    BadTemplate
        Where a token is unknown or stands twice, or a channel is not `word=name`.
    """
    shown = channels_of(channels)
    anywhere = "(?:.*/)?" if "/" in text else ""
    return Template(text, re.compile(anywhere + regex_of(text, shown), re.IGNORECASE), shown)


def regex_of(text: str, words: Iterable[str] = ()) -> str:
    """Return a template's text as a regular expression; `words` are those that a channel may have, any without.

    Raises
    ------
    BadTemplate
        Where a token is unknown or stands twice.
    """
    parts = re.split(r"\{([^{}]*)\}", text.strip())
    tokens = [token for token in parts[1::2] if token != SKIP]
    for token in tokens:
        if token not in TOKENS or tokens.count(token) > 1:
            raise BadTemplate(f"{{{token}}} is {'given twice' if token in TOKENS else 'unknown'}")
    if not tokens or any("{" in part or "}" in part for part in parts[::2]):
        raise BadTemplate("no token in braces, or a brace too many")
    regexes = {**TOKENS, "channel": "|".join(map(re.escape, words)) or PLAIN}
    pieces = [
        ("[^/]*?" if part == SKIP else f"(?P<{part}>{regexes[part]})") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    ]
    return "".join(pieces)


def channels_of(text: str) -> dict[str, str]:
    """Return what channels show, by the word (any case) that names have for them."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not word.strip() or not name.strip() for word, _, name in pairs):
        raise BadTemplate(f"channels {text[:100]!r} are not of the form `word=name, word=name`")
    return {word.strip().casefold(): name.strip() for word, _, name in pairs}


@cache
def known_templates() -> tuple[Template, ...]:
    """Return the templates that need not be told."""
    return tuple(template_of(row["template"], row["channels"]) for row in rows_of("member_names.tsv"))


@cache
def stains() -> dict[str, dict[str, str]]:
    """Return what is known of a channel by its name in lower case: `analyte`, `colour`."""
    return {row["stain"].casefold(): row for row in rows_of("stains.tsv")}
