"""What the tests of isolation have done in a confined child: importable there, and simple in its types."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from catchment.errors import BadInput, EnvironmentFault, ReaderFailed
from catchment.schema.records import Finding


def echo(finding: Finding, numbers: tuple[int, ...], words: dict[str, str]) -> tuple[Finding, tuple[int, ...]]:
    return finding.model_copy(update={"where": json.dumps(words, sort_keys=True)}), numbers


def environment(name: str) -> str | None:
    return os.environ.get(name)


def temporary_folder() -> str:
    Path(tempfile.gettempdir(), "left-behind").write_text("x")
    return tempfile.gettempdir()


def process() -> list[int]:
    return [os.getpid(), os.getsid(0)]


def limits() -> dict[str, tuple[int, int]]:
    kinds = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_CORE")
    return {kind: resource.getrlimit(getattr(resource, kind)) for kind in kinds}


def crash() -> int:
    ctypes.string_at(0)
    return 0


def end_quietly() -> int:
    os._exit(7)


def allocate(mb: int) -> int:
    return len(bytearray(mb * 1_000_000))


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return 0


def start_grandchild(note: str) -> int:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(note).write_text(str(child.pid))
    time.sleep(60)
    return 0


def leave_grandchild(note: str) -> int:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(note).write_text(str(child.pid))
    return 0


def note_own_process(note: str) -> int:
    Path(note).write_text(str(os.getpid()))
    time.sleep(60)
    return 0


def burn() -> int:
    while True:
        pass


def raise_error(kind: str, message: str) -> int:
    kinds: dict[str, type[Exception]] = {
        "ValueError": ValueError,
        "MemoryError": MemoryError,
        "BadInput": BadInput,
        "EnvironmentFault": EnvironmentFault,
    }
    if kind == "ReaderFailed":
        raise ReaderFailed("XXX-999", message)
    raise kinds[kind](message)


def return_half_a_character() -> list[Finding]:
    half = Finding(code="X-001", level="info", where="\ud800", found="\U0001f9ec", expected="", fix="")
    return [half]


def raise_half_a_character() -> int:
    raise ValueError("half a pair: \udcff")


def write_file(path: str, mb: int) -> int:
    return Path(path).write_bytes(bytes(mb * 1_000_000))


def connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def wrong_kind() -> int:
    return object()  # type: ignore[return-value]


def forge(answer: str) -> int:
    """Write an answer of one's own, as whoever has taken over the child could, and end."""
    path = Path(sys.argv[1])
    if answer == "pipe":
        os.mkfifo(path)
    elif answer == "link":
        path.symlink_to("/etc/hostname")
    else:
        path.write_bytes(answer.encode("latin-1"))
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def print_words() -> int:
    sys.stdout.write("words on standard output\n")
    return 1


def own_arguments(first: int, second: Any = None) -> int:
    return first


def squares_of(numbers: tuple[int, ...], threads: int) -> list[int]:
    from catchment.compute import each

    return list(each(lambda number: number * number, numbers, threads))
