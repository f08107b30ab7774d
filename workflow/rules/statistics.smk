"""Statistics: every table of the study, from the per-question scores of all runs.

Needs:  runs/<run>/scores/<checkpoint>/<benchmark>.parquet
Makes:  tables/runs.csv         which run gives the value of each cell
        tables/scaling.csv      every setting, pair set and metric against n, with both intervals
        tables/main.csv         samplers by setting at the largest n
        tables/languages.csv    by question language;  tables/pairs.csv  by language pair
        tables/transfer.csv     held-out languages by script and branch
        tables/shares.csv       languages of the top 1, 10 and 100
        tables/contrasts.csv    paired differences with p values
        tables/sensitivity.csv  headline and confirmatory contrasts, articles or home territories as clusters
        tables/seeds.csv        the headline measures of each replicate
        tables/ranks.csv        mean rank of each candidate language
        tables/bias.csv         measures of language bias, with the median rank distance
        (scaling, main, transfer, contrasts and bias also as .md and .tex)
"""

TABLES = [
    "runs",
    "scaling",
    "main",
    "languages",
    "pairs",
    "transfer",
    "shares",
    "contrasts",
    "sensitivity",
    "seeds",
    "ranks",
    "bias",
]
READABLE = ["scaling", "main", "transfer", "contrasts", "bias"]


rule statistics:
    """Intervals, contrasts and tables."""
    input:
        scores=[scores(*scored) for scored in ALL_SCORED],
        code=code(
            "statistics.py",
            "tables.py",
            "layout.py",
            "panel.py",
            "sensitivity.py",
            "single.py",
            "statistics.py",
            "scores.py",
            "metrics.py",
            "bias.py",
            "languages.py",
            "grid.py",
        ),
    output:
        expand(f"{RESULTS}/tables/{{table}}.csv", table=TABLES),
        expand(
            f"{RESULTS}/tables/{{table}}.{{kind}}", table=READABLE, kind=["md", "tex"]
        ),
    log:
        f"{RESULTS}/logs/statistics.log",
    conda:
        "../../environment.yml"
    params:
        study=STUDY.model_dump(exclude={"mirror", "title"}),
        scored=[
            (run.path, checkpoint, benchmark)
            for run, checkpoint, benchmark in ALL_SCORED
        ],
    script:
        "../scripts/statistics.py"


rule tables:
    """All tables."""
    input:
        rules.statistics.output,
        rules.data_table.output,
