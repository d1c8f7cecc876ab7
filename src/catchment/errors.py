"""Every exception that Catchment raises on purpose, each with the exit code it ends the command with."""

from __future__ import annotations


class CatchmentError(Exception):
    """The work cannot go on; the message says what was found, what was expected, where, and what to do."""

    exit_code = 1


class BadInput(CatchmentError):
    """Bad input or usage: the person who called can mend it."""

    exit_code = 2


class EnvironmentFault(CatchmentError):
    """The machine or a service failed (disk, network, missing program): trying again may help."""

    exit_code = 3


class Damage(CatchmentError):
    """An audit found bytes that differ from what was sealed."""

    exit_code = 4


class RecordUnreadable(BadInput):
    """A record is not JSON, not of the expected kind, or newer than this program."""


class WorkdirLocked(EnvironmentFault):
    """Another process holds the build folder."""


class NothingKept(CatchmentError):
    """An asset turned out to be unfit while its store was written: no store comes of it, and the step holds it."""


class CensusWrong(CatchmentError):
    """An assembled census is not what its plan and its sources say it must be: it must not be released.

    Attributes
    ----------
    findings
        Every fault, as the records have findings.
    """

    def __init__(self, message: str, findings: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class ReaderFailed(CatchmentError):
    """A confined child ended without an answer: crashed, out of memory, out of time, or an exception of a reader.

    Steps turn it into a finding (the submission is hostile until shown otherwise); it never ends a build.

    Attributes
    ----------
    code
        The stable code of the finding it becomes.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
