"""What a release would lack of the last one stops it, unless it is allowed; the last one stays."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catchment import cli, steps
from catchment.errors import BadInput
from catchment.release.losses import NAMED, Loss, in_words, losses
from catchment.schema.build_records import Indexed
from catchment.storage import save
from tests.release.synthetic_build import Synthetic, lay_out, publish_build, sha256, snapshot, stamp

FIRST, FLY = "CAT00000001A.D0001", "CAT00000006A.D0001"
COMPLETE = {"stage": "standardised", "in_census": True, "n_cells": 20, "n_images": None, "n_spectra": None}
COMPLETE |= {"held_reasons": [], "left_out_reasons": []}


def vanish(made: Synthetic) -> None:
    made.normalised.pop(0)


def shrink(made: Synthetic) -> None:
    record = made.normalised[0]
    said = record.contribution.model_copy(update={"counts": {"cells": 19, "genes": 5}})
    made.normalised[0] = record.model_copy(update={"contribution": said})


def withhold(made: Synthetic) -> None:
    made.hold(made.normalised.pop(0).asset)


def leave_out(made: Synthetic) -> None:
    made.outside_census.add(FIRST)


WORDS = {
    vanish: f"{FIRST} is not there any more",
    shrink: f"{FIRST} has 19 cells where it had 20",
    withhold: f"{FIRST} is held: AD-001: 12 rows, 13 ids",
    leave_out: f"{FIRST} is left out of the census: CEN-002: no organism",
}
EXPLAINED = {withhold, leave_out}


def published_now(made: Synthetic) -> str:
    return str(json.loads((made.workdir / "releases/latest.json").read_bytes())["release"])


# --- what counts -------------------------------------------------------------------------------------------------


def test_what_came_or_grew_is_no_loss() -> None:
    grown = COMPLETE | {"n_cells": 25}
    assert losses({"A.D0001": COMPLETE}, {"A.D0001": grown, "B.D0001": COMPLETE}) == []
    assert losses({}, {"A.D0001": COMPLETE}) == []


def test_of_what_was_held_before_nothing_is_lost() -> None:
    held = COMPLETE | {"stage": "raw", "in_census": False, "n_cells": None}
    assert losses({"A.D0001": held}, {}) == losses({"A.D0001": held}, {"A.D0001": held}) == []


def test_a_later_revision_stands_for_a_dataset_and_an_earlier_one_does_not() -> None:
    assert losses({"A.D0001": COMPLETE}, {"A.v2.D0001": COMPLETE}) == []
    assert losses({"A.v2.D0001": COMPLETE}, {"A.D0001": COMPLETE}) == [
        Loss("A.v2.D0001", "is not there any more", explained=False)
    ]


@pytest.mark.parametrize("what", ["cells", "images", "spectra"])
def test_fewer_of_anything_counted_is_a_loss(what: str) -> None:
    before, after = COMPLETE | {f"n_{what}": 2_000}, COMPLETE | {f"n_{what}": 1_999}
    assert losses({"A.D0001": before}, {"A.D0001": after}) == [
        Loss("A.D0001", f"has 1,999 {what} where it had 2,000", explained=False)
    ]


def test_out_of_the_census_without_a_reason_is_not_explained() -> None:
    out = COMPLETE | {"stage": "validated", "in_census": False}
    (loss,) = losses({"A.D0001": COMPLETE}, {"A.D0001": out})
    assert loss == Loss("A.D0001", "is left out of the census: no reason is known", explained=False)


def test_columns_that_an_older_release_did_not_have_count_nothing() -> None:
    assert losses({"A.D0001": {"dataset_id": "A.D0001"}}, {"A.D0001": COMPLETE}) == []


def test_a_message_names_the_first_and_counts_the_rest() -> None:
    many = [Loss(f"D{number}", "is held", explained=True) for number in range(NAMED + 1_200)]
    assert in_words(many).startswith("D0 is held, D1 is held, ")
    assert in_words(many).endswith("D9 is held, and 1,200 more")
    assert in_words(many[:1]) == "D0 is held"


# --- the gate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", WORDS)
def test_a_loss_stops_the_release_unless_it_is_allowed(made: Synthetic, change: Callable[[Synthetic], Any]) -> None:
    publish_build(made)
    before = snapshot(made.workdir / "releases")
    change(made)
    refusing = ["none"] if change in EXPLAINED else ["none", "explained"]
    for allowed in refusing:
        with pytest.raises(BadInput) as refused:
            publish_build(made, allow_loss=allowed)
        assert WORDS[change] in str(refused.value)
        assert "release 2026.1 stays" in str(refused.value)
        assert """--config 'release={"allow_loss": "any"}'""" in str(refused.value)
        assert snapshot(made.workdir / "releases") == before
    assert publish_build(made, allow_loss="any").release == published_now(made) == "2026.2"


def test_by_default_what_is_held_stops_nothing_and_what_went_without_a_word_does(
    made: Synthetic, caplog: pytest.LogCaptureFixture
) -> None:
    publish_build(made)
    withhold(made)
    with caplog.at_level(logging.WARNING):
        assert publish_build(made).release == "2026.2"
    assert f"lost since release 2026.1: {WORDS[withhold]}" in caplog.text
    vanish(made)
    with pytest.raises(BadInput, match=r"release 2026\.2 stays: CAT00000002A\.D0001 is not there"):
        publish_build(made)
    assert published_now(made) == "2026.2"


def test_what_was_allowed_once_is_not_asked_again(made: Synthetic) -> None:
    publish_build(made)
    vanish(made)
    publish_build(made, allow_loss="any")
    assert publish_build(made).release == "2026.2"  # the same content
    made.submission("CAT00000007A", "new")
    assert publish_build(made).release == "2026.3"


def test_a_first_release_and_one_after_a_removed_folder_have_nothing_to_be_held_against(
    made: Synthetic, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made.workdir / publish_build(made, allow_loss="none").path
    folder.rename(made.workdir / "elsewhere")
    vanish(made)
    with caplog.at_level(logging.WARNING):
        assert publish_build(made, allow_loss="none").release == "2026.2"
    assert "release 2026.1 has no folder any more: nothing to hold the new one against" in caplog.text


def test_a_last_release_that_cannot_be_read_stops_the_next(made: Synthetic, release: Path) -> None:
    (release / "catalogue/datasets.parquet").unlink()
    made.submission("CAT00000007A", "new")
    with pytest.raises(BadInput, match=r"no catalogue/datasets\.parquet"):
        publish_build(made)
    assert publish_build(made, allow_loss="any").release == "2026.2"


def test_the_step_of_a_scheduled_build_ends_with_2_and_the_last_release_stays(
    made: Synthetic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_build(made)
    vanish(made)
    monkeypatch.chdir(made.workdir)
    monkeypatch.setattr(steps, "load_build", lambda *_: made.build())
    indexed = Indexed(store="store/release/index/key", files=(), rows={}, placements=lay_out(made), **stamp("index"))
    save(indexed, Path("index.json"))
    call = ["step", "release", "--index", "index.json", "--out", "release.json", "--settings"]
    assert cli.main([*call, "{}"]) == 2
    err = capsys.readouterr().err
    assert "catchment step: not published, release 2026.1 stays: CAT00000001A.D0001 is not there any more" in err
    assert published_now(made) == "2026.1"
    assert not Path("release.json").exists()
    assert cli.main([*call, '{"allow_loss": "any"}']) == 0
    assert published_now(made) == "2026.2"
    assert json.loads(Path("release.json").read_bytes())["release"] == "2026.2"


def test_datasets_that_were_converted_anew_are_no_loss(made: Synthetic) -> None:
    publish_build(made, allow_loss="none")
    record = made.normalised[0]
    product = record.dataset.product.model_copy(update={"logical_digest": sha256(b"others")})
    made.normalised[0] = record.model_copy(update={"dataset": record.dataset.model_copy(update={"product": product})})
    assert publish_build(made, allow_loss="none").release == "2026.2"
