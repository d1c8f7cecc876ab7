"""Licences as people write them, as SPDX expressions."""

from __future__ import annotations

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# `CC BY-NC-SA 4.0`, `cc-by 4.0 international`, `https://creativecommons.org/licenses/by-nc-sa/4.0/`
CREATIVE_COMMONS = re.compile(
    r"^(?:cc[ -]|creative commons |https?://creativecommons\.org/licenses/)"
    r"(?P<terms>by(?:-nc)?(?:-sa|-nd)?)[ /-](?P<version>\d\.\d)(?: international)?/?(?:legalcode)?$",
    re.IGNORECASE,
)
CC_ZERO = re.compile(
    r"^(?:cc0|cc[ -]zero|https?://creativecommons\.org/publicdomain/zero)(?:[ /-]?1\.0)?(?: universal)?/?$",
    re.IGNORECASE,
)


def spdx(written: str) -> str | None:
    """Return a licence as an SPDX expression; None where it names none that we know."""
    words = " ".join(written.split())
    if CC_ZERO.match(words):
        return "CC0-1.0"
    if match := CREATIVE_COMMONS.match(words):
        words = f"CC-{match['terms'].upper()}-{match['version']}"
    try:
        return str(canonicalize_license_expression(words))
    except InvalidLicenseExpression:
        return None
