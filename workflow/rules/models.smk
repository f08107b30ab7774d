"""Models before training, and all texts as token ids.

Needs:  data/, benchmarks/
Makes:  models/<model>/base/                      transformers config, tokenizer and, if downloaded, weights
        models/<model>/tokens/source-<name>/      token ids of the training and validation texts
        models/<model>/tokens/benchmark-<name>/   token ids of questions and candidates; corpus-<name>, where
                                                  they are more than fit into memory
"""

# one that is built here has room for its longest text
ORIGIN = {
    True: ["architecture", "vocabulary", "query_length", "passage_length"],
    False: ["path"],
}


rule base:
    """The model as it comes, or its config and a tokenizer trained on the training part of all languages."""
    input:
        raw=lambda w: raw("model", w.model),
        sources=lambda w: (
            expand(f"{RESULTS}/data/{{name}}", name=SOURCES)
            if STUDY.models[w.model].architecture
            else []
        ),
        code=code("base.py", "models/pretrained.py"),
    output:
        directory(f"{RESULTS}/models/{{model}}/base"),
    log:
        f"{RESULTS}/logs/base-{{model}}.log",
    conda:
        "../../environment.yml"
    params:
        model=lambda w: origin(
            w.model, *ORIGIN[bool(STUDY.models[w.model].architecture)]
        ),
    script:
        "../scripts/base.py"


rule tokens:
    """Token ids of one source or benchmark, made once."""
    input:
        base=f"{RESULTS}/models/{{model}}/base",
        texts=lambda w: f"{RESULTS}/{'data' if w.kind == 'source' else 'benchmarks'}/{w.name}",
        code=code("tokens.py", "data/tokens.py"),
    output:
        directory(f"{RESULTS}/models/{{model}}/tokens/{{kind}}-{{name}}"),
    log:
        f"{RESULTS}/logs/tokens-{{model}}-{{kind}}-{{name}}.log",
    wildcard_constraints:
        kind="source|benchmark|corpus",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        kind="{kind}",
        model=lambda w: STUDY.models[w.model].model_dump(
            include={
                "query_prefix",
                "passage_prefix",
                "query_length",
                "passage_length",
            }
        ),
    script:
        "../scripts/tokens.py"


rule models:
    """All models and tokens that training and embedding need."""
    input:
        expand(
            f"{RESULTS}/models/{{model}}/tokens/{{tokens}}",
            model=STUDY.models,
            tokens=[f"source-{s}" for s in SOURCES]
            + [tokens_of(b) for b in BENCHMARKS],
        ),
