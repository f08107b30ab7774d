"""Adapters: models with `train: adapter`, whose encoder is frozen, so that each text is embedded once.

Needs:  subsets/, benchmarks/, models/<model>/{base,tokens}/, or the folder `vectors` of a model
Makes:  models/<model>/vectors/{source,benchmark}-<name>/   where the store has the base vector of each text
        models/<model>/texts.jsonl                          with `texts`: what a model with `vectors` has to embed
        runs/<run>/last/  (and best/)                       adapters, a matrix each
        runs/<run>/{log,exposure}.csv                       as in full training
        runs/<run>/rankings/ and scores/                    base vectors times the matrix, ranked
The vectors are in resources/vectors/<key>/, by content, for all runs and studies of a model. A job trains or scores the
runs of one curve (model, sampler, budget), because starting costs more than a run; each run has a record of its own.
"""

STORE = "resources/vectors"
OWN = [name for name, model in STUDY.models.items() if model.vectors]


rule base_vectors:
    """Base vectors of all texts of a source or benchmark that the store lacks, by all cores."""
    input:
        base=f"{RESULTS}/models/{{model}}/base.json",
        tokens=f"{RESULTS}/models/{{model}}/tokens/{{kind}}-{{name}}.json",
    output:
        data=f"{RESULTS}/models/{{model}}/vectors/{{kind}}-{{name}}.json",
    log:
        f"{RESULTS}/logs/vectors-{{model}}-{{kind}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/vectors-{{model}}-{{kind}}-{{name}}.tsv"
    wildcard_constraints:
        model=one_of(name for name in ADAPTED if name not in OWN),
        kind="source|benchmark",
    conda:
        "../../environment.yml"
    threads: 16  # processes, whose number changes no result
    resources:
        gpu=GPU,
    params:
        kind="{kind}",
        model=lambda w: encoding(w.model),
        code=lambda w: code("base_vectors.py"),
        where=lambda w, output: {"store": STORE},
    script:
        "../scripts/base_vectors.py"


rule own_vectors:
    """The user's vectors of all texts of a source or benchmark, checked."""
    input:
        texts=lambda w: f"{RESULTS}/{'data' if w.kind == 'source' else 'benchmarks'}/{w.name}.json",
        files=lambda w: sorted(
            str(file) for file in Path(STUDY.models[w.model].vectors).glob("*.*")
        ),
    output:
        data=f"{RESULTS}/models/{{model}}/vectors/{{kind}}-{{name}}.json",
    log:
        f"{RESULTS}/logs/vectors-{{model}}-{{kind}}-{{name}}.log",
    wildcard_constraints:
        model=one_of(OWN),
        kind="source|benchmark",
    conda:
        "../../environment.yml"
    params:
        kind="{kind}",
        model=lambda w: prefixes(w.model),
        code=lambda w: code("own_vectors.py"),
        where=lambda w, output: {
            "store": STORE,
            "path": STUDY.models[w.model].vectors,
        },
    script:
        "../scripts/own_vectors.py"


rule texts_of_model:
    """All texts that a model with `vectors` has to embed."""
    input:
        sources=ALL_SOURCES,
        benchmarks=expand(f"{RESULTS}/benchmarks/{{name}}.json", name=IN_MEMORY),
    output:
        f"{RESULTS}/models/{{model}}/texts.jsonl",
    log:
        f"{RESULTS}/logs/texts-{{model}}.log",
    wildcard_constraints:
        model=one_of(OWN),
    conda:
        "../../environment.yml"
    params:
        model=lambda w: prefixes(w.model),
        code=lambda w: code("texts.py"),
    script:
        "../scripts/texts.py"


rule texts:
    """The texts that models with `vectors` have to embed, as JSON lines."""
    input:
        files=expand(f"{RESULTS}/models/{{model}}/texts.jsonl", model=OWN),


for number, group in enumerate(curves(r for r in GRID.trained if r.model in ADAPTED)):

    rule:
        name:
            f"adapters_{number}"
        input:
            files=[
                file
                for run in group
                for files in train_inputs(run).values()
                for file in map(str, paths(files))
            ],
            gate=[ancient(file) for file in GATES],
        output:
            [file for run in group for file in adapter_outputs(run).values()],
        log:
            f"{RESULTS}/logs/train/{group[0].model}-{group[0].sampler}-{group[0].budget}.log",
        benchmark:
            f"{RESULTS}/logs/train/{group[0].model}-{group[0].sampler}-{group[0].budget}.tsv"
        conda:
            "../../environment.yml"
        params:
            runs=[train_params(run) for run in group],
            code=code("adapters.py"),
            where=lambda w, output, group=group: {
                "store": STORE,
                "inputs": [train_inputs(run) for run in group],
                "outputs": [adapter_outputs(run) for run in group],
            },
        script:
            "../scripts/adapters.py"


SCORE_OPTIONS = {
    "top_k": STUDY.evaluation.top_k,
    "controls": STUDY.evaluation.controls,
}

for number, group in enumerate(curves(r for r in GRID.runs if r.model in ADAPTED)):
    SCORED_HERE = [
        (run, checkpoint, benchmark)
        for benchmark in IN_MEMORY
        for run, checkpoint in GRID.scored(benchmark)
        if run in group
    ]

    rule:
        name:
            f"score_adapters_{number}"
        input:
            files=[
                file
                for scored in SCORED_HERE
                for files in score_inputs(*scored).values()
                for file in map(str, paths(files))
            ],
        output:
            [where(*scored) for scored in SCORED_HERE for where in (rankings, scores)],
        log:
            f"{RESULTS}/logs/score/{group[0].model}-{group[0].sampler}-{group[0].budget}.log",
        benchmark:
            f"{RESULTS}/logs/score/{group[0].model}-{group[0].sampler}-{group[0].budget}.tsv"
        conda:
            "../../environment.yml"
        params:
            scores=SCORE_OPTIONS | {"code": code("score_adapters.py")},
            where=lambda w, output, found=SCORED_HERE: {
                "store": STORE,
                "inputs": [score_inputs(*scored) for scored in found],
                "outputs": [
                    {"rankings": rankings(*scored), "scores": scores(*scored)}
                    for scored in found
                ],
            },
        script:
            "../scripts/score_adapters.py"
