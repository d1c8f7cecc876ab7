"""Demonstration submissions, made by code from a seed; the same bytes every time."""
