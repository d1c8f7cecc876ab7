"""Readers with an interpreter of their own that stream items to us: spectra of a run, planes of an image.

A reader whose licence keeps it out of our process lives in an environment of its own. `stream(...)` starts its script
there, confined like every reader of ours, and yields what it sends, item by item: nothing is written to disk, and no
more than one item is held. The script needs nothing of ours. docs/readers.md describes the protocol for its authors.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from catchment import errors
from catchment.isolation import (
    CRASHED,
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    RAISED,
    Limits,
    confine,
    harmless_environment,
    has_descriptor,
    printed,
    stop_group,
)

# what the operator accepts reaches the confined child that a step runs in through the environment
ACCEPTED = "CATCHMENT_ACCEPT_LICENCES"
# before each item: bytes of its JSON header, bytes of its payload; little-endian
LENGTHS = struct.Struct("<IQ")
MAX_HEADER_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 1 << 30
BLOCK_BYTES = 1 << 20
STOPPING_S = 10.0

# it gives up its freedom in our interpreter, and then becomes the reader's: limits and namespaces outlive `exec`
CHILD = "from catchment.streaming import main; main()"

Item = tuple[dict[str, Any], bytes]


def accepted_licences() -> frozenset[str]:
    """Return the licences of optional readers that the operator accepts (`accept_licences` in the configuration)."""
    return frozenset(os.environ.get(ACCEPTED, "").split())


def interpreter_of(environment: str) -> Path:
    """Return where the interpreter of a reader's environment is, or would be: beside our own, as `make readers` does.

    `CATCHMENT_READERS` names another folder of such environments.
    """
    folder = os.environ.get("CATCHMENT_READERS") or Path(sys.prefix).parent
    return Path(folder) / f".venv-{environment}" / "bin/python"


def missing(licence: str, environment: str) -> str:
    """Return what keeps an optional reader from being used, empty where nothing does: an accepted licence, itself."""
    interpreter = interpreter_of(environment)
    found = []
    if licence not in accepted_licences():
        found.append(f"accept_licences does not name `{licence}`")
    if not interpreter.is_file():
        found.append(f"there is no environment {interpreter.parent.parent.name}")
    return " and ".join(found)


def stream(
    interpreter: Path, script: Path, request: dict[str, Any], limits: Limits, max_payload_bytes: int = MAX_PAYLOAD_BYTES
) -> Iterator[Item]:
    """Yield (header, payload) of each item that a reader's script sends for its one request.

    The reader is stopped when the caller stops asking, and ends with the thread that started it. Nothing it sends is
    believed but its form: a caller checks the values in every header, and the length of every payload.

    Raises
    ------
    ReaderFailed
        Where the reader crashes, says that it failed, runs out of memory or time, ends without saying so, or sends
        what is no item, or a larger one than allowed.
    EnvironmentFault
        Where there is no such interpreter.
    """
    conversation = Conversation(interpreter, script, limits, max_payload_bytes)
    try:
        yield from conversation.ask(request, last=True)
    finally:
        conversation.close()


class Conversation:
    """A reader that is asked again and again: one line of JSON a request, the items of each end with their count.

    Its limits hold for all of it, the wall time for each request. Only one thread may ask at a time. After a failure
    nothing more can be asked. `close` stops the reader.

    Raises
    ------
    EnvironmentFault
        Where there is no such interpreter.
    """

    def __init__(
        self, interpreter: Path, script: Path, limits: Limits, max_payload_bytes: int = MAX_PAYLOAD_BYTES
    ) -> None:
        if not interpreter.is_file():
            raise errors.EnvironmentFault(f"{interpreter}: no interpreter there; build it with `make readers`")
        self.limits = within_our_own(limits)
        self.folder = tempfile.TemporaryDirectory(prefix="catchment-", ignore_cleanup_errors=True)
        self.pipe, theirs = os.pipe()
        try:
            self.child = start(interpreter, script, self.limits, theirs, self.folder.name)
        except BaseException:
            os.close(self.pipe)
            self.folder.cleanup()
            raise
        finally:
            os.close(theirs)
        self.frames = Frames(self.pipe, self.limits, max_payload_bytes)
        self.open = True

    def ask(self, request: dict[str, Any], last: bool = False) -> Iterator[Item]:
        """Yield (header, payload) of each item for a request; raises `ReaderFailed` as `stream` does."""
        self.frames.deadline = time.monotonic() + self.limits.wall_seconds
        send_request(self.child, request, last)
        yield from items(self.frames, self.child, self.limits)

    def close(self) -> None:
        """Stop the reader and remove what it wrote; a second time does nothing."""
        if self.open:
            self.open = False
            os.close(self.pipe)
            stop_group(self.child)
            if self.child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self.child.stdin.close()
            self.folder.cleanup()


def within_our_own(limits: Limits) -> Limits:
    """Return limits of processor time that a child of ours can have: its signal at the end says what happened."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    if soft == resource.RLIM_INFINITY:
        return limits
    return limits.model_copy(update={"cpu_seconds": min(limits.cpu_seconds, soft)})


