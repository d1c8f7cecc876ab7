"""HTML in which only our own words are markup: whatever else is put into it is escaped. Pure."""

from __future__ import annotations

import html
import unicodedata

LONGEST_TEXT = 2_000
EMPTY_ELEMENTS = frozenset({"img", "link", "meta"})
# characters that reorder or hide text (Unicode category Cf) or drive a terminal (Cc) have no place on a page
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs"})


class Markup(str):
    """Text that is HTML already. Only functions of this file make it."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Return text as HTML shows it: markup characters escaped, hidden characters made visible, very long text cut."""
    if isinstance(text, Markup):
        return text
    cut = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
    visible = "".join("\ufffd" if unicodedata.category(c) in HIDDEN_CATEGORIES and c not in "\n\t" else c for c in cut)
    return Markup(html.escape(visible, quote=True))


def element(name: str, /, *children: str, **attributes: str | None) -> Markup:
    """Return an element. Children and attribute values that are no `Markup` are escaped; None leaves one out.

    An attribute's name ends in `_` where Python takes the word (`class_`); other `_` stand for `-`.
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    start = "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    if name in EMPTY_ELEMENTS:
        return Markup(f"<{name}{start}>")
    return Markup(f"<{name}{start}>{''.join(map(escape, children))}</{name}>")


def style(css: str) -> Markup:
    """Return a style sheet of ours, as it is."""
    return Markup(f"<style>{css}</style>")


def join(*parts: str) -> Markup:
    """Return parts one after the other, those that are no `Markup` escaped."""
    return Markup("".join(map(escape, parts)))


def document(head: Markup, body: Markup, language: str = "en") -> str:
    """Return a whole page."""
    return f'<!doctype html>\n<html lang="{language}">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'
