"""Metrics held against limits: findings. Pure, and the same for all modalities."""

from __future__ import annotations

from collections.abc import Mapping

from catchment.config import Limit
from catchment.schema.records import Finding, Metrics
from catchment.schema.rules import declare

OUT_OF_LIMITS = declare(
    "QC-001",
    "warning",
    "a QC metric is outside its limits",
    expected="a value within the limits of the configuration",
    fix="look at the data behind this number; where they are right, change the limit in the configuration",
)


def judge(metrics: Metrics, limits: Mapping[str, Limit]) -> tuple[Finding, ...]:
    """Return a finding for each metric outside its limits, at the level the limit says.

    A limit on a metric that was not measured, or that is not a number, judges nothing: the metrics say so themselves.
    """
    findings = []
    for name, limit in sorted(limits.items()):
        value = metrics.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        too_low = limit.min is not None and value < limit.min
        too_high = limit.max is not None and value > limit.max
        if too_low or too_high:
            bound = f"at least {exact(limit.min)}" if too_low else f"at most {exact(limit.max)}"
            finding = OUT_OF_LIMITS.broken(name, exact(value), expected=bound)
            findings.append(finding.model_copy(update={"level": limit.level}))
    return tuple(findings)


def exact(number: float | None) -> str:
    """Return a number unrounded: 0.0500001 is above 0.05, and must be seen to be."""
    return str(number).removesuffix(".0")
