"""A confined child hands back typed data or is told apart by how it failed; nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catchment.errors import BadInput, EnvironmentFault, ReaderFailed
from catchment.isolation import Limits, call, harmless_environment, leave_network
from catchment.schema.records import Finding

from . import isolation_functions as functions

USUAL = Limits(memory_mb=2_000, cpu_seconds=30, wall_seconds=30)
FINDING = Finding(code="X-001", level="info", where="é", found="\x00", expected="x", fix="y", count=3)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


def failure(function: Callable[..., Any], *arguments: Any, limits: Limits = USUAL) -> tuple[str, str]:
    with pytest.raises(ReaderFailed) as caught:
        call(function, *arguments, limits=limits)
    return caught.value.code, str(caught.value)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def ends(pid: int, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


# --- what goes in and comes out ----------------------------------------------------------------------------------


def test_values_cross_in_the_types_that_the_function_declares() -> None:
    finding, numbers = call(functions.echo, FINDING, (1, 2), {"b": "2", "a": "1"}, limits=USUAL)
    assert finding == FINDING.model_copy(update={"where": '{"a": "1", "b": "2"}'})
    assert numbers == (1, 2)


def test_every_argument_must_be_given() -> None:
    with pytest.raises(ValueError, match="shorter"):
        call(functions.own_arguments, 1, limits=USUAL)


def test_an_answer_of_another_kind_than_declared_is_a_failure_of_the_reader() -> None:
    code, message = failure(functions.wrong_kind)
    assert code == "ISO-004"
    assert "PydanticSerializationError" in message


def test_words_on_standard_output_do_not_disturb_the_answer() -> None:
    assert call(functions.print_words, limits=USUAL) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("cos\nsystem\n(S'id'\ntR.", "ISO-004"),  # a pickle
        ("", "ISO-004"),
        ("[]", "ISO-004"),
        ("{}", "ISO-004"),
        ('{"value": "text"}', "ISO-004"),
        ('{"error": ["x"], "message": null}', "ISO-004"),
        ('{"error": "ReaderFailed", "message": "x"}', "ISO-004"),
        ('{"error": "annotations", "message": "x"}', "ISO-004"),
        ("[" * 100_000, "ISO-004"),
        ("pipe", "ISO-001"),
        ("link", "ISO-001"),
    ],
)
def test_a_child_that_was_taken_over_can_hand_back_data_and_nothing_else(answer: str, code: str) -> None:
    assert failure(functions.forge, answer)[0] == code


def test_an_answer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catchment.isolation.MAX_ANSWER_BYTES", 5)
    assert failure(functions.allocate, 1) == ("ISO-004", "an answer of 18 bytes, expected at most 5")


# --- how it fails ------------------------------------------------------------------------------------------------


def test_a_crash_of_native_code_is_told_by_its_signal() -> None:
    assert failure(functions.crash) == ("ISO-001", "the reader's process ended by SIGSEGV")


def test_an_end_without_an_answer_is_a_crash() -> None:
    assert failure(functions.end_quietly) == ("ISO-001", "the reader's process ended by exit code 7")


def test_more_memory_than_allowed_is_told_with_the_limit() -> None:
    limits = USUAL.model_copy(update={"memory_mb": 500})
    assert failure(functions.allocate, 600, limits=limits) == ("ISO-003", "more than 500 MB of memory")
    assert call(functions.allocate, 100, limits=limits) == 100_000_000


def test_more_wall_time_than_allowed_is_told_with_the_limit() -> None:
    started = time.monotonic()
    limits = USUAL.model_copy(update={"wall_seconds": 1})
    assert failure(functions.sleep, 60.0, limits=limits) == ("ISO-002", "no answer within 1 s")
    assert time.monotonic() - started < 10


def test_more_processor_time_than_allowed_is_told_with_the_limit() -> None:
    limits = USUAL.model_copy(update={"cpu_seconds": 1})
    assert failure(functions.burn, limits=limits) == ("ISO-002", "more than 1 s of processor time")


@pytest.mark.parametrize("kind", ["ValueError", "ReaderFailed"])
def test_what_nobody_raises_on_purpose_comes_back_by_name_and_message(kind: str) -> None:
    assert failure(functions.raise_error, kind, "bad block 7") == ("ISO-004", f"{kind}: bad block 7")


def test_a_message_that_no_record_can_hold_is_mended_and_a_long_one_cut() -> None:
    assert failure(functions.raise_half_a_character) == ("ISO-004", "ValueError: half a pair: ?")
    code, message = failure(functions.raise_error, "ValueError", "x" * 10_000)
    assert (code, len(message)) == ("ISO-004", len("ValueError: ") + 500)


def test_text_that_no_record_can_hold_is_mended() -> None:
    (finding,) = call(functions.return_half_a_character, limits=USUAL)
    assert (finding.where, finding.found) == ("?", "\U0001f9ec")


@pytest.mark.parametrize(("kind", "error"), [("BadInput", BadInput), ("EnvironmentFault", EnvironmentFault)])
def test_what_is_raised_on_purpose_is_raised_here(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"plate\.nd2: 3 channels"):
        call(functions.raise_error, kind, "plate.nd2: 3 channels", limits=USUAL)


def test_a_file_larger_than_allowed_is_not_written(tmp_path: Path) -> None:
    limits = USUAL.model_copy(update={"file_mb": 1})
    code, message = failure(functions.write_file, str(tmp_path / "large"), 2, limits=limits)
    assert code == "ISO-004"
    assert "File too large" in message
    assert (tmp_path / "large").stat().st_size <= 1_000_000


def test_a_first_look_may_take_a_minute_and_some_seconds_for_each_mb() -> None:
    limits = Limits(cpu_seconds=1_000, admit_cpu_seconds_per_mb=4)
    assert [limits.of_admission(size).cpu_seconds for size in (0, 10_000_000, 10**12)] == [60, 100, 1_000]
    assert limits.of_admission(0).model_dump(exclude={"cpu_seconds"}) == limits.model_dump(exclude={"cpu_seconds"})


# --- what it may not ---------------------------------------------------------------------------------------------


def test_limits_are_hard_where_they_can_be() -> None:
    found = call(functions.limits, limits=USUAL)
    assert found["RLIMIT_AS"] == (2_000_000_000, 2_000_000_000)
    assert found["RLIMIT_CPU"] == (30, 31)
    assert found["RLIMIT_CORE"] == (0, 0)


def test_native_plugins_of_hdf5_are_off_and_the_temporary_folder_is_its_own() -> None:
    assert call(functions.environment, "HDF5_PLUGIN_PRELOAD", limits=USUAL) == "::"
    folder = Path(call(functions.temporary_folder, limits=USUAL))
    assert folder.name.startswith("catchment-")
    assert not folder.exists()


def can_leave_the_network() -> bool:
    code = "import sys; from catchment.isolation import leave_network; sys.exit(not leave_network())"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_child_has_no_network() -> None:
    if not can_leave_the_network():
        pytest.skip("this kernel lets nobody leave the network")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert call(functions.connect, port, limits=USUAL) is False
        assert call(functions.connect, port, limits=USUAL.model_copy(update={"network": True})) is True


def test_leaving_the_network_tells_whether_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def unshare(self, _: int) -> int:
            return -1

    monkeypatch.setattr("catchment.isolation.ctypes.CDLL", lambda *_, **__: Refusing())
    assert leave_network() is False


# --- what stays behind -------------------------------------------------------------------------------------------


def test_a_child_has_a_session_of_its_own() -> None:
    pid, session = call(functions.process, limits=USUAL)
    assert pid == session != os.getpid()


@pytest.mark.parametrize("function", [functions.start_grandchild, functions.leave_grandchild])
def test_what_the_child_started_ends_with_it(tmp_path: Path, function: Callable[[str], int]) -> None:
    note = tmp_path / "pid"
    limits = USUAL.model_copy(update={"wall_seconds": 2})
    if function is functions.start_grandchild:
        assert failure(function, str(note), limits=limits)[0] == "ISO-002"
    else:
        assert call(function, str(note), limits=limits) == 0
    assert ends(int(note.read_text()))


CALLER = """
import sys
from catchment.isolation import Limits, call
from tests.isolation_functions import note_own_process
call(note_own_process, sys.argv[1], limits=Limits())
"""


def test_the_child_ends_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(note)])
    with caller:
        until = time.monotonic() + 20
        while not (note.exists() and note.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        child = int(note.read_text())
        assert is_running(child)
        caller.send_signal(signal.SIGKILL)
    assert ends(child)


def test_calls_from_several_threads_do_not_meet() -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(call(functions.allocate, n, limits=USUAL))) for n in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [1_000_000, 2_000_000]


def test_a_child_does_not_inherit_tokens_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("CATCHMENT_THREADS", "2")
    kept = harmless_environment()
    assert "AWS_SECRET_ACCESS_KEY" not in kept
    assert kept["CATCHMENT_THREADS"] == "2"
