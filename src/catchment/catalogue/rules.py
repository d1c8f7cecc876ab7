"""Rules that bind the submissions of one study together."""

from catchment.schema.rules import declare

SAMPLE_DIFFERS = declare(
    "LINK-010",
    "warning",
    "two submissions of a study describe one sample differently",
    expected="the same facts for the same sample id in every submission of a study",
    fix="correct the sample in one of the submissions; until then the facts of the first accession stand",
)
SAMPLE_LOOKS_ALIKE = declare(
    "LINK-011",
    "warning",
    "two sample ids of a study differ only in case or spaces",
    expected="one spelling for one sample; look-alike ids are never joined",
    fix="where they are the same sample, use the same id in every submission of the study",
)
STUDY_DIFFERS = declare(
    "LINK-012",
    "warning",
    "two submissions of a study describe the study differently",
    expected="the same title, description, licence and publication in every submission of a study",
    fix="correct the study in one of the submissions; until then the words of the first accession stand",
)
