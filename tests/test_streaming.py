"""A reader with its own interpreter streams items to us, or is told apart by how it failed; nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from catchment.errors import EnvironmentFault, ReaderFailed
from catchment.isolation import Limits
from catchment.streaming import Conversation, Item, accepted_licences, stream

SCRIPT = Path(__file__).with_name("streaming_child.py")
INTERPRETER = Path(sys.executable)
USUAL = Limits(memory_mb=2_000, cpu_seconds=30, wall_seconds=30)


def asked(how: str, limits: Limits = USUAL, max_payload_bytes: int = 10_000, **more: Any) -> list[Item]:
    return list(stream(INTERPRETER, SCRIPT, {"how": how, **more}, limits, max_payload_bytes))


def failure(how: str, limits: Limits = USUAL, **more: Any) -> tuple[str, str]:
    with pytest.raises(ReaderFailed) as caught:
        asked(how, limits, **more)
    return caught.value.code, str(caught.value)


def ends(pid: int, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_items_arrive_whole_and_in_order() -> None:
    assert asked("count", items=5) == [({"number": n, "é": "ü"}, bytes([n]) * n) for n in range(5)]


def test_a_stream_of_no_items_is_a_stream() -> None:
    assert asked("count", items=0) == []


def test_reader_has_no_network_no_home_and_nothing_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ((found, _),) = asked("look", port=server.getsockname()[1])
    assert not found["reached"]
    assert not found["modules"]
    assert "catchment-" in found["home"]
    assert not Path(found["home"]).exists()
    assert found["path"] != str(SCRIPT.parent)


@pytest.mark.parametrize(
    ("how", "more", "code", "message"),
    [
        ("die", {}, "ISO-001", "SIGSEGV after 1 items"),
        ("leave", {}, "ISO-001", "exit code 0 after 1 items"),
        ("cut", {}, "ISO-001", "exit code 0 after 0 items"),
        ("lose", {}, "ISO-004", "1 items came, 2 were sent"),
        ("garbage", {}, "ISO-004", "header has 1,667,330,644 bytes, expected at most 1,048,576"),
        ("no-json", {}, "ISO-004", "header is not JSON"),
        ("deep", {}, "ISO-004", "header is not JSON"),
        ("list", {}, "ISO-004", "header is a list"),
        ("large", {}, "ISO-004", "payload has 4,611,686,018,427,387,904 bytes, expected at most 10,000"),
        ("say", {"error": "ValueError"}, "ISO-004", "ValueError: ? scan 7"),
        ("say", {"error": "MemoryError"}, "ISO-003", "more than 2000 MB"),
        ("memory", {}, "ISO-003", "more than 2000 MB"),
    ],
)
def test_a_reader_that_fails_is_told_apart(how: str, more: dict[str, Any], code: str, message: str) -> None:
    found = failure(how, **more)
    assert found[0] == code
    assert message in found[1]


def test_a_reader_that_computes_for_ever_is_stopped() -> None:
    code, message = failure("spin", Limits(memory_mb=2_000, cpu_seconds=1, wall_seconds=30))
    assert (code, message) == ("ISO-002", "more than 1 s of processor time")


def test_a_reader_that_waits_for_ever_is_stopped() -> None:
    assert failure("wait", Limits(memory_mb=2_000, wall_seconds=1)) == ("ISO-002", "no answer within 1 s")


def test_a_reader_ends_when_nobody_asks_any_more() -> None:
    items = stream(INTERPRETER, SCRIPT, {"how": "wait"}, USUAL)
    header, _ = next(items)
    os.kill(header["pid"], 0)
    items.close()  # type: ignore[attr-defined]
    assert ends(header["pid"])


def test_a_script_that_is_not_there_is_a_failed_reader(tmp_path: Path) -> None:
    with pytest.raises(ReaderFailed, match="exit code 2"):
        list(stream(INTERPRETER, tmp_path / "absent.py", {}, USUAL))


def test_an_interpreter_that_is_not_there_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="no interpreter there; build it with `make readers`"):
        list(stream(tmp_path / "bin/python", SCRIPT, {}, USUAL))


def test_a_reader_ends_with_whoever_started_it() -> None:
    program = (
        "import sys, time; from pathlib import Path; from catchment.isolation import Limits\n"
        "from catchment.streaming import stream\n"
        f"items = stream(Path(sys.executable), Path({str(SCRIPT)!r}), {{'how': 'wait'}}, Limits())\n"
        "print(next(items)[0]['pid'], flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
    assert ends(pid)


def test_accepted_licences_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "gpl  thermo")
    assert accepted_licences() == {"gpl", "thermo"}
    monkeypatch.delenv("CATCHMENT_ACCEPT_LICENCES")
    assert accepted_licences() == frozenset()


def test_a_reader_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ((found, _),) = asked("look", port=1)
    assert "AWS_SECRET_ACCESS_KEY" not in found["environment"]


def test_processor_time_that_a_confined_process_has_left_is_its_readers_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1, 2))
    assert failure("spin") == ("ISO-002", "more than 1 s of processor time")


# --- a reader that is asked again and again ----------------------------------------------------------------------


def test_a_conversation_answers_each_request_in_turn_and_ends_when_closed() -> None:
    conversation = Conversation(INTERPRETER, SCRIPT, USUAL)
    answers = [list(conversation.ask({"how": "talk", "said": said})) for said in ("a", "b", "é")]
    assert answers == [[({"said": said}, b"")] for said in ("a", "b", "é")]
    pid, folder = conversation.child.pid, Path(conversation.folder.name)
    assert folder.is_dir()
    conversation.close()
    conversation.close()
    assert ends(pid)
    assert not folder.exists()


def test_a_conversation_that_fails_says_so_and_answers_no_more() -> None:
    conversation = Conversation(INTERPRETER, SCRIPT, USUAL)
    try:
        with pytest.raises(ReaderFailed, match="NoMore: enough"):
            list(conversation.ask({"how": "talk", "said": "no"}))
        os.killpg(conversation.child.pid, signal.SIGKILL)
        conversation.child.wait()
        with pytest.raises(ReaderFailed, match="ended by SIGKILL after 0 items"):
            list(conversation.ask({"how": "talk", "said": "a"}))
    finally:
        conversation.close()
