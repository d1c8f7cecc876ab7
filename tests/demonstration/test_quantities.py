from __future__ import annotations

from pathlib import Path

import pandas as pd

from catchment.demonstration.quantities import PROTEINS, RUNS, write_protein_groups


def test_the_table_is_what_was_drawn_and_the_same_every_time(tmp_path: Path) -> None:
    written = write_protein_groups(tmp_path / "a.txt", seed=3)
    assert write_protein_groups(tmp_path / "b.txt", seed=3) == written
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    table = pd.read_csv(tmp_path / "a.txt", sep="\t").set_index("Majority protein IDs")
    assert table[[f"LFQ intensity {run}" for run in RUNS]].T.to_dict("list") == written
    assert len(table) == len(PROTEINS) + 2
    assert list(table.index[table["Reverse"] == "+"]) == ["REV__P31327"]