def start(interpreter: Path, script: Path, limits: Limits, pipe: int, folder: str) -> subprocess.Popen[bytes]:
    """Start the reader: the request on its standard input, the pipe named by its first argument, words to our log."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, limits.model_dump_json(), str(interpreter), str(script), str(pipe)],
        stdin=subprocess.PIPE,
        stdout=sys.__stderr__ if has_descriptor(sys.__stderr__) else None,
        pass_fds=(pipe,),
        # a reader's runtime keeps notes at home: they go with its temporary folder
        env={**harmless_environment(), "TMPDIR": folder, "HOME": folder, "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
    )


def send_request(child: subprocess.Popen[bytes], request: dict[str, Any], last: bool) -> None:
    """Write a request; a child that is gone before it was read says so by its end."""
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            if last:
                child.stdin.close()


def items(frames: Frames, child: subprocess.Popen[bytes], limits: Limits) -> Iterator[Item]:
    """Yield the items up to the one that ends the stream; raise what the reader says, or how it ended."""
    count = 0
    while (item := frames.next()) is not None:
        header, payload = item
        if "error" in header:
            raise said(header, limits)
        if "end" in header:
            if header["end"] != count:
                raise errors.ReaderFailed(RAISED, f"{count:,} items came, {printed(header['end'])} were sent")
            return
        count += 1
        yield header, payload
    raise ended(child, limits, count)


def said(header: dict[str, Any], limits: Limits) -> errors.ReaderFailed:
    """Return what a reader's own words come to."""
    name = printed(header["error"])
    if name == "MemoryError":
        return errors.ReaderFailed(OUT_OF_MEMORY, f"more than {limits.memory_mb} MB of memory")
    return errors.ReaderFailed(RAISED, f"{name}: {printed(header.get('message', ''))}")


def ended(child: subprocess.Popen[bytes], limits: Limits, count: int) -> errors.ReaderFailed:
    """Return why a stream stopped before its end: by how the process that sent it ended."""
    try:
        code = child.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        return errors.ReaderFailed(CRASHED, f"the reader stopped sending after {count:,} items")
    if code == -signal.SIGXCPU:
        return errors.ReaderFailed(OUT_OF_TIME, f"more than {limits.cpu_seconds} s of processor time")
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return errors.ReaderFailed(CRASHED, f"the reader's process ended by {how} after {count:,} items")


class Frames:
    """The items in a pipe, each within its bounds and the whole within its time."""

    def __init__(self, pipe: int, limits: Limits, max_payload_bytes: int) -> None:
        self.pipe = pipe
        self.deadline = math.inf
        self.limits = limits
        self.max_payload_bytes = max_payload_bytes
        self.poll = select.poll()
        self.poll.register(pipe, select.POLLIN)

    def next(self) -> Item | None:
        """Return the next item; None where the pipe ends, be it between two items or within one."""
        lengths = self.exactly(LENGTHS.size)
        if lengths is None:
            return None
        header_bytes, payload_bytes = LENGTHS.unpack(lengths)
        for what, size, most in (
            ("header", header_bytes, MAX_HEADER_BYTES),
            ("payload", payload_bytes, self.max_payload_bytes),
        ):
            if size > most:
                found = f"an item whose {what} has {size:,} bytes, expected at most {most:,}"
                raise errors.ReaderFailed(RAISED, found)
        text, payload = self.exactly(header_bytes), None
        if text is not None:
            payload = self.exactly(payload_bytes)
        return None if text is None or payload is None else (header_of(text), payload)

    def exactly(self, size: int) -> bytes | None:
        """Return that many bytes, None where the pipe ends before; memory grows with what has come, not with `size`."""
        data = bytearray()
        while len(data) < size:
            left = self.deadline - time.monotonic()
            if left <= 0 or not self.poll.poll(left * 1_000):
                raise errors.ReaderFailed(OUT_OF_TIME, f"no answer within {self.limits.wall_seconds} s")
            block = os.read(self.pipe, min(size - len(data), BLOCK_BYTES))
            if not block:
                return None
            data += block
        return bytes(data)


def header_of(text: bytes) -> dict[str, Any]:
    """Return an item's header."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.ReaderFailed(RAISED, f"an item whose header is not JSON ({printed(error)})") from None
    if not isinstance(header, dict):
        raise errors.ReaderFailed(RAISED, f"an item whose header is a {type(header).__name__}, expected an object")
    return header


# --- in the child ------------------------------------------------------------------------------------------------


def main() -> NoReturn:
    """Confine this process and turn it into the reader's interpreter, which sees no setting of ours (`-I`)."""
    limits, interpreter, *script_and_pipe = sys.argv[1:]
    confine(Limits.model_validate_json(limits))
    os.execv(interpreter, [interpreter, "-I", "-u", *script_and_pipe])  # noqa: S606 - no shell is wanted
