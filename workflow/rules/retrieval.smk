"""Rankings and scores: one job per run, checkpoint and benchmark; torch is not needed.

Needs:  benchmarks/<name>/, runs/<run>/embeddings/<checkpoint>/<name>/
Makes:  runs/<run>/rankings/<checkpoint>/<name>.npy     top-k rows of candidates.parquet for every question
        runs/<run>/rankings/<checkpoint>/<name>-similarity.npy   their scores, of corpora larger than memory
        runs/<run>/scores/<checkpoint>/<name>.parquet   exact ranks and values of every question
A corpus larger than memory has no embeddings: `search` embeds and searches it shard by shard.
"""


rule score:
    """FAISS top-k lists, exact ranks of the relevant candidates, and per-question values in every setting."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}",
        embeddings=lambda w: (
            []
            if GRID.by_path[w.run].model == BM25
            else embeddings(GRID.by_path[w.run], w.checkpoint, w.name)
        ),
        code=lambda w: code(
            "score.py",
            "retrieval/scores.py",
            "retrieval/metrics.py",
            "retrieval/language_bias.py",
            "data/benchmarks/__init__.py",
            "retrieval/search.py",
            *(["retrieval/bm25.py"] if GRID.by_path[w.run].model == BM25 else []),
            *(["retrieval/bias_controls.py"] if STUDY.evaluation.controls else []),
        ),
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.npy",
        scores=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.parquet",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
    wildcard_constraints:
        name=one_of(IN_MEMORY),
    conda:
        "../../environment.yml"
    params:
        top_k=STUDY.evaluation.top_k,
        ngrams=lambda w: (
            STUDY.evaluation.bm25_ngrams if GRID.by_path[w.run].model == BM25 else None
        ),
        controls=STUDY.evaluation.controls,
    script:
        "../scripts/score.py"


rule search:
    """Top-k lists of a corpus larger than memory, embedded and searched shard by shard; goes on where it stopped."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}",
        checkpoint=lambda w: (
            f"{RESULTS}/runs/{w.run}/{w.checkpoint}"
            if GRID.by_path[w.run].steps
            else []
        ),
        base=lambda w: f"{RESULTS}/models/{GRID.by_path[w.run].model}/base",
        tokens=lambda w: f"{RESULTS}/models/{GRID.by_path[w.run].model}/tokens/corpus-{w.name}",
        code=code(
            "search.py",
            "retrieval/sharded_search.py",
            "retrieval/search.py",
            "retrieval/embedding.py",
            "models/encoder.py",
            "data/tokens.py",
        ),
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.npy",
        similarity=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}-similarity.npy",
    log:
        f"{RESULTS}/logs/search/{{run}}-{{checkpoint}}-{{name}}.log",
    wildcard_constraints:
        name=one_of(LISTED),
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        run=lambda w: GRID.by_path[w.run].recipe(),
        model=lambda w: STUDY.models[GRID.by_path[w.run].model].model_dump(),
        threads=STUDY.training.threads,
        top_k=STUDY.evaluation.top_k,
    script:
        "../scripts/search.py"


rule score_lists:
    """Per-question values of the lists of a corpus larger than memory."""
    input:
        benchmark=f"{RESULTS}/benchmarks/{{name}}",
        rankings=rules.search.output.rankings,
        code=code(
            "score_lists.py",
            "retrieval/scores.py",
            "retrieval/metrics.py",
            "data/benchmarks/__init__.py",
        ),
    output:
        f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.parquet",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
    wildcard_constraints:
        name=one_of(LISTED),
    conda:
        "../../environment.yml"
    script:
        "../scripts/score_lists.py"


ALL_SCORED = [(run, c, b) for b in BENCHMARKS for run, c in GRID.scored(b)]


rule rankings:
    """The top-k lists of every run and benchmark."""
    input:
        [rankings(*scored) for scored in ALL_SCORED],


rule scores:
    """The per-question scores of every run and benchmark."""
    input:
        [scores(*scored) for scored in ALL_SCORED],
