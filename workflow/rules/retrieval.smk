"""Rankings and scores: one job per run, checkpoint and benchmark; torch is not needed.

Needs:  benchmarks/<name>/, runs/<run>/embeddings/<checkpoint>/<name>/
Makes:  runs/<run>/rankings/<checkpoint>/<name>.npy     top-k rows of candidates.parquet for every question
        runs/<run>/scores/<checkpoint>/<name>.parquet   exact ranks and values of every question
        runs/<run>/scores/<checkpoint>/<name>-shares.parquet   languages of the top 1, 10 and 100
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
            "scores.py",
            "metrics.py",
            "bias.py",
            "benchmarks/__init__.py",
            "search.py",
            *(["lexical.py"] if GRID.by_path[w.run].model == BM25 else []),
            *(["controls.py"] if STUDY.evaluation.controls else []),
        ),
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.npy",
        scores=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.parquet",
        shares=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}-shares.parquet",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
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


ALL_SCORED = [(run, c, b) for run, c in GRID.scored() for b in BENCHMARKS]


rule rankings:
    """The top-k lists of every run and benchmark."""
    input:
        [rankings(*scored) for scored in ALL_SCORED],


rule scores:
    """The per-question scores of every run and benchmark."""
    input:
        [scores(*scored) for scored in ALL_SCORED],
