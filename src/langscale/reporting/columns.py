"""The data dictionary: one record for each CSV table and for each column, and docs/columns.md made from them.

python -m langscale.reporting.columns > docs/columns.md
"""

from collections.abc import Iterable
from dataclasses import dataclass

SCORES = (
    "scaling", "main", "languages", "pairs", "transfer", "shares", "seeds", "ranks", "bias", "xtreme-r",
)  # fmt: skip
CURVES = ("trends", "curves", "components", "entry", "diversity")
PAIRED = ("contrasts", "sensitivity")
PARTS = ("decomposition",)
GAINS = ("similarity", "generality")

TABLES = {
    "runs": "cell of the design: the run behind its value",
    "scaling": "quantity and design point: every setting, pair set and measure, with both intervals",
    "main": "as scaling.csv: all languages, at the largest number of training languages, and the baselines",
    "languages": "as scaling.csv: by query language",
    "pairs": "as scaling.csv: mAP by pair of languages",
    "transfer": "as scaling.csv: mAP by group of held-out languages",
    "shares": "as scaling.csv: languages of the ten candidates ranked first",
    "ranks": "as scaling.csv: mean rank of the relevant candidate of each language",
    "bias": "as scaling.csv: measures of language bias, with the median rank distance",
    "seeds": "as scaling.csv: the main measures of each replicate, without intervals",
    "xtreme-r": "as scaling.csv: retrieval task of XTREME-R, over all languages of the study",
    "contrasts": "paired difference of two design points",
    "sensitivity": "value of a design point, or declared contrast, under each clustering of the queries",
    "decomposition": "design point, quantity and part: the gain from one training language, split into parts",
    "gaps": "design point and pair set with held-out languages: the gap to pool → pool",
    "similarity": "design point, pair set and held-out language: its gain, and the nearest training language",
    "generality": "design point, pair set and kind of new data: the mean gain of held-out languages",
    "trends": "scaling curve and quantity: slope per doubling of the number of training languages",
    "curves": "scaling curve, quantity and shape: the fitted curve",
    "components": "scaling curve and quantity: variance by number of languages, language order and seed",
    "entry": "scaling curve and effect: the entry of a language into the training set",
    "diversity": "scaling curve, quantity and predictor: diversity of the training set, at equal numbers",
    "claims": "claim, model and benchmark (part `all`), and part of a claim",
    "published": "published value with a counterpart in the study",
    "data": "data set, kind of text and language",
    "census": "file of a data set and language: its records, as they were read",
    "audit": "training set, benchmark and language: overlap of their texts",
    "leaks": "text of a training pair with an overlap",
}
"""CSV table -> a row of it."""


@dataclass(frozen=True)
class Column:
    """A column of one or several tables.

    unit: of its numbers. Empty for texts. A name with different meanings has several records.
    """

    name: str
    tables: tuple[str, ...]
    meaning: str
    unit: str = ""


VALUE = "that of `metric`"
SHARE, P, NUMBER = "0 to 1", "probability", "count"
POINTS = ("runs", *SCORES, "gaps", *PARTS, *GAINS)
_POINT = {
    "model": (
        "name of the encoder in the config, with `@64` for the first 64 numbers of its vectors; `bm25` for "
        "the lexical baseline",
        "",
    ),
    "sampler": ("batch sampler without its alpha; `untrained`; `none` for BM25", ""),
    "alpha": ("share of monolingual batches of hybrid, else empty", SHARE),
    "budget": ("name of the budget in the config; `none` without training", ""),
    "ladder": (
        "nested language order: `all` for the mean over the random ones, else a name in the config",
        "",
    ),
    "n_languages": ("number of training languages; 0 for the untrained encoder and BM25", NUMBER),
}


def _sides() -> Iterable[Column]:
    """The columns of both sides of a difference."""
    for side, of in (
        ("cell", "of the minuend"),
        ("reference", "of the subtrahend, empty for a single point"),
    ):
        for name, (meaning, unit) in _POINT.items():
            yield Column(f"{side}_{name}", PAIRED, f"{name} {of}: {meaning}", unit)


