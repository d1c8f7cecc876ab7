"""One file a rung, `vN_to_vN1.py`, each a pure `dict -> dict`. None yet: version 1 is the first."""
