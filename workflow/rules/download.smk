"""Downloads: the files of data sets and models.

Needs:  nothing but the config, and a mirror or the web
Makes:  raw/<kind>-<name>.json and resources/<host>/<path>   downloaded files, shared by studies, with their hashes
        resources/registry.csv                              with `check_registry`
"""


rule raw:
    """The raw files of one data set or model, from the mirror or the web; nothing after this needs a network."""
    output:
        f"{RESULTS}/raw/{{kind}}-{{name}}.json",
    log:
        f"{RESULTS}/logs/raw-{{kind}}-{{name}}.log",
    wildcard_constraints:
        kind="source|benchmark|model",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        kind="{kind}",
        name=lambda w: w.name if w.kind == "model" else set_of(w.kind, w.name),
        model=lambda w: origin(w.name) if w.kind == "model" else None,
        languages=lambda w: languages_of(w.kind, w.name),
        # what the registry knows of the files: a new revision or hash downloads again, code of the downloads does not
        files=lambda w: entries(w.kind, w.name),
        where=lambda w, output: {
            "mirror": STUDY.mirror,
            "accept_licence": STUDY.accept_licence,
        },
    script:
        "../scripts/raw.py"


rule check_registry:
    """Compare every address, hash and size in the registry with the web; downloads nothing, runs every time."""
    log:
        "resources/registry.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        table="resources/registry.csv",
    script:
        "../scripts/check_registry.py"


RAW = [
    *(raw("source", name) for name in SOURCES),
    *(raw("benchmark", name) for name in BENCHMARKS),
    *(
        raw("model", name)
        for name in [*STUDY.models, *[TRANSLATION] * bool(TRANSLATED)]
    ),
]


rule download:
    """All files that the study downloads, and nothing else; then nothing needs a network."""
    input:
        [listing for listing in RAW if listing],
