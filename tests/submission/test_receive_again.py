"""A submission is received once: again, at once, interrupted, or left where it lies, it is never half there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catchment.errors import BadInput, EnvironmentFault, WorkdirLocked
from catchment.isolation import Limits
from catchment.schema.records import Held
from catchment.steps import admit
from catchment.storage import locked
from catchment.submission import receive as receive_room
from catchment.submission.accession import accession
from catchment.submission.inbox import asset_keys

from .conftest import MAGIC, only, receive, snapshot, write_upload

pytestmark = pytest.mark.usefixtures("toys")

CELLS, IMAGE = MAGIC["singlecell"] + b" data", MAGIC["imaging"] + b" data"
FIRST, SECOND = accession(1), accession(2)


# --- again, at once, interrupted ---------------------------------------------------------------------------------


def test_the_same_upload_again_gets_the_same_accession_and_changes_nothing(tmp_path: Path) -> None:
    upload, inbox = write_upload(tmp_path / "up", a_h5ad=CELLS, b_tif=IMAGE), tmp_path / "inbox"
    first = receive(upload, inbox)
    before = snapshot(inbox)
    copy = shutil.copytree(upload, tmp_path / "elsewhere")
    for again in (receive(upload, inbox), receive(copy, inbox), receive(upload, inbox, reference=True)):
        assert not again.new
        assert again.manifest == first.manifest
        assert sorted(again.assets, key=lambda asset: asset.asset) == list(first.assets)
    assert snapshot(inbox) == before


def test_the_same_upload_in_another_inbox_gives_the_same_asset_bytes(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", "study: {title: t}\nassets: [{file: a.h5ad}]\n", a_h5ad=CELLS)
    texts = []
    for name in ("one", "two"):
        receive(upload, tmp_path / name)
        texts.append((tmp_path / name / FIRST / "singlecell/a0001.json").read_bytes())
    assert texts[0] == texts[1]


def test_another_upload_gets_the_next_accession(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    receive(write_upload(tmp_path / "up", a_h5ad=CELLS), inbox)
    assert receive(write_upload(tmp_path / "other", b_h5ad=CELLS), inbox).manifest.accession == SECOND


def test_while_one_receives_another_is_told_to_try_again(tmp_path: Path) -> None:
    upload, inbox = write_upload(tmp_path / "up", a_h5ad=CELLS), tmp_path / "inbox"
    with locked(inbox, "receive"), pytest.raises(WorkdirLocked, match="busy with receive") as caught:
        receive(upload, inbox)
    assert caught.value.exit_code == 3
    assert asset_keys(inbox) == []


KILLED = """
import sys, time
from pathlib import Path
from tests.submission.conftest import TOYS
from catchment import modalities
from catchment.submission import receive
modalities.modality = TOYS.__getitem__
def stop(*_):
    print("here", flush=True)
    time.sleep(60)
