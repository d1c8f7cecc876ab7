"""Raw submissions -> a published release. Table of contents; `catchment receive` comes before it."""


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/settings.smk"
include: "workflow/paths.smk"


rule all:
    input:
        whole_release,


include: "rules/assets.smk"
include: "rules/census.smk"
include: "rules/release.smk"


report: "workflow/report/overview.rst"


onsuccess:
    shell("catchment status --summary --workdir . 1>&2")


onerror:
    shell("catchment status --summary --workdir . 1>&2")
