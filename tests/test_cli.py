"""Every verb says what it does; what goes wrong is one line and an exit code that tells whose turn it is."""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catchment import cli, commands
from catchment.errors import (
    BadInput,
    CatchmentError,
    Damage,
    EnvironmentFault,
    NothingKept,
    RecordUnreadable,
    WorkdirLocked,
)

from .submission.conftest import toys, write_upload

CELLS = b"\x89HDF data"
__all__ = ["toys"]


def verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the verbs right below a parser."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


VERBS = verbs(cli.parser())
STEPS = verbs(VERBS["step"])


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def usage(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    captured = capsys.readouterr()
    return caught.value.code, captured.out, captured.err


# --- help --------------------------------------------------------------------------------------------------------


def test_the_verbs_are_those_that_the_outside_relies_on() -> None:
    promised = {"check", "run", "receive", "status", "findings", "audit", "diff", "sweep", "search", "describe", "step"}
    assert promised <= set(VERBS)
    assert list(STEPS) == ["admit", "convert", "normalise", "plan", "assemble", "verify", "index", "release"]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_help_of_every_verb_has_an_example_that_parses(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = usage(verb, "--help", capsys=capsys)
    assert code == 0
    example = out.partition("example:\n  ")[2].strip()
    assert example.startswith(f"catchment {verb}")
    parsed = cli.parser().parse_args(example.split()[1:])
    assert callable(parsed.call)


@pytest.mark.parametrize("step", sorted(STEPS))
def test_the_help_of_every_step_names_what_it_reads_and_writes(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = usage("step", step, "--help", capsys=capsys)
    assert code == 0
    assert "--out FILE" in out
    assert "--settings JSON" in out
    for record in cli.STEP_INPUTS[step]:
        assert f"--{record} FILE" in out


def test_every_option_says_what_it_is_for() -> None:
    for name, verb in VERBS.items():
        for action in verb._actions:
            assert action.help or not action.option_strings, f"{name} {action.option_strings}"


def test_the_help_of_the_whole_has_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = usage("--help", capsys=capsys)
    assert code == 0
    for line in cli.EXAMPLES.splitlines():
        if line.strip().startswith("catchment "):
            assert line in out
            cli.parser().parse_args(line.split()[1:])


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = usage("--version", capsys=capsys)
    assert code == 0
    assert out.startswith("catchment ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["check"],
        ["check", "x", "--colour"],
        ["receive", "x"],
        ["step"],
        ["step", "unknown"],
        ["step", "admit", "--out", "x"],
        ["search", "--having", "photographs"],
        ["step", "plan", "--out", "x", "--threads", "many"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = usage(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith("usage: catchment")


# --- exit codes --------------------------------------------------------------------------------------------------


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], int]], None]]:
    """Let the verb `status` do something else."""

    def put(act: Callable[[], int]) -> None:
        monkeypatch.setattr(commands, "call_status", lambda _: act())

    yield put


def raising(error: BaseException) -> Callable[[], int]:
    def act() -> int:
        raise error

    return act


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (CatchmentError, 1),
        (NothingKept, 1),
        (BadInput, 2),
        (RecordUnreadable, 2),
        (EnvironmentFault, 3),
        (WorkdirLocked, 3),
        (Damage, 4),
    ],
)
def test_an_error_on_purpose_is_one_line_and_its_exit_code(
    kind: type[CatchmentError], code: int, ending: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(raising(kind("plate.nd2: 3 channels,\n2 names\x1b[31m; give one name per channel")))
    assert run("status", capsys=capsys) == (
        code,
        "",
        "catchment status: plate.nd2: 3 channels, 2 names?[31m; give one name per channel\n",
    )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE])
