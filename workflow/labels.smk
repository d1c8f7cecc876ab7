"""How datasets are named in the report of `snakemake --report`; asked only when that is drawn."""

from catchment.schema.records import MODALITY_WORDS


def category_of(wildcards):
    """Return a modality as people write it."""
    return MODALITY_WORDS[wildcards.modality].capitalize()


def labels_of(wildcards):
    """Return what tells a dataset from others. A submitter's name may be no markup: the report puts it into a script."""
    own = f"{wildcards.submission}/{wildcards.modality}/{wildcards.asset}"
    record = json.loads(Path(f"work/{own}/normalise.json").read_bytes())
    asset = record["asset"]
    name = asset.get("folder") or (asset["files"][0]["name"] if asset["files"] else asset["asset"])
    state = f"held at {record['held_at']}" if record["outcome"] == "held" else "through"
    return {"file": name.replace("<", "‹").replace(">", "›"), "dataset": asset["dataset"], "state": state}
