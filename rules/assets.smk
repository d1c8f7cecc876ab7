"""inbox/<accession>/<modality>/<asset>.json -> work/.../{admit,convert,normalise}.json and its plots, one job each per asset."""


rule admit:
    input:
        asset=f"inbox/{ASSET_ID}.json",
    output:
        record=f"{ASSET}/admit.json",
    log:
        f"logs/{ASSET_ID}/admit.log",
    benchmark:
        f"benchmarks/{ASSET_ID}/admit.tsv"
    conda:
        "../envs/{modality}.yaml"
    resources:
        mem_mb=memory_of(),
    params:
        settings=settings_of("admit"),
        version=version_of("admit"),
    shell:
        "catchment step admit --asset {input.asset:q} --settings {params.settings:q}"
        " --threads {threads} --out {output.record:q} 2> {log:q}"


rule convert:
    input:
        admission=f"{ASSET}/admit.json",
    output:
        record=f"{ASSET}/convert.json",
    log:
        f"logs/{ASSET_ID}/convert.log",
    benchmark:
        f"benchmarks/{ASSET_ID}/convert.tsv"
    conda:
        "../envs/{modality}.yaml"
    resources:
        mem_mb=memory_of(),
    params:
        settings=settings_of("convert"),
        version=version_of("convert"),
    shell:
        "catchment step convert --admission {input.admission:q} --settings {params.settings:q}"
        " --threads {threads} --out {output.record:q} 2> {log:q}"


rule normalise:
    input:
        conversion=f"{ASSET}/convert.json",
    output:
        record=f"{ASSET}/normalise.json",
        plots=report(
            f"{ASSET}/qc.svg",
            caption="../workflow/report/dataset.rst",
            category=category_of,
            subcategory="{submission}",
            labels=labels_of,
        ),
    log:
        f"logs/{ASSET_ID}/normalise.log",
    benchmark:
        f"benchmarks/{ASSET_ID}/normalise.tsv"
    conda:
        "../envs/{modality}.yaml"
    resources:
        mem_mb=memory_of(),
    params:
        settings=settings_of("normalise"),
        version=version_of("normalise"),
    shell:
        "catchment step normalise --conversion {input.conversion:q} --settings {params.settings:q}"
        " --threads {threads} --out {output.record:q} 2> {log:q}"
