"""Licences as people write them become SPDX expressions; what names none stays unknown."""

from __future__ import annotations

import pytest

from catchment.submission.licences import spdx


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"),
        ("cc-by 4.0", "CC-BY-4.0"),
        ("Creative Commons BY-ND 3.0", "CC-BY-ND-3.0"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("CC0", "CC0-1.0"),
        ("mit", "MIT"),
        ("MIT or Apache-2.0", "MIT OR Apache-2.0"),
        ("CC BY-SA-NC 4.0", None),
        ("CC BY 4", None),
        ("ask the authors", None),
        ("", None),
    ],
)
def test_a_licence_becomes_its_spdx_expression(written: str, expected: str | None) -> None:
    assert spdx(written) == expected
