"""Catchment: raw biological submissions to versioned, searchable, AI-ready releases."""

__version__ = "0.1.0"