COLUMNS = (
    # design point
    Column("model", (*POINTS, *CURVES, "published"), *_POINT["model"]),
    Column("model", ("claims",), "encoder or encoders of the claim; `all` for a claim without one"),
    Column("sampler", (*POINTS, *CURVES, "published"), *_POINT["sampler"]),
    Column("alpha", (*POINTS, *CURVES, "published"), *_POINT["alpha"]),
    Column("budget", (*POINTS, *CURVES, "claims", "published"), *_POINT["budget"]),
    Column(
        "ladder",
        tuple(name for name in (*POINTS, *CURVES) if name not in ("runs", "seeds")),
        *_POINT["ladder"],
    ),
    Column(
        "ladder", ("runs", "seeds"), "nested language order: number of a random one, or a name in the config"
    ),
    Column("n_languages", (*POINTS, "published"), *_POINT["n_languages"]),
    Column(
        "reference_n_languages", GAINS, "number of training languages from which the gain is counted", NUMBER
    ),
    Column("n_languages", ("diversity",), "number of held-out languages in the association", NUMBER),
    Column(
        "n_values", CURVES, "numbers of training languages of the scaling curve, separated by spaces", NUMBER
    ),
    Column("seed", ("runs", *SCORES), "seed of the run; `all` for the mean over replicates"),
    Column("run", ("runs",), "folder of the run below runs/"),
    Column("alias", ("runs",), "whether an earlier row has the same run"),
    Column("languages", ("runs",), "training languages, separated by spaces"),
    Column("languages", ("transfer",), "held-out languages of the group, separated by spaces"),
    Column("steps", ("runs",), "optimiser steps", NUMBER),
    *_sides(),
    # quantity
    Column("task", ("xtreme-r",), "task of XTREME-R"),
    Column(
        "benchmark",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED, "claims", "published", "audit", "leaks"),
        "benchmark, by its name in the config",
    ),
    Column(
        "checkpoint",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED, "published"),
        "`last`, or `best` on validation data",
    ),
    Column(
        "candidate_text",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED, "published"),
        "text of a candidate: a sentence, a sentence with its paragraph, a paragraph, a passage or an entity "
        "description",
    ),
    Column(
        "setting",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED, "claims", "published"),
        "`mono`, `cross` or `multi`: candidates in the query's language, one other, or all languages",
    ),
    Column(
        "pair_set",
        (*SCORES, "gaps", *PARTS, *GAINS, "trends", "curves", "components", "diversity", *PAIRED),
        "fixed set of pairs (query language, candidate language): `all`, `pool`, `pool-heldout`, "
        "`heldout-pool`, `heldout`",
    ),
    Column(
        "query_language",
        (*SCORES, "contrasts", "published"),
        "language of the queries; `all` for the mean over languages",
    ),
    Column(
        "candidate_language",
        tuple(name for name in SCORES if name != "shares") + ("contrasts",),
        "language of the relevant candidates; `all`; `other` for all but the query's own",
    ),
    Column(
        "candidate_language",
        ("shares",),
        "language of the counted candidates; `own`: the query's; `other-pool`, `other-heldout`: the rest",
    ),
    Column(
        "status",
        SCORES,
        "query and candidate language by the run's training set: `seen-seen` to `unseen-unseen`; `all`",
    ),
    Column(
        "metric",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED, "claims", "published"),
        "measure (docs/METHOD.md, Evaluation)",
    ),
    Column(
        "average",
        (*SCORES, "gaps", *PARTS, *GAINS, *CURVES, *PAIRED),
        "`macro`: mean over languages; `micro`: over queries",
    ),
    Column(
        "zero_shot",
        SCORES,
        "whether the encoder saw neither the benchmark's data nor related data; empty if unknown",
    ),
    Column("grouping", ("transfer",), "`script` or `branch`"),
    Column("group", ("transfer",), "script (ISO 15924) or branch of the languages"),
    Column("group_in_pool", ("transfer",), "whether a training language has this script or branch"),
    Column(
        "cluster", ("sensitivity",), "resampled unit: `cluster` (paragraph, entity) or the coarser `group`"
    ),
    # value and intervals
    Column("value", (*SCORES, "published"), "value of the measure, mean over replicates", VALUE),
    Column("value", ("sensitivity",), "value of the design point, or difference of two", VALUE),
    Column(
        "part",
        PARTS,
        "`gain`: from one language to n_languages. Its parts: `languages`, at equal rows, and `rows`. "
        "Beside them `steps`: n times the steps",
    ),
    Column("difference", PARTS, "the gain or its part, paired by query and replicate", VALUE),
    Column("share", PARTS, "share of the part in the gain; empty if the gain may be 0"),
    Column("share_low", PARTS, "lower end of its 95% interval, over runs and queries"),
    Column("share_high", PARTS, "upper end of its 95% interval, over runs and queries"),
    Column("difference", ("contrasts",), "minuend minus subtrahend, paired by query and replicate", VALUE),
    Column("difference", ("published",), "value of the study minus published value", VALUE),
    Column("language", ("similarity",), "held-out language"),
    Column("nearest", ("similarity",), "training language with the largest similarity; empty without BM25"),
    Column(
        "similarity",
        ("similarity",),
        "lexical similarity to `nearest`: mAP of BM25 between both languages, mean of both directions",
        SHARE,
    ),
    Column(
        "gain",
        ("similarity",),
        "value at n_languages minus value at reference_n_languages, paired by query and replicate",
        VALUE,
    ),
    Column(
        "what",
        ("generality",),
        "`gain`: the mean gain; `slope`: its least-squares slope on the similarity of the languages",
    ),
    Column("group", ("generality",), "branch of the languages; `all` for all held-out languages"),
    Column(
        "over",
        ("generality",),
        "what is new in the interval: `runs and queries`; `languages` or `branches` beside them",
    ),
    Column("n_groups", ("generality",), "languages in the mean, or branches", NUMBER),
    Column(
        "estimate",
        ("generality",),
        "the mean gain, over `branches` with the same weight for each; slope: per unit of similarity",
        VALUE,
    ),
    Column("gap", ("gaps",), "mAP of pool → pool minus mAP of this pair set, within each run", VALUE),
    Column(
        "slope", ("trends",), "least-squares slope, mean over replicates", "that of `metric` per doubling"
    ),
    Column("slope", ("diversity",), "mAP per unit of the predictor, at equal numbers of languages", VALUE),
    Column(
        "effect",
        ("entry",),
        "language that enters: `question` (the query's), `candidate`, `both`; in mono `language`",
    ),
    Column(
        "effect_size", ("entry",), "mAP with the language in the training set minus mAP without it", VALUE
    ),
    Column("effect", ("claims",), "estimate of the decisive comparison", "that of the measure in `compared`"),
    *(
        Column(
            f"ci_{end}",
            (*SCORES, "gaps", *PARTS, *GAINS, "trends", "entry", *PAIRED, "claims", "published"),
            f"{side} end of the 95% interval over runs and queries; empty with fewer than four replicates",
            VALUE,
        )
        for end, side in (("low", "lower"), ("high", "upper"))
    ),
    *(
        Column(
            f"runs_ci_{end}",
            (*SCORES, "gaps", *PARTS, *GAINS, "trends", "entry", *PAIRED, "claims"),
            f"{side} end of the 95% interval over queries, for the given runs",
            VALUE,
        )
        for end, side in (("low", "lower"), ("high", "upper"))
    ),
    # tests
    Column(
        "p", ("contrasts", *PARTS, "sensitivity", "trends", "entry"), "two-sided p over runs and queries", P
    ),
    Column("p", ("diversity",), "p of the correlation by permutation of language orders", P),
    Column("p", ("claims",), "p of the claim, of a part the p of its support, before adjustment", P),
    Column(
        "p_adjusted",
        ("contrasts", *PARTS, "trends", "entry", "diversity", "claims"),
        "p adjusted within `family`; claims: by the sequence or Holm, primary rows only",
        P,
    ),
    Column(
        "p_runs",
        ("contrasts", *PARTS, "sensitivity", "trends", "entry"),
        "p over queries, for the given runs, by flipping signs of clusters",
        P,
    ),
    Column(
        "family",
        ("contrasts", *PARTS, "trends", "entry", "diversity"),
        "family of tests: its name in the config (Holm), or `exploratory` (Benjamini-Hochberg)",
    ),
    Column("p_equivalent", ("contrasts",), "p of two one-sided tests against `margin`; small: equivalent", P),
    Column("p_equivalence", ("trends",), "p of two one-sided tests against `margin`; small: no slope", P),
    Column("margin", ("contrasts", "trends"), "bound of the equivalence tests", VALUE),
    Column("reference", ("trends",), "value at the smallest number of training languages", VALUE),
    Column(
        "smallest_detectable",
        ("contrasts", *PARTS, "trends", "entry"),
        "minimum detectable effect: 80% power in a test at 5%",
        VALUE,
    ),
    Column(
        "smallest_detectable",
        ("claims",),
        "minimum detectable effect beyond the bound of the claim: 80% power at .05 / tests",
        "that of the measure in `compared`",
    ),
    # fitted curves
    Column("curve", ("curves",), "shape of the curve: constant, logarithmic, power law, rise and fall"),
    Column(
        "chosen",
        ("curves",),
        "whether the curve is the simplest within one standard error of the least error",
    ),
    Column("chosen_share", ("curves",), "share of resamples in which the curve is chosen", SHARE),
    Column(
        "error", ("curves",), "root mean square error at each number of languages, left out of the fit", VALUE
    ),
    Column(
        "held_out_error",
        ("curves",),
        "mix of the curves without the largest number of languages, at this number, minus the mean there",
        VALUE,
    ),
    *(
        Column(name, ("curves",), f"parameter {name} of the curve (docs/METHOD.md, Scaling)")
        for name in "abc"
    ),
    Column(
        "n50", ("curves",), "number of training languages for half of the gain; empty: not identified", NUMBER
    ),
    Column(
        "n95", ("curves",), "number of training languages for 95% of the gain; empty: not identified", NUMBER
    ),
    Column(
        "extrapolated_2x",
        ("curves",),
        "mix of the curves at twice the largest number of training languages; empty below six numbers",
        VALUE,
    ),
    Column(
        "extrapolated_4x",
        ("curves",),
        "mix of the curves at four times the largest number of training languages",
        VALUE,
    ),
    *(
        Column(f"{name}_{end}", ("curves",), f"{side} end of the 95% interval of {name}")
        for name in ("a", "b", "c", "n50", "n95", "extrapolated_2x", "extrapolated_4x")
        for end, side in (("low", "lower"), ("high", "upper"))
    ),
    Column("turn", ("curves",), "number of training languages at the turn of rise and fall", NUMBER),
    Column("start", ("curves",), "value from which the gain is counted", VALUE),
    # variance and diversity
    *(
        Column(f"{kind}_{name}", ("components",), f"{text} {of}", unit)
        for kind, text, unit in (
            ("variance", "variance of mAP between", "square of `metric`"),
            ("share", "share of the variance between", SHARE),
        )
        for name, of in (
            ("n", "numbers of training languages"),
            ("ladder", "language orders"),
            ("seed", "seeds, with the rest"),
        )
    ),
    Column(
        "ladder_of_runs",
        ("components",),
        "share of language orders in the variance between runs of equal number",
        SHARE,
    ),
    Column("ladder_of_runs_low", ("components",), "lower end of its 95% interval", SHARE),
    Column("ladder_of_runs_high", ("components",), "upper end of its 95% interval", SHARE),
    Column(
        "predictor",
        ("diversity",),
        "property of the training set: scripts, families, or features shared with the held-out language",
    ),
    Column(
        "correlation",
        ("diversity",),
        "correlation of predictor and mAP, at equal numbers of languages",
        "-1 to 1",
    ),
    # counts
    Column("n_queries", (*SCORES, "contrasts", *PARTS, *GAINS, "trends"), "queries with a value", NUMBER),
    Column(
        "n_runs",
        (*SCORES, "gaps", *PARTS, *GAINS, "trends", "curves", "components", "entry", *PAIRED, "claims"),
        "replicates",
        NUMBER,
    ),
    Column("n_clusters", ("sensitivity",), "query clusters", NUMBER),
    Column("n_ladders", ("components",), "language orders with two seeds or more", NUMBER),
    Column("n_sets", ("diversity",), "language orders", NUMBER),
    Column("n_pairs", ("entry",), "pairs of training languages", NUMBER),
    Column("n_resamples", ("curves",), "successful refits", NUMBER),
    Column("n_permutations", ("diversity",), "permutations", NUMBER),
    Column("note", ("contrasts", *PARTS, *GAINS, *CURVES), "reason for empty values"),
    # claims
    Column(
        "claim", ("claims",), "C: claim of arXiv:2408.10536; H: hypothesis of this project (docs/claims.md)"
    ),
    Column("part", ("claims",), "`all` for the claim, else the letter of a part. A part has no verdict"),
    Column(
        "position", ("claims",), "place in the declared sequence of tests; empty for a claim without", NUMBER
    ),
    Column(
        "role",
        ("claims",),
        "confirmatory; exploratory: after the first undecided claim of the sequence; replication: another "
        "model or benchmark than the primary pair; empty without test",
    ),
    Column("source", ("claims",), "publication of the claim"),
    Column("statement", ("claims",), "the claim in words"),
    Column("compared", ("claims",), "the decisive comparison: measure, queries, design points"),
    Column("claimed", ("claims",), "range of the effect if the claim holds"),
    Column(
        "verdict",
        ("claims",),
        "supported, contradicted, undecided or not tested here; of a replication: replicated, opposite or "
        "undecided; of a part: empty",
    ),
    Column(
        "sd_runs",
        ("claims",),
        "standard deviation of the comparison between replicates",
        "that of the measure",
    ),
    Column("se_queries", ("claims",), "standard error of the effect from the queries", "that of the measure"),
    Column("reason", ("claims",), "reason for the verdict, and differences to the paper"),
    # published values
    Column("source", ("published",), "publication of the value"),
    Column("table", ("published",), "table of the publication"),
    Column("published_model", ("published",), "encoder of the published value, by its Hugging Face id"),
    Column("training", ("published",), "training data of the published value; `none` without training"),
    Column("published", ("published",), "the value with its printed digits", VALUE),
    Column(
        "verdict",
        ("published",),
        "agrees, close, differs or not comparable (docs/METHOD.md, Published figures)",
    ),
    Column("reason", ("published",), "differences that rule out a comparison"),
    Column("note", ("published",), "remark on the published value"),
    # data
    Column("data", ("data", "census"), "source or benchmark, by its name in the config"),
    Column(
        "what",
        ("data",),
        "kind of text: pairs and passages of training or validation, `questions` (queries), candidates",
    ),
    Column(
        "language",
        ("data", "census", "audit", "leaks"),
        "language code (BCP 47); audit: `all` for the sum; census: empty if records do not tell it",
    ),
    Column("file", ("census",), "name of the file; below `resources/` for downloads"),
    Column("rows", ("census",), "records read, with the repeated ones", NUMBER),
    Column("empty", ("census",), "empty texts, and rows without text; their records are left out", NUMBER),
    Column(
        "repeated",
        ("census",),
        "records that stand again with the same id and text",
        NUMBER,
    ),
    Column("repaired", ("census",), "texts with characters such as NUL, now spaces", NUMBER),
    Column("role", ("data",), "`pool`: training language; `heldout`"),
    Column("count", ("data",), "number of texts", NUMBER),
    Column("source", ("audit", "leaks"), "training data, by the name in the config"),
    Column("part", ("audit", "leaks"), "`train` or `validation`"),
    Column("pairs", ("audit",), "training pairs", NUMBER),
    Column(
        "benchmark_texts",
        ("audit",),
        "texts of the benchmark in this language; 0: nothing to compare",
        NUMBER,
    ),
    Column("exact", ("audit",), "pairs with a text equal to a text of the benchmark", NUMBER),
    Column("near", ("audit",), "pairs with a text of high containment in the benchmark", NUMBER),
    Column("through_ids", ("audit",), "pairs flagged through a translation only", NUMBER),
    Column("offending", ("audit",), "flagged pairs: exact, near and through ids", NUMBER),
    Column("share", ("audit",), "share of flagged pairs", SHARE),
    Column("pair_id", ("leaks",), "id of the training pair"),
    Column("text", ("leaks",), "kind of text: query, passage or negative"),
    Column("match", ("leaks",), "`exact` or `near`"),
    Column("containment", ("leaks",), "largest share of common 13-grams, of the smaller text", SHARE),
    Column("benchmark_text", ("leaks",), "kind of the benchmark's text"),
    Column("benchmark_id", ("leaks",), "id of the benchmark's text"),
)
"""The columns of all CSV tables but the paper's, whose columns are languages and settings."""


