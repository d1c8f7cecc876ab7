"""Rules that a published release is audited by."""

from catchment.schema.rules import declare

RESTORE = "restore this file from a replica of the release, with `catchment audit RELEASE --repair-from REPLICA`"

MISSING = declare(
    "REL-002",
    "error",
    "a file of the release is missing",
    expected="every file that the manifest lists",
    fix=RESTORE,
)
UNLISTED = declare(
    "REL-003",
    "error",
    "the release holds a file that its manifest does not list",
    expected="only files that the manifest lists",
    fix="move the file out of the release; nothing is ever added to a published release",
)
WRONG_SIZE = declare(
    "REL-004",
    "error",
    "a file of the release has another size than was sealed",
    expected="the size in the manifest",
    fix=RESTORE,
)
WRONG_BYTES = declare(
    "REL-005",
    "error",
    "a file of the release has other bytes than were sealed",
    expected="the sha256 in the manifest",
    fix=RESTORE,
)
NOT_A_FILE = declare(
    "REL-006",
    "error",
    "a path of the release is a link or no regular file",
    expected="a regular file of the release's own",
    fix=RESTORE,
)
UNFIT_MANIFEST = declare(
    "REL-007",
    "error",
    "the manifest of the release is missing, unreadable, or not the one that was published",
    expected="the manifest.json whose sha256 the pointer releases/latest.json gives",
    fix="restore manifest.json from a replica of the release, with `catchment audit RELEASE --repair-from REPLICA`",
)
