"""Text from a submission is inert wherever it is shown, and whole wherever a program reads it."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.errors import EnvironmentFault
from catchment.report import csv_cell, findings_page, json_text, printable, show_findings, show_rows, to_csv
from catchment.schema.records import Finding

HOSTILE = (
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt; &amp;",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "[bold red]markup[/]",
    "\r\nSet-Cookie: a=b",
)
COMMANDS = {chr(n) for n in (*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
texts = st.text(st.characters(codec="utf-8"), max_size=40)


def a_finding(text: str = "x", count: int = 1) -> Finding:
    return Finding(code="X-001", level="error", where=text, found=text, expected=text, fix=text, count=count)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


# --- the page ----------------------------------------------------------------------------------------------------


@given(texts | st.sampled_from(HOSTILE))
def test_hostile_text_is_inert_on_a_page_and_shown_as_it_is(text: str) -> None:
    hostile = Page(findings_page([(text, text, (a_finding(text),))], title=text))
    plain = Page(findings_page([("x", "x", (a_finding(),))], title="x"))
    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes
    # where, found, expected, fix; title twice; what and state
    shown = "".join(hostile.text)
    assert shown.count(text) >= 8


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    page = Page(findings_page([("x", "held", (a_finding(),))]))
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert not {"script", "img", "link", "iframe", "a", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]


def test_a_page_says_what_was_found_and_how_often() -> None:
    page = Page(findings_page([("liver.h5ad", "held at admit", (a_finding("here", 17),)), ("b", "done", ())]))
    text = " ".join(page.text)
    assert "liver.h5ad" in text
    assert "held at admit" in text
    assert "error X-001 ×17" in text
    assert "held at admit: 1 error" in text
    assert "done: nothing found wrong" in text


def test_a_page_says_what_a_rule_is_about_and_errors_first() -> None:
    advice = a_finding("few").model_copy(update={"code": "X-002", "level": "warning"})
    pages = [("a", "held", (advice, a_finding("<b>", 1_234_567), advice))]
    text = " ".join(Page(findings_page(pages, titles={"X-001": "a <b> that is bold"})).text)
    assert "held: 1 error, 2 warnings" in text
    assert "error X-001 ×1,234,567: a <b> that is bold" in text
    assert text.index("error X-001") < text.index("warning X-002")


def test_a_page_is_written_whole_and_a_disk_that_refuses_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_findings([("a", "b", (a_finding(),))], page_file=tmp_path / "new/page.html")
    assert (tmp_path / "new/page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "page.html" in capsys.readouterr().out
    with pytest.raises(EnvironmentFault, match=r"page\.html"):
        show_findings([], page_file=tmp_path / "new/page.html/page.html")


# --- the terminal ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_obeys_is_printed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_findings([(text, text, (a_finding(text),))])
    show_rows([{"title": text, "many": [text, text]}])
    show_rows([{"title": text, "many": [text]}], as_json=True)
    show_rows([{"title": text, "many": [text]}], as_csv=True)
    show_findings([(text, text, (a_finding(text),))], as_json=True)
    out = capsys.readouterr().out
    assert not COMMANDS & set(out) - {"\n"}


@given(st.text(st.characters()))
def test_a_printable_value_is_one_line_of_bounded_width(text: str) -> None:
    shown = printable(text, 20)
    assert shown.isprintable()
    assert len(shown) <= 20
    if text.isprintable() and len(text) <= 20:
        assert shown == text


def test_a_value_that_is_none_or_a_list_is_shown_as_one_line() -> None:
    assert printable(None) == ""
    assert printable(["a", 1]) == "a, 1"
    assert printable("x" * 200) == "x" * 99 + "…"


def test_markup_of_the_terminal_library_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"title": "[bold]x[/bold] :smile: [link=http://x]y[/link]"}])
    assert "[bold]x[/bold] :smile: [link=http://x]y[/link]" in capsys.readouterr().out


def test_no_rows_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([])
    show_rows([], as_json=True)
    show_rows([], as_csv=True)
    assert capsys.readouterr().out == "nothing found\n[]\n"


def test_findings_are_printed_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings([("liver.h5ad", "would be held", (a_finding("here", 17),)), ("b.png", "done", ())])
    out = capsys.readouterr().out.splitlines()
    assert out[:5] == [
        "liver.h5ad: would be held",
        "  error X-001 here (x17)",
        "    found:    here",
        "    expected: here",
        "    fix:      here",
    ]
    assert out[5:] == ["b.png: done", "  nothing found wrong"]


def test_what_holds_an_asset_is_printed_before_advice(capsys: pytest.CaptureFixture[str]) -> None:
    advice = a_finding().model_copy(update={"code": "X-002", "level": "info"})
    show_findings([("a", "would be held", (advice, a_finding()))])
    out = capsys.readouterr().out
    assert out.index("error X-001") < out.index("info X-002")


# --- programs ----------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda v: st.lists(v) | st.dictionaries(texts, v), max_leaves=5
)


@given(json_values)
def test_json_is_read_back_as_it_was_and_holds_no_command(value: Any) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not COMMANDS & set(text) - {"\n"}


def test_findings_as_json_are_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    findings = tuple(a_finding(text, n) for n, text in enumerate(HOSTILE, start=1))
    show_findings([("a", "b", findings)], as_json=True)
    (page,) = json.loads(capsys.readouterr().out)
    assert (page["what"], page["state"]) == ("a", "b")
    assert tuple(map(Finding.model_validate, page["findings"])) == findings


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|'/C calc'!A0", "＝1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert csv_cell(text).startswith("'")
    assert csv_cell([text, "b"]).startswith("'")


@pytest.mark.parametrize("value", [-1, 1.5, None, True, "liver", "1-Mar", ""])
def test_any_other_value_stays_as_it_is(value: Any) -> None:
    assert csv_cell(value) is value or csv_cell(value) == value


def test_csv_is_read_back_cell_by_cell() -> None:
    rows = [{"a": 'q"uote', "b": ["x", "y"], "c": "1,2\n3"}, {"a": "é", "b": [], "c": None}]
    assert list(csv.reader(io.StringIO(to_csv(rows), newline=""))) == [
        ["a", "b", "c"],
        ['q"uote', "x; y", "1,2\n3"],
        ["é", "", ""],
    ]
    assert to_csv([]) == ""


def test_parquet_holds_the_rows_as_they_are(tmp_path: Path) -> None:
    rows = [{"a": "=1", "b": ["x"], "n": 1}, {"a": "\x1b", "b": [], "n": 2}]
    show_rows(rows, parquet=tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == rows
    with pytest.raises(EnvironmentFault, match=r"rows\.parquet"):
        show_rows(rows, parquet=tmp_path / "rows.parquet/x")


def test_a_page_shows_the_plots_of_an_asset_and_still_loads_nothing(tmp_path: Path) -> None:
    pages = [("a.h5ad", "normalise done", ()), ("b.h5ad", "held at admit", (a_finding(),))]
    show_findings(pages, page_file=tmp_path / "page.html", plots={"a.h5ad": b"<svg/>"})
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r'<img alt="([^"]*)" src="([^"]*)">', text) == [
        ("QC plots of a.h5ad", "data:image/svg+xml;base64,PHN2Zy8+")
    ]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text
