"""work/.../normalise.json of every asset -> work/census/{plan,assemble,verify}.json."""


rule plan:
    input:
        last_records,
    output:
        record="work/census/plan.json",
    log:
        "logs/census/plan.log",
    benchmark:
        "benchmarks/census/plan.tsv"
    conda:
        "../envs/census.yaml"
    params:
        settings=settings_of("plan"),
        version=version_of("plan", "census"),
    shell:
        # the last release's ledger is read too, and is no input here: a release must not run its own plan again
        "catchment step plan --settings {params.settings:q} --out {output.record:q} 2> {log:q}"


rule assemble:
    input:
        plan="work/census/plan.json",
    output:
        record="work/census/assemble.json",
    log:
        "logs/census/assemble.log",
    benchmark:
        "benchmarks/census/assemble.tsv"
    conda:
        "../envs/census.yaml"
    threads: workflow.cores or 1
    resources:
        mem_mb=lambda wildcards, attempt: CONFIG.census.assemble.memory_mb * 2 ** (attempt - 1),
    params:
        settings=settings_of("assemble"),
        version=version_of("assemble", "census"),
    shell:
        "catchment step assemble --plan {input.plan:q} --settings {params.settings:q}"
        " --threads {threads} --out {output.record:q} 2> {log:q}"


rule verify:
    input:
        plan="work/census/plan.json",
        assembly="work/census/assemble.json",
    output:
        record="work/census/verify.json",
    log:
        "logs/census/verify.log",
    benchmark:
        "benchmarks/census/verify.tsv"
    conda:
        "../envs/census.yaml"
    threads: workflow.cores or 1
    params:
        version=version_of("verify", "census"),
    shell:
        "catchment step verify --plan {input.plan:q} --assembly {input.assembly:q}"
        " --threads {threads} --out {output.record:q} 2> {log:q}"
