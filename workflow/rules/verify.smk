"""The files of a finished study against their manifests.

Needs:  results/<study>
Makes:  nothing
"""

VECTORS = [
    vectors_of(model, f"{kind}-{name}")
    for model in ADAPTED
    for kind, names in (("source", SOURCES), ("benchmark", IN_MEMORY))
    for name in names
]
KEPT = [
    *ALL_SOURCES,
    *(f"{RESULTS}/untranslated/{name}.json" for name in TRANSLATED),
    *ALL_BENCHMARKS,
    *OVERLAPS,
    *expand(f"{RESULTS}/subsets/{{subset}}.json", subset=GRID.subsets),
    *(f"{RESULTS}/models/{m}/base.json" for m in STUDY.models if m not in OWN),
    *VECTORS,
    *rules.models.input,
    *(
        f"{RESULTS}/runs/{run.path}/{name}.json"
        for run in GRID.trained
        for name in (*GRID.checkpoints, "log", "exposure")
    ),
    *rules.embeddings.input,
    *rules.rankings.input,
    *(
        rankings(r, c, f"{b}-similarity")
        for r, c, b in ALL_SCORED
        if b in LARGER_THAN_MEMORY
    ),
    *rules.scores.input,
]


rule verify:
    """Compare all files of the study with their manifests and downloads with their hashes; runs every time."""
    log:
        f"{RESULTS}/logs/verify.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        manifests=KEPT,
        raw=[listing for listing in RAW if listing],
        vectors=VECTORS,
        store=STORE,
    script:
        "../scripts/verify.py"
