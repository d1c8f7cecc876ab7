"""Uploads of any dialect to one manifest and one small JSON per asset. Submitters' names never become paths."""
