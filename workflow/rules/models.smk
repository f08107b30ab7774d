"""Models before training, and all texts as token ids.

Needs:  data/, benchmarks/
Makes:  models/<model>/base/                      transformers config, tokenizer and, if downloaded, weights
        models/<model>/tokens/source-<name>/      token ids of the training and validation texts
        models/<model>/tokens/benchmark-<name>/   token ids of queries and candidates; corpus-<name>, where
                                                  they are more than fit into memory
        models/<model>/width.json                 with `dimensions`, where only the folder says how long vectors are
"""

# options of a model that its folder holds
MADE_OF = ["architecture", "vocabulary", "pooling"] + [
    f"{kind}_{option}"
    for kind in ("query", "passage")
    for option in ("prefix", "length")
]


rule base:
    """The model as it comes, or its config and a tokenizer trained on the training part of all languages."""
    input:
        raw=lambda w: raw("model", w.model),
        files=lambda w: files_of(w.model),
        sources=lambda w: ALL_SOURCES if STUDY.models[w.model].architecture else [],
    output:
        data=f"{RESULTS}/models/{{model}}/base.json",
    log:
        f"{RESULTS}/logs/base-{{model}}.log",
    conda:
        "../../environment.yml"
    params:
        model=lambda w: origin(w.model, *MADE_OF),
        code=lambda w: code("base.py"),
        where=lambda w, output: {"path": STUDY.models[w.model].path},
    script:
        "../scripts/base.py"


rule width:
    """Stops a study with a model whose vectors are not longer than one of its `dimensions`."""
    input:
        base=f"{RESULTS}/models/{{model}}/base.json",
    output:
        f"{RESULTS}/models/{{model}}/width.json",
    log:
        f"{RESULTS}/logs/width-{{model}}.log",
    priority: 20
    localrule: True
    conda:
        "../../environment.yml"
    params:
        key="models.{model}.dimensions",
        dimensions=lambda w: STUDY.models[w.model].dimensions,
        code=lambda w: code("width.py"),
    script:
        "../scripts/width.py"


# where the config does not tell the width; training and scores wait for them and do not read them
WIDTHS = [
    f"{RESULTS}/models/{name}/width.json"
    for name, model in STUDY.models.items()
    if model.dimensions and not model.vectors and widths.width(model) is None
]
GATES += WIDTHS


rule tokens:
    """Token ids of one source or benchmark, made once."""
    input:
        base=f"{RESULTS}/models/{{model}}/base.json",
        texts=lambda w: f"{RESULTS}/{'data' if w.kind == 'source' else 'benchmarks'}/{w.name}.json",
    output:
        data=f"{RESULTS}/models/{{model}}/tokens/{{kind}}-{{name}}.json",
    log:
        f"{RESULTS}/logs/tokens-{{model}}-{{kind}}-{{name}}.log",
    wildcard_constraints:
        kind="source|benchmark|corpus",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        kind="{kind}",
        code=lambda w: code("tokens.py"),
    script:
        "../scripts/tokens.py"


ALL_TOKENS = [
    *(f"source-{name}" for name in SOURCES),
    *(f"benchmark-{name}" for name in IN_MEMORY),  # training embeds these
    *(f"corpus-{name}" for name in LARGER_THAN_MEMORY),
]


rule models:
    """All models and tokens that training and embedding need."""
    input:
        expand(
            f"{RESULTS}/models/{{model}}/tokens/{{tokens}}.json",
            model=[name for name, model in STUDY.models.items() if not model.vectors],
            tokens=ALL_TOKENS,
        ),