def columns_of(table: str) -> list[Column]:
    """The records of the columns of a table."""
    return [column for column in COLUMNS if table in column.tables]


def as_markdown() -> str:
    """docs/columns.md: the tables, then the columns."""
    lines = [
        "# Tables and columns",
        "",
        "Made by `python -m langscale.reporting.columns > docs/columns.md` from the records in",
        "`src/langscale/reporting/columns.py`. The terms are in [glossary.md](glossary.md), the formulas in",
        "[METHOD.md](METHOD.md). Numbers have six significant digits. An empty cell is a missing value.",
        "",
        "## Tables",
        "",
        "All tables are in `results/<study>/tables/`.",
        "",
        "| table | a row is a |",
        "|---|---|",
        *(f"| `{name}.csv` | {row} |" for name, row in TABLES.items()),
        "",
        "`paper-<number>.csv` fills a table of arXiv:2408.10536: model, budget, n, quantity and sampler,",
        "then a column per language or setting with the study's value. The column with `published` has the",
        "printed value. The column with `better than` has the samplers with significantly worse values.",
        "",
        "## Columns",
        "",
        f"Score tables: {', '.join(SCORES)}.",
        "",
        "| column | meaning | unit | tables |",
        "|---|---|---|---|",
    ]
    for column in COLUMNS:
        rest = [name for name in column.tables if name not in SCORES]
        names = ["score tables", *rest] if set(SCORES) <= set(column.tables) else column.tables
        lines.append(f"| `{column.name}` | {column.meaning} | {column.unit} | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