def test_a_failing_machine_is_one_line_and_3(code: int, ending: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ending(raising(OSError(code, os.strerror(code), "/tmp/x")))
    status, out, err = run("status", capsys=capsys)
    assert (status, out) == (3, "")
    assert err == f"catchment status: [Errno {code}] {os.strerror(code)}: '/tmp/x'; mend that, then run again\n"


@pytest.mark.parametrize("error", [ValueError("bug"), FileNotFoundError(errno.ENOENT, "No such file"), KeyError("x")])
def test_a_bug_keeps_its_traceback(error: Exception, ending: Any) -> None:
    ending(raising(error))
    with pytest.raises(type(error)):
        cli.main(["status"])


def test_the_code_of_a_verb_is_the_code_of_the_command(ending: Any) -> None:
    for code in (0, 2, 4):
        ending(lambda code=code: code)
        assert cli.main(["status"]) == code


def test_a_reader_that_has_enough_ends_the_command_without_a_word() -> None:
    code = (
        "import sys\n"
        "from catchment import cli, commands\n"
        "commands.call_status = lambda _: print('x' * 1_000_000) or 0\n"
        "sys.exit(cli.main(['status']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == "x" * 10
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_the_installed_command_fails_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "catchment", "check", "nowhere.h5ad"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "catchment check: nowhere.h5ad: No such file or directory; check the path\n"


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere"], "nowhere: No such file or directory; check the path"),
        (["run", "nowhere", "-o", "out"], "nowhere: No such file or directory; check the path"),
        (["check", "x", "--configfile", "nowhere.yaml"], "nowhere.yaml: [Errno 2]"),
        (["check", "x", "--configfile", "list.yaml"], "list.yaml: found a list, expected a mapping like config"),
        (["check", "x", "--configfile", "latin.yaml"], "latin.yaml: 'utf-8' codec can't decode"),
        (["check", "x", "--configfile", "typo.yaml"], "configuration: wrkdir: unknown key; did you mean workdir?"),
        (["status"], "no build folder with inbox here; name it with --workdir, or build one first (make demo)"),
        (["findings", "CAT1"], "no build folder with inbox here"),
        (["findings", "CAT1", "--workdir", "."], "CAT1: no such submission in inbox; there are none yet"),
        (["search", "liver"], "no build folder with releases/latest.json here"),
        (["search", "--workdir", "."], "no release published here yet; run snakemake, or name one with --release"),
        (["step", "plan", "--out", "o", "--settings", "{"], "--settings: not JSON"),
        (["step", "plan", "--out", "o", "--settings", "[]"], "--settings: found a JSON list, expected one section"),
        (["step", "admit", "--asset", "a.json", "--out", "o"], "a.json: no such record; run the step that writes it"),
    ],
)
def test_bad_input_is_one_line_that_names_it_and_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.yaml").write_text("[a]")
    Path("latin.yaml").write_bytes(b"workdir: Z\xfcrich")
    Path("typo.yaml").write_text("wrkdir: x")
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith(f"catchment {arguments[0]}: ")
    assert message in err
    assert err.count("\n") == 1


# --- receiving ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("toys")
def test_receiving_tells_accessions_and_one_bad_upload_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, inbox = write_upload(tmp_path / "good", a_h5ad=CELLS), tmp_path / "inbox"
    code, out, err = run("receive", tmp_path / "nowhere", good, "--inbox", inbox, "--json", capsys=capsys)
    assert code == 2
    assert err == f"catchment receive: {tmp_path}/nowhere: No such file or directory; check the path\n"
    (row,) = json.loads(out)
    assert row == {"upload": "good", "accession": "CAT00000001K", "assets": 1, "state": "received"}
    code, out, _ = run("receive", good, "--inbox", inbox, "--json", capsys=capsys)
    assert (code, json.loads(out)[0]["state"]) == (0, "known already")


@pytest.mark.usefixtures("toys")
def test_receiving_an_upload_with_an_error_ends_with_2_and_prints_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upload = write_upload(tmp_path / "up", a_h5ad=b"<html>")
    code, out, _ = run("receive", upload, "--inbox", tmp_path / "inbox", capsys=capsys)
    assert code == 2
    assert "error FMT-001 a.h5ad" in out


@pytest.mark.usefixtures("toys")
def test_a_received_submission_has_a_status_and_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("receive", write_upload(tmp_path / "up", a_h5ad=b"<html>"), "--inbox", tmp_path / "inbox", capsys=capsys)
    code, out, _ = run("status", "--workdir", tmp_path, "--json", capsys=capsys)
    assert code == 0
    assert [(row["accession"], row["admit"]) for row in json.loads(out)] == [("CAT00000001K", "pending")]
    code, out, _ = run("status", "--workdir", tmp_path, "--summary", capsys=capsys)
    assert (code, out) == (0, "0 of 1 assets through, 0 held\n")
    page = tmp_path / "page.html"
    assert run("findings", "CAT00000001K", "--workdir", tmp_path, "--html", page, capsys=capsys)[0] == 0
    assert "FMT-001" in page.read_text(encoding="utf-8")
    code, _, err = run("findings", "CAT00000002T", "--workdir", tmp_path, capsys=capsys)
    assert code == 2
    assert "no such submission" in err
    assert "there are CAT00000001K" in err
