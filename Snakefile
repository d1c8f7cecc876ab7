"""Raw submissions -> a published release. Table of contents; `catchment receive` comes before it."""


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/settings.smk"
include: "workflow/paths.smk"
include: "workflow/labels.smk"


rule all:
    input:
        whole_release,


include: "rules/assets.smk"
include: "rules/census.smk"
include: "rules/release.smk"


report: "workflow/report/overview.rst"


onsuccess:
    shell(CLOSING_SUMMARY)


onerror:
    shell(CLOSING_SUMMARY)
