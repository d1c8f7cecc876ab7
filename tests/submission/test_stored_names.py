"""Inside a folder names are kept as far as a path may have them, and never fall together."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.submission.stored_names import MAX_PART, MAX_PATH, numbered, safe_names

PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def test_plain_names_stay_as_they_are() -> None:
    names = ["analysis.tdf", "analysis.tdf_bin", "123.m/Method-1.xml"]
    assert safe_names(names) == {name: name for name in names}


def test_what_belongs_to_a_file_by_its_name_still_does() -> None:
    kept = safe_names(["Mouse brain (1).vsi", "_Mouse brain (1)_/stack1/frame_t.ets"])
    assert kept is not None
    assert list(kept.values()) == ["Mouse_brain__1_.vsi", "_Mouse_brain__1__/stack1/frame_t.ets"]


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        (".DS_Store", "_DS_Store"),
        ("-rf", "_rf"),
        ("a/../b", "a/_./b"),
        ("$(id);`id`", "__id___id_"),
        ("Zürich 肝臓.txt", "Z_rich___.txt"),
        ("a\\b:c\n", "a_b_c_"),
    ],
)
def test_nothing_of_a_name_can_lead_a_path_astray(name: str, stored: str) -> None:
    assert safe_names([name]) == {name: stored}


@pytest.mark.parametrize(
    "names",
    [
        ["a b", "a_b"],
        ["Scan.tif", "scan.tif"],
        ["α/1", "β/1"],
        ["a b/1", "a_b/2"],
        ["x y", "x_y/z"],
        ["x" * (MAX_PART + 1)],
        ["/".join(["x" * 100] * (MAX_PATH // 100 + 1))],
    ],
)
def test_names_that_would_fall_together_or_are_too_long_are_not_kept(names: list[str]) -> None:
    assert safe_names(names) is None
    assert sorted(numbered(names).values()) == [f"{number:06d}" for number in range(1, len(names) + 1)]


PARTS = st.text(min_size=1, max_size=12).filter(lambda part: "/" not in part and part not in (".", ".."))


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True))
def test_whatever_is_kept_is_safe_and_apart(names: list[str]) -> None:
    kept = safe_names(names)
    if kept is None:
        return
    assert list(kept) == names
    for name, stored in kept.items():
        assert all(PART.fullmatch(part) for part in stored.split("/"))
        assert [len(part) for part in stored.split("/")] == [len(part) for part in name.split("/")]
    assert len({stored.lower() for stored in kept.values()}) == len(names)
