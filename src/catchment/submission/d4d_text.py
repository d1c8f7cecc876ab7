"""The text of a D4D datasheet: banners dropped, scalars quoted that would not parse, each repair told with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from catchment.schema.records import Finding
from catchment.submission import rules
from catchment.submission.yaml_text import MAX_CHARACTERS, read_yaml

MAX_REPAIRS = 200
MAX_PARSED_CHARACTERS = 40_000_000  # over all tries: each repair parses the text anew
BANNER = re.compile(r"^(=== .+ ===|```\w*)\s*$")
# a list item or a value that is written plain, without quotes or a mark of its own
PLAIN = re.compile(r"""^(\s*(?:-\s+)?(?:[\w.-]+:\s+|-\s+))(?!['"\[{>|&*!#])(.*\S)\s*$""")
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SHOWN = 80

# keys below which the datasheet schema has prose: a list item `Key: words` there is a sentence, no mapping
PROSE = frozenset(
    {"archival", "description", "distribution", "external_resources", "future_guarantees", "identification"}
    | {"is_random", "is_representative", "is_sample", "keywords", "missing", "response", "restrictions"}
    | {"source_data", "warnings", "why_missing", "why_not_representative"}
)


@dataclass(frozen=True)
class Datasheet:
    """A datasheet as maps, lists and text, and what was done to read it."""

    document: dict[str, Any]
    repairs: tuple[Finding, ...]


def read_datasheet(text: str, name: str) -> Datasheet:
    """Return a datasheet as maps, lists and text.

    Raises
    ------
    BadInput
        With file and line, where it cannot be read even so.
    """
    lines, repairs = without_banners(text.splitlines(), name)
    parsed = 0
    whole = len(text) <= MAX_CHARACTERS
    while whole and (fault := first_fault(lines)) is not None and len(repairs) < MAX_REPAIRS:
        quoted = quoted_line(lines, fault)
        parsed += sum(map(len, lines))
        if quoted is None or parsed > MAX_PARSED_CHARACTERS:
            break
        found = f"`{lines[fault].strip()[:SHOWN]}`, not YAML as it stands"
        repairs.append(rules.DATASHEET_REPAIRED.broken(f"{name} line {fault + 1}", found))
        lines[fault] = quoted
    document = read_yaml("\n".join(lines) + "\n", name)
    joined: list[tuple[str, str]] = []
    document = rejoined(document, "", False, joined)
    if joined:
        where, words = joined[0]
        repairs.append(rules.DATASHEET_REJOINED.broken(f"{name}: {where}", f"`{words[:SHOWN]}`", count=len(joined)))
    return Datasheet(document, tuple(repairs))


def without_banners(lines: list[str], name: str) -> tuple[list[str], list[Finding]]:
    """Return the lines with banners and fences at either end emptied (all keep their numbers), and each told."""
    repairs = []
    for order in (range(len(lines)), reversed(range(len(lines)))):
        for number in order:
            if BANNER.match(lines[number]):
                found = f"`{lines[number].strip()[:SHOWN]}`, no part of the document"
                repairs.append(rules.DATASHEET_REPAIRED.broken(f"{name} line {number + 1}", found))
                lines[number] = ""
            elif lines[number].strip():
                break
    return lines, repairs


def first_fault(lines: list[str]) -> int | None:
    """Return the number, from 0, of the first line that a YAML parser refuses for a colon; None where there is none."""
    try:
        for _ in yaml.parse("\n".join(lines) + "\n", Loader=PARSER):
            pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        is_colon = "mapping values are not allowed" in (getattr(error, "problem", None) or "")
        return mark.line if mark is not None and is_colon and mark.line < len(lines) else None
    except RecursionError:
        return None
    return None


def quoted_line(lines: list[str], number: int) -> str | None:
    """Return a line with its plain scalar in quotes; None where it has none."""
    match = PLAIN.match(lines[number])
    if match is None:
        return None
    start, words = match.groups()
    # in `- Key: a: b` the whole is a sentence, in `key: a: b` the value is
    if start.lstrip().startswith("-") and ":" in start:
        indent = re.match(r"\s*-\s+", start)
        start, words = (indent.group(), lines[number][indent.end() :].rstrip()) if indent else (start, words)
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'{start}"{escaped}"'


def rejoined(value: Any, where: str, is_prose: bool, joined: list[tuple[str, str]]) -> Any:
    """Return a value with every `Key: words` put together again where words are expected; each is noted in `joined`."""
    if isinstance(value, dict):
        only = next(iter(value.items())) if len(value) == 1 else None
        if is_prose and only is not None and isinstance(only[1], str) and where.endswith("]"):
            joined.append((where, sentence := f"{only[0]}: {only[1]}"))
            return sentence
        return {
            key: rejoined(inner, f"{where}.{key}" if where else key, key in PROSE, joined)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [rejoined(inner, f"{where}[{number}]", is_prose, joined) for number, inner in enumerate(value)]
    return value
