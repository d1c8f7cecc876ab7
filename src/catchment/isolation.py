"""Third-party readers in a confined child process: under limits, without network, its own temporary folder.

`call(function, ...)` runs one importable function in a fresh interpreter. Arguments and the answer cross as JSON,
typed by the function's own annotations, so a child that a hostile file has taken over can hand back data, not code.
What kills the child (a crash of native code, memory, time) comes back as `ReaderFailed`, never as our own end.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from catchment import errors
from catchment.schema.rules import declare

logger = logging.getLogger(__name__)

# not `-m`: as `__main__` this file would be loaded a second time under its own name
CHILD = "from catchment.isolation import main; main()"

INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TZ", "USER")
INHERITED_PREFIXES = ("CATCHMENT_", "JAVA_", "LC_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON")

CRASHED = declare(
    "ISO-001",
    "error",
    "a file crashes its reader",
    expected="a file that its reader can read to the end",
    fix="open the file with the software that wrote it and save it again; it may be damaged or made to do harm",
    unsafe=True,
).code
OUT_OF_TIME = declare(
    "ISO-002",
    "error",
    "reading a file takes longer than allowed",
    expected="an answer within the limits of `confinement` in the configuration",
    fix="check that the file is whole; where it is just large, raise the times under confinement",
    unsafe=True,
).code
OUT_OF_MEMORY = declare(
    "ISO-003",
    "error",
    "reading a file takes more memory than allowed",
    expected="a reading within the limits of `confinement` in the configuration",
    fix="check that the file does not declare more than it holds; where it is just large, raise confinement.memory_mb",
    unsafe=True,
).code
RAISED = declare(
    "ISO-004",
    "error",
    "a reader gives up on a file for a reason that has no rule of its own yet",
    expected="a file that its reader can read to the end",
    fix="open the file with the software that wrote it and save it again; the step's log says where reading stopped",
    unsafe=True,
).code
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1
MAX_ANSWER_BYTES = 1_000_000_000


class Limits(BaseModel):
    """What a child may use: address space and largest file in MB, processor and wall time in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    memory_mb: int = Field(6_000, ge=1)
    """Address space, in MB."""
    cpu_seconds: int = Field(3_600, ge=1)
    """Processor time, in seconds."""
    admit_cpu_seconds_per_mb: float = Field(4, ge=0)
    """Processor time while a file is looked at for the first time: a minute, and so many seconds for each MB of it."""
    wall_seconds: int = Field(7_200, ge=1)
    """Time until the answer must be there, in seconds."""
    file_mb: int = Field(1_000_000, ge=1)
    """Largest file that it may write, in MB."""
    network: bool = False
    """Whether it keeps the network; no reader of ours needs it."""

    def of_admission(self, size_bytes: int) -> Limits:
        """Return the limits of a first look at so many bytes: damaged bytes can keep a native reader busy for ever."""
        seconds = 60 + int(self.admit_cpu_seconds_per_mb * size_bytes / 1e6)
        return self.model_copy(update={"cpu_seconds": min(seconds, self.cpu_seconds)})


