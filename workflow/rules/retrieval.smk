"""Rankings and scores: one job per run, checkpoint and benchmark; torch is not needed.

Needs:  benchmarks/<name>/, runs/<run>/embeddings/<checkpoint>/<name>/
Makes:  runs/<run>/rankings/<checkpoint>/<name>.npy     top-k rows of candidates.parquet for every query
        runs/<run>/rankings/<checkpoint>/<name>-similarity.npy   their scores, of corpora larger than memory
        runs/<run>/scores/<checkpoint>/<name>.parquet   exact ranks and values of every query
A corpus larger than memory has no embeddings: `search` embeds and searches it shard by shard.
"""


rule score:
    """FAISS top-k lists, exact ranks of the relevant candidates, and per-query values in every setting."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}.json",
        embeddings=lambda w: (
            []
            if GRID.by_path[w.run].model == BM25
            else embeddings(GRID.by_path[w.run], w.checkpoint, w.name)
        ),
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.json",
        scores=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.json",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.tsv"
    wildcard_constraints:
        name=one_of(IN_MEMORY),
        run=ENCODED_RUN,
    conda:
        "../../environment.yml"
    params:
        top_k=STUDY.evaluation.top_k,
        ngrams=lambda w: (
            STUDY.evaluation.bm25_ngrams if GRID.by_path[w.run].model == BM25 else None
        ),
        controls=STUDY.evaluation.controls,
        code=lambda w: code("score.py"),
    script:
        "../scripts/score.py"


rule search:
    """Top-k lists of a corpus larger than memory, embedded and searched shard by shard; goes on where it stopped."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}.json",
        checkpoint=lambda w: (
            f"{RESULTS}/runs/{w.run}/{w.checkpoint}.json"
            if GRID.by_path[w.run].steps
            else []
        ),
        base=lambda w: (
            base_of(GRID.by_path[w.run]) if needs_base(GRID.by_path[w.run]) else []
        ),
        tokens=lambda w: tokens_of(GRID.by_path[w.run], f"corpus-{w.name}"),
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.json",
        similarity=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}-similarity.json",
    log:
        f"{RESULTS}/logs/search/{{run}}-{{checkpoint}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/search/{{run}}-{{checkpoint}}-{{name}}.tsv"
    wildcard_constraints:
        name=one_of(LARGER_THAN_MEMORY),
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        model=of(embed_params, "model"),
        initial=of(embed_params, "initial"),
        threads=of(embed_params, "threads"),
        top_k=STUDY.evaluation.top_k,
        code=lambda w: code("search.py"),
    script:
        "../scripts/search.py"


rule score_lists:
    """Per-query values of the lists of a corpus larger than memory."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}.json",
        rankings=rules.search.output.rankings,
    output:
        scores=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.json",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
    wildcard_constraints:
        name=one_of(LARGER_THAN_MEMORY),
    conda:
        "../../environment.yml"
    params:
        code=lambda w: code("score_lists.py"),
    script:
        "../scripts/score_lists.py"


ALL_SCORED = [(run, c, b) for b in BENCHMARKS for run, c in GRID.scored(b)]


rule rankings:
    """The top-k lists of every run and benchmark."""
    input:
        [rankings(*scored) for scored in ALL_SCORED],


rule scores:
    """The per-query scores of every run and benchmark."""
    input:
        [scores(*scored) for scored in ALL_SCORED],
