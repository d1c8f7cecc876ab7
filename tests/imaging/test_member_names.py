"""What names of images tell, and what tables say of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.imaging.image_table import BadTable, comparable, read_table
from catchment.imaging.member_names import BadTemplate, known_templates, template_of


@pytest.mark.parametrize(
    ("text", "channels", "words"),
    [
        ("{a}", "", "{a} is unknown"),
        ("{z}{z}", "", "{z} is given twice"),
        ("plain", "", "no token in braces"),
        ("{z}}", "", "a brace too many"),
        ("{channel}", "blue", "are not of the form"),
    ],
)
def test_a_bad_template_says_why(text: str, channels: str, words: str) -> None:
    with pytest.raises(BadTemplate, match=re.escape(words)):
        template_of(text, channels)


def test_names_of_releases_are_known() -> None:
    cm4ai, atlas = known_templates()
    reading = cm4ai.read("folder/green/B2AI_1_Paclitaxel_H10_R7_z01_green.jpg")
    assert reading is not None
    assert reading.facts == {"plate": "1", "treatment": "Paclitaxel", "well": "H10", "region": "R7"}
    assert (reading.channel, reading.z, reading.folder) == ("green", 1, "folder")
    assert reading.prefix == "B2AI_1_Paclitaxel_H10_R7_z01_"
    assert atlas.read("7_C5_1_blue_red_green.jpg") is None
    assert atlas.read("7_C5_1_Blue.jpg") is not None


@given(st.text(alphabet="ab_/1z{}.", max_size=60))
def test_no_name_takes_long_or_raises(name: str) -> None:
    for template in (*known_templates(), template_of("{field}_{protein}_{region}_z{z}_{channel}")):
        template.read(name)


@pytest.mark.parametrize("cell", ["C1", "c01", " C001 "])
def test_a_well_is_compared_whatever_its_zeros_and_case(cell: str) -> None:
    assert comparable("well", cell) == "c1"
    assert comparable("region", "R01") != comparable("region", "R1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("file,protein\na,b,c", "row 2 has 3 cells, the header 2"),
        ("protein\nTP53", "no column says which image"),
        ("Gene name,protein,file\n", "two columns say the same: protein"),
        ("file,protein\na," + "x" * 200_000, "it cannot be read"),
    ],
)
def test_a_bad_table_says_why(text: str, words: str) -> None:
    with pytest.raises(BadTable, match=re.escape(words)):
        read_table(text, "t.csv")


@given(st.text(alphabet='file,well\t"\n\r\0ab1', max_size=80))
def test_no_table_raises_anything_else(text: str) -> None:
    try:
        table = read_table("file,well\n" + text, "t.csv")
    except BadTable:
        return
    assert table.places == ("well",)


def test_rows_are_found_by_name_before_place() -> None:
    table = read_table("file\tWell\tProtein name\na.png\tC1\tTP53\n\tC1\tMYC\n", "t.tsv")
    assert table.rows_for(["a.png"], {"well": "C01"}) == [{"protein": "TP53", "well": "C1"}]
    assert table.rows_for(["b.png"], {"well": "C01"}) == [{"protein": "MYC", "well": "C1"}]
    assert table.rows_for(["b.png"], {}) == []


def test_a_token_ends_where_the_text_after_it_first_occurs() -> None:
    reading = template_of("{channel}-{field}").read("Channel1-01-A-01.tif")
    assert reading is not None
    assert (reading.channel, reading.facts) == ("Channel1", {"field": "01-A-01"})