def call(function: Callable[..., Any], *arguments: Any, limits: Limits) -> Any:
    """Return what `function(*arguments)` returns, computed in a confined child.

    Raises
    ------
    ReaderFailed
        The child crashed, ran out of memory or time, or the function raised what nobody raises on purpose.
    CatchmentError
        As the function raised it.
    """
    hints = typing.get_type_hints(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    request = {
        "function": f"{function.__module__}:{function.__qualname__}",
        "arguments": [
            TypeAdapter(hints[name]).dump_python(value, mode="json")
            for name, value in zip(names, arguments, strict=True)
        ],
        "limits": limits.model_dump(),
    }
    with tempfile.TemporaryDirectory(prefix="catchment-", ignore_cleanup_errors=True) as folder:
        answer = Path(folder) / "answer.json"
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(answer)],
            stdin=subprocess.PIPE,
            stdout=sys.__stderr__ if has_descriptor(sys.__stderr__) else None,
            env={**harmless_environment(), "TMPDIR": folder, "HDF5_PLUGIN_PRELOAD": "::", "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
        )
        try:
            child.communicate(json.dumps(request).encode(), timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired:
            raise errors.ReaderFailed(OUT_OF_TIME, f"no answer within {limits.wall_seconds} s") from None
        finally:
            stop_group(child)
        return outcome(child.returncode, answer, limits, hints["return"])


def harmless_environment() -> dict[str, str]:
    """Return what a reader needs of our environment; keys and tokens that lie in the rest are not for it."""
    return {
        name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }


def has_descriptor(stream: Any) -> bool:
    """Tell whether a stream is a real file that a child can inherit."""
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def stop_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started: they share one session, which only this call made."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def outcome(returncode: int, answer: Path, limits: Limits, returned: Any) -> Any:
    """Return the value in the child's answer, or raise what it says; how it ended where there is none.

    Nothing about the answer is believed: whoever controls the child controls its bytes.
    """
    if not answer.is_file() or answer.is_symlink():
        if returncode == -signal.SIGXCPU:
            raise errors.ReaderFailed(OUT_OF_TIME, f"more than {limits.cpu_seconds} s of processor time")
        name = signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}"
        raise errors.ReaderFailed(CRASHED, f"the reader's process ended by {name}")
    size = answer.stat().st_size
    if size > MAX_ANSWER_BYTES:
        raise errors.ReaderFailed(RAISED, f"an answer of {size:,} bytes, expected at most {MAX_ANSWER_BYTES:,}")
    try:
        reply = TypeAdapter(dict[str, Any]).validate_python(read_json(answer.read_bytes()))
        if "value" in reply:
            return TypeAdapter(returned).validate_python(reply["value"])
    except (ValueError, RecursionError) as error:
        raise errors.ReaderFailed(RAISED, f"an answer that is not of the expected form ({printed(error)})") from None
    name, message = printed(reply.get("error")), printed(reply.get("message"))
    if name == "MemoryError":
        raise errors.ReaderFailed(OUT_OF_MEMORY, f"more than {limits.memory_mb} MB of memory")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.CatchmentError) and kind is not errors.ReaderFailed:
        raise kind(message)
    raise errors.ReaderFailed(RAISED, f"{name}: {message}")


def read_json(data: bytes) -> Any:
    """Return the value of a JSON document; a half of a surrogate pair, which no record can hold, becomes `?`."""
    value = json.loads(data)
    if b"\\ud" in data.lower():
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def printed(value: object) -> str:
    """Return a value as at most 500 characters that every record can hold: no half of a surrogate pair."""
    return str(value)[:500].encode("utf-8", "replace").decode()


# --- in the child ------------------------------------------------------------------------------------------------


def confine(limits: Limits) -> None:
    """Give up what a reader does not need: memory, time and file size beyond the limits, core dumps, the network.

    The child also ends with whoever started it, however that one ends.
    """
    mb = 1_000_000
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_mb * mb),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_mb * mb),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        own = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # a second above the soft limit, so that SIGXCPU comes before SIGKILL and says what it was
        above = own + 1 if kind == resource.RLIMIT_CPU else own
        resource.setrlimit(kind, (own, above if hard == resource.RLIM_INFINITY else min(above, hard)))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if not limits.network:
        leave_network()


def leave_network() -> bool:
    """Move into an empty network namespace where the kernel lets us; tell whether it did."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) == 0:
        return True
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    # some kernels let us into the namespace but not name ourselves there; files are ours all the same
    with contextlib.suppress(OSError):
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    return True


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """Run the requested function and return what to write down: a value, or an error by name."""
    try:
        module, _, name = request["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        hints = typing.get_type_hints(function)
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        arguments = [
            TypeAdapter(hints[name]).validate_python(value)
            for name, value in zip(names, request["arguments"], strict=True)
        ]
        value = function(*arguments)
        return {"value": TypeAdapter(hints["return"]).dump_python(value, mode="json")}
    except errors.CatchmentError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        return {"error": "MemoryError", "message": "out of memory"}
    except Exception as error:  # noqa: BLE001 - the boundary: on a hostile file a reader may raise anything
        traceback.print_exc(file=sys.stderr)
        return {"error": type(error).__name__, "message": printed(error)}


def main() -> NoReturn:
    """Read a request from standard input, answer it under its limits, and end this process.

    It ends without interpreter teardown: native libraries of readers crash there more than anywhere else.
    """
    answer = Path(sys.argv[1])
    request = json.load(sys.stdin)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    confine(Limits(**request["limits"]))
    data = json.dumps(answer_request(request)).encode()
    scratch = answer.with_suffix(".tmp")
    scratch.write_bytes(data)
    scratch.replace(answer)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)