setattr(receive, sys.argv[1], stop)
receive.receive(Path(sys.argv[2]), Path(sys.argv[3]), modalities.RECOGNISER)
"""


@pytest.mark.parametrize("where", ["build_manifest", "save", "commit_folder"])
def test_a_receive_that_is_killed_leaves_nothing_that_is_seen_and_the_next_one_cleans_up(
    tmp_path: Path, where: str
) -> None:
    upload, inbox = write_upload(tmp_path / "up", a_h5ad=CELLS), tmp_path / "inbox"
    checkout = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{checkout}:{checkout / 'src'}"}
    command = [sys.executable, "-c", KILLED, where, str(upload), str(inbox)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)
    left = inbox / f".{FIRST}.receiving"
    assert (left / "raw/a0001.h5ad").exists()
    assert (left / "manifest.json").exists() is (where == "commit_folder")
    assert asset_keys(inbox) == []
    receipt = receive(upload, inbox)
    assert receipt.new
    assert receipt.manifest.accession == FIRST
    assert sorted(path.name for path in inbox.iterdir()) == [".last-accession", ".receive.lock", FIRST]


def test_a_receive_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise EnvironmentFault("no room")

    monkeypatch.setattr(receive_room, "save", full)
    with pytest.raises(EnvironmentFault):
        receive(write_upload(tmp_path / "up", a_h5ad=CELLS), tmp_path / "inbox")
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == [".receive.lock"]


def test_a_file_that_changes_between_reading_and_copying_is_refused(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", a_h5ad=CELLS)
    passes: list[int] = []

    def rewrite(done: int) -> None:
        passes.append(done)
        if len(passes) == 1:
            return
        (upload / "a.h5ad").write_bytes(CELLS + b"!")

    with pytest.raises((BadInput, EnvironmentFault), match=r"a\.h5ad: changed"):
        receive(upload, tmp_path / "inbox", progress=rewrite)
    assert asset_keys(tmp_path / "inbox") == []


@pytest.mark.parametrize(("reference", "passes"), [(False, 2), (True, 1)])
def test_progress_is_told_every_byte_of_every_pass(tmp_path: Path, reference: bool, passes: int) -> None:
    told: list[int] = []
    upload = write_upload(tmp_path / "up", a_h5ad=CELLS, b_tif=IMAGE)
    receive(upload, tmp_path / "inbox", reference=reference, progress=told.append)
    assert sum(told) == passes * (len(CELLS) + len(IMAGE))


def test_an_inbox_inside_the_upload_is_refused(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", a_h5ad=CELLS)
    with pytest.raises(BadInput, match=r"up: the inbox .* lies inside it"):
        receive(upload, upload / "build/inbox")
    assert receive(upload / "a.h5ad", upload / "build/inbox").new


def test_a_stray_folder_in_the_inbox_is_named(tmp_path: Path) -> None:
    (tmp_path / "inbox/CAT-mine").mkdir(parents=True)
    with pytest.raises(BadInput, match="CAT-mine: not an accession"):
        receive(write_upload(tmp_path / "up", a_h5ad=CELLS), tmp_path / "inbox")


# --- references --------------------------------------------------------------------------------------------------


def admitted(inbox: Path, workdir: Path) -> Held:
    record = admit(inbox / FIRST / "singlecell/a0001.json", {}, workdir / "admit.json", Limits())
    assert isinstance(record, Held)
    return record


@pytest.mark.parametrize("folder", ["up", "raw"])
@pytest.mark.parametrize("change", ["byte", "size", "gone"])
def test_a_referenced_file_stays_where_it_is_and_a_change_holds_it(tmp_path: Path, folder: str, change: str) -> None:
    upload, inbox = write_upload(tmp_path / folder, a_h5ad=CELLS), tmp_path / "inbox"
    asset = only(receive(upload, inbox, reference=True))
    path = Path(asset.files[0].path)
    assert path == upload / "a.h5ad"
    assert not (inbox / FIRST / "raw").exists()
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(CELLS[:-1] + (b"!" if change == "byte" else b"!!"))
    held = admitted(inbox, tmp_path)
    (finding,) = held.findings
    assert (finding.code, finding.where, held.publish_bytes) == ("SRC-001", "a.h5ad", False)


def test_a_copy_that_lost_bytes_is_held(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    receive(write_upload(tmp_path / "up", a_h5ad=CELLS), inbox)
    copy = inbox / FIRST / "raw/a0001.h5ad"
    copy.unlink()
    copy.write_bytes(CELLS[:-1])
    (finding,) = admitted(inbox, tmp_path).findings
    assert (finding.code, finding.found) == ("SRC-001", f"{len(CELLS) - 1} bytes, received {len(CELLS)}")


def test_the_accession_of_a_submission_that_is_gone_is_not_given_out_again(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    accessions = []
    for name in ("one", "two"):
        upload = tmp_path / name
        upload.mkdir()
        (upload / "file.png").write_bytes(name.encode())
        receipt = receive(upload, inbox)
        accessions.append(receipt.manifest.accession)
        shutil.rmtree(inbox / receipt.manifest.accession)
    assert accessions == [FIRST, SECOND]
