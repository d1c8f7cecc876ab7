"""A verified census and every manifest -> work/release/{index,release}.json, and releases/<version>/."""


rule index:
    input:
        manifests,
        records=last_records,
        verification="work/census/verify.json",
    output:
        record="work/release/index.json",
    log:
        "logs/release/index.log",
    benchmark:
        "benchmarks/release/index.tsv"
    conda:
        "../envs/release.yaml"
    params:
        settings=settings_of("index"),
        version=version_of("index", "release"),
    shell:
        "catchment step index --settings {params.settings:q} --out {output.record:q} 2> {log:q}"


rule release:
    input:
        index="work/release/index.json",
    output:
        record="work/release/release.json",
        overview=report(
            "work/release/release.svg",
            caption="../workflow/report/release.rst",
            category="Release",
            labels={"figure": "the release as a whole"},
        ),
    log:
        "logs/release/release.log",
    benchmark:
        "benchmarks/release/release.tsv"
    conda:
        "../envs/release.yaml"
    params:
        settings=settings_of("release"),
        version=version_of("release", "release"),
    shell:
        "catchment step release --index {input.index:q} --settings {params.settings:q}"
        " --out {output.record:q} 2> {log:q}"
