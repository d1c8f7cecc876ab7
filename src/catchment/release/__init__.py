"""Releases: the documents that describe one, publishing it so that nothing is ever half there, and auditing it."""
