"""Tests of ATAC fragments beside an H5AD."""
