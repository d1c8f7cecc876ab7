"""Every path pattern, wildcard constraint and input function."""

from catchment.schema.records import ACCESSION_PATTERN, ASSET_ID_PATTERN, MODALITY_NAMES
from catchment.submission.inbox import asset_keys

ASSET_ID = "{submission}/{modality}/{asset}"
ASSET = f"work/{ASSET_ID}"


wildcard_constraints:
    submission=ACCESSION_PATTERN,
    modality="|".join(MODALITY_NAMES),
    asset=ASSET_ID_PATTERN,


def received():
    """Return (accession, modality, asset) of all that was received; an id that fits no pattern stops the build."""
    try:
        return asset_keys(Path("inbox"))
    except CatchmentError as error:
        raise WorkflowError(str(error)) from None


def last_records(wildcards):
    """Return the last record of every asset in the inbox."""
    return [f"work/{submission}/{modality}/{asset}/normalise.json" for submission, modality, asset in received()]


def manifests(wildcards):
    """Return the manifest of every submission in the inbox."""
    return sorted({f"inbox/{submission}/manifest.json" for submission, _, _ in received()})


def whole_release(wildcards):
    """Return the record of the release, and every picture that goes with it.

    Asked here, a fault of the inbox is not taken for a file without a rule.
    """
    pictures = [f"work/{submission}/{modality}/{asset}/qc.svg" for submission, modality, asset in received()]
    return ["work/release/release.json", "work/release/release.svg", *pictures]
