"""One file for each format that a run can be read from: bytes to spectra and faults."""
