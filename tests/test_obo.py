from __future__ import annotations

import json
import subprocess
import sys

import pytest

from catchment import obo


@pytest.mark.parametrize(
    ("vocabulary", "id_", "name"),
    [
        ("MS", "MS:1001911", "Q Exactive"),
        ("UO", "UO:0000010", "second"),
        ("MOD", "MOD:00719", "L-methionine sulfoxide"),
        ("GO", "GO:0008150", "biological_process"),
        ("UNIMOD", "UNIMOD:4", "Carbamidomethyl"),
    ],
)
def test_term_is_found_by_id_and_by_name(vocabulary: str, id_: str, name: str) -> None:
    assert obo.terms(vocabulary)[id_].name == name
    assert obo.ids_by_name(vocabulary)[name.lower()] == id_


def test_terms_are_those_that_psims_reads() -> None:
    # in a process of its own: psims warns when it is imported, and leaves its file open
    code = (
        "import json; from psims.controlled_vocabulary import load_psims;"
        "print(json.dumps({id_: term.name for id_, term in load_psims().terms.items() if id_.startswith('MS:')}))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=True)
    assert {id_: term.name for id_, term in obo.terms("MS").items()} == json.loads(done.stdout)


def test_obsolete_term_names_its_successor() -> None:
    term = obo.terms("MS")["MS:1000266"]
    assert (term.obsolete, term.replaced_by) == (True, "MS:1000393")


def test_name_of_a_current_term_goes_before_synonyms_and_obsolete_terms() -> None:
    text = '\n[Term]\nid: X:1\nname: a\nis_obsolete: true\n\n[Term]\nid: X:2\nname: a\nsynonym: "b" EXACT []\n\n'
    first, second = obo.obo_terms(text)
    assert (first.obsolete, second.synonyms) == (True, ("b",))


def test_reading_terms_does_not_import_psims() -> None:
    code = "import sys; from catchment import obo; obo.terms('MS'); sys.exit('psims' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
