"""Statistics: every table of the study, from the per-query scores of all runs.

Needs:  runs/<run>/scores/<checkpoint>/<benchmark>.parquet, tables/audit.csv where the study has an audit
Makes:  tables/runs.csv         which run gives the value of each cell
        tables/scaling.csv      every setting, pair set and metric against n, with both intervals
        tables/main.csv         samplers by setting at the largest n
        tables/languages.csv    by query language;  tables/pairs.csv  by language pair
        tables/transfer.csv     held-out languages by script and branch
        tables/shares.csv       languages of the top 10
        tables/contrasts.csv    paired differences with p values
        tables/decomposition.csv  the gain from one language: languages at equal rows, more rows, more steps
        tables/sensitivity.csv  headline and confirmatory contrasts, articles or home territories as clusters
        tables/seeds.csv        the headline measures of each replicate
        tables/ranks.csv        mean rank of each candidate language
        tables/bias.csv         measures of language bias, with the median rank distance
        tables/trends.csv       slope per doubling of n;  tables/curves.csv  curves through the means at each n
        tables/components.csv   variance of n, ladder and seed;  tables/entry.csv  effect of a language's entry
        tables/diversity.csv    which languages at equal n;  tables/gaps.csv  pool minus held-out languages
        tables/similarity.csv   the gain of each held-out language, its similarity to the training languages
        tables/generality.csv   the mean gain of held-out languages, for new languages and branches too
        tables/xtreme-r.csv     the retrieval tasks of XTREME-R that the study has
        tables/claims.csv       a verdict on every claim of the paper and every hypothesis
        (scaling, main, transfer, contrasts, decomposition, trends, curves, gaps, similarity, generality, claims,
        bias and xtreme-r also as .md and .tex)
        tables/published.*      published figures beside the study's own
        tables/paper-*.*        the layouts of the paper's tables, where the study has their benchmarks
"""

from langscale.reporting import paper_tables as paper

TABLES = (
    "runs scaling main languages pairs transfer shares contrasts sensitivity seeds "
    "ranks bias decomposition trends curves components entry diversity gaps similarity generality xtreme-r"
).split()
SCORED = [(run.path, checkpoint, name) for run, checkpoint, name in ALL_SCORED]
READABLE = (
    "scaling main transfer contrasts decomposition trends curves gaps similarity generality claims bias xtreme-r"
).split()


rule statistics:
    """Intervals, contrasts and tables."""
    input:
        scores=[scores(*scored) for scored in ALL_SCORED],
    output:
        [
            shown(name) if name in CAPTIONS else f"{RESULTS}/tables/{name}.csv"
            for name in TABLES
        ],
    log:
        f"{RESULTS}/logs/statistics.log",
    benchmark:
        f"{RESULTS}/logs/statistics.tsv"
    conda:
        "../../environment.yml"
    threads: 8  # processes, whose number changes no table
    params:
        study=lambda w, output: STUDY.model_dump(),
        identity=identity(),
        scored=SCORED,
        code=lambda w: code("statistics.py"),
    script:
        "../scripts/statistics.py"


rule claims:
    """A verdict on every claim."""
    input:
        scores=[scores(*scored) for scored in ALL_SCORED],
        audit=rules.audit.output.summary if STUDY.audit else [],
        diversity=f"{RESULTS}/tables/diversity.csv",
    output:
        shown("claims"),
    log:
        f"{RESULTS}/logs/claims.log",
    conda:
        "../../environment.yml"
    params:
        study=lambda w, output: STUDY.model_dump(),
        identity=identity(),
        scored=SCORED,
        code=lambda w: code("claims.py"),
    script:
        "../scripts/claims.py"


rule format:
    """Markdown and LaTeX of the tables that have a layout for reading."""
    input:
        tables=expand(f"{RESULTS}/tables/{{table}}.csv", table=READABLE),
    output:
        expand(
            f"{RESULTS}/tables/{{table}}.{{kind}}", table=READABLE, kind=["md", "tex"]
        ),
    log:
        f"{RESULTS}/logs/format.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=lambda w: code("format.py"),
    script:
        "../scripts/format.py"


rule published:
    """Published figures beside the study's own, and the layouts of the paper's tables."""
    input:
        scaling=f"{RESULTS}/tables/scaling.csv",
        languages=f"{RESULTS}/tables/languages.csv",
        contrasts=f"{RESULTS}/tables/contrasts.csv",
    output:
        report(
            f"{RESULTS}/tables/published.csv",
            caption="../report/published.rst",
            category="Tables",
            labels={"table": "published"},
        ),
        expand(f"{RESULTS}/tables/published.{{kind}}", kind=["md", "tex"]),
        expand(
            f"{RESULTS}/tables/{{table}}.{{kind}}",
            table=paper.names(STUDY),
            kind=["csv", "md", "tex"],
        ),
    log:
        f"{RESULTS}/logs/published.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        study=lambda w, output: STUDY.model_dump(),
        identity=identity(),
        papers=paper.names(STUDY),
        code=lambda w: code("published.py"),
    script:
        "../scripts/published.py"


rule tables:
    """All tables."""
    input:
        rules.statistics.output,
        rules.claims.output,
        rules.format.output,
        rules.published.output,
        rules.data_table.output,
