"""Tests of `catchment.singlecell`."""
