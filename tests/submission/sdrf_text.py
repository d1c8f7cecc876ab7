"""A sound SDRF row, and tables made of such rows."""

from __future__ import annotations

ROW = {
    "source name": "liver 1",
    "characteristics[organism]": "Homo sapiens",
    "characteristics[organism part]": "liver",
    "characteristics[biological replicate]": "1",
    "assay name": "run 1",
    "technology type": "proteomic profiling by mass spectrometry",
    "comment[technical replicate]": "1",
    "comment[fraction identifier]": "1",
    "comment[label]": "NT=label free sample;AC=MS:1002038",
    "comment[instrument]": "NT=Q Exactive;AC=MS:1001911",
    "comment[cleavage agent details]": "NT=Trypsin;AC=MS:1001251",
    "comment[proteomics data acquisition method]": "NT=Data-Dependent Acquisition;AC=PRIDE:0000627",
    "comment[data file]": "run1.raw",
}


def tsv(*rows: dict[str, str], header: list[str] | None = None) -> str:
    lines = [header or list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join("\t".join(cells) + "\n" for cells in lines)
