"""The terms of the study, each defined once: docs/glossary.md and the definitions of the report.

python -m langscale.reporting.glossary > docs/glossary.md
"""

SECTIONS: dict[str, dict[str, str]] = {
    "Design": {
        "n": "The number of training languages of a run. The column n_languages has it.",
        "pool": "The training languages of a study. The training set of a run is a part of the pool.",
        "held-out language": "A language of the evaluation outside the pool. No run is trained on it.",
        "ladder": (
            "A nested language order: an order of the pool. Its first n languages are the training set at "
            "n. Random ladders are replicates of each other. A named ladder is a condition of its own."
        ),
        "sampler": (
            "The rule for the languages of a batch. x-x-mono: the whole batch in one language. x-y: query "
            "and passage in two different languages. hybrid: an x-x-mono batch with probability alpha, "
            "else an x-y batch. At n = 1 these samplers are the same."
        ),
        "alpha": "The probability of a monolingual batch in hybrid, from 0 (x-y) to 1 (x-x-mono).",
        "control": (
            "The samplers x-y and hybrid have a shortcut: in an x-y batch the positive is never in the "
            "query's language, so an encoder can reject 1/n of the batch by language alone. A control draws "
            "one language pair per batch and lacks the shortcut: x-y-batch for x-y, hybrid-batch for hybrid."
        ),
        "budget": (
            "The rule for training steps and pairs at each n. fixed-total: the same steps and pairs at "
            "every n. fixed-per-language: the steps grow with n. fixed-rows: 1/n of the pairs, so that the "
            "number of rows is the same at every n."
        ),
        "row": "A training pair in one language: a query and its passage. A pair in n languages has n rows.",
        "run": "One training: a model, a sampler, a set of languages, a budget and a seed.",
        "cell": (
            "One place of the design: model, sampler, budget, ladder, n and seed. Cells with the same "
            "batches share a run. At n = 1, for example, all samplers are the same."
        ),
        "replicate": (
            "One ladder with one seed. The seed fixes the initial weights and the pairs of every step."
        ),
        "point": "The replicates of one model, sampler, budget and n. A value in a table is their mean.",
        "scaling curve": "The points of one model, sampler and budget over n.",
        "checkpoint": "The weights in the evaluation: last, or best on validation data.",
        "untrained": "The encoder before training, as a baseline.",
        "dimensions": (
            "The numbers of a vector. Model e5@64 is e5 with the first 64 numbers of each vector, brought to "
            "length 1 again (Matryoshka). Its rows belong to the runs of e5."
        ),
        "BM25": (
            "A baseline that compares strings: BM25 over character n-grams. Across languages it finds "
            "names, numbers and cognates only."
        ),
    },
    "Data": {
        "source": "A data set for training.",
        "pair": (
            "A query with its relevant passage. A parallel pair exists in several languages under one id."
        ),
        "negative": (
            "A passage in the batch without relevance to the query. A hard negative is chosen for its "
            "similarity to the query."
        ),
        "benchmark": "A data set for evaluation: queries, candidates and their relevance.",
        "query": "The text of a search.",
        "candidate": "A text in the ranking of a query: a sentence, a passage or an entity description.",
        "corpus": "The candidates of one ranking.",
        "relevant": "A candidate that answers the query.",
        "entity description": (
            "A passage of the data set cldr: a territory, language, city, time zone or currency with its "
            "values, from Unicode CLDR. A query is two of the values. This is entity retrieval, not "
            "question answering. Names of similar spelling help every system, BM25 most of all."
        ),
        "audit": "The search for texts of the benchmarks in the training data.",
    },
    "Evaluation": {
        "setting": (
            "The languages of the corpus. mono: the query's language. cross: one other language, as the "
            "mean over pairs. multi: all languages together."
        ),
        "pair set": (
            "A fixed set of pairs, written query language → candidate language. In pool → held-out, "
            "queries are in a language of the pool and candidates in a held-out language. A pair set is "
            "the same at every n, so a curve never changes its measure."
        ),
        "status": (
            "The pairs of languages by the training set of the run: seen or unseen query and candidate "
            "language. Unlike a pair set, the status of a pair changes with n."
        ),
        "zero-shot": (
            "Without training on the benchmark's data or on related data, in this study or before it."
        ),
        "mAP": (
            "Mean average precision, from 0 to 1: the mean precision at the ranks of the relevant "
            "candidates, over queries, then over languages. mAP@20 counts the first 20 ranks only."
        ),
        "R@k": "The share of the relevant candidates among the first k.",
        "nDCG@10": "Normalised discounted cumulative gain of the first ten candidates, from 0 to 1.",
        "macro, micro": "The mean over languages, and the mean over all queries.",
        "preference among translations": (
            "In multi, the order of the translations of one relevant passage. Own before other: the share "
            "of translations behind the one in the query's language, 1/2 without preference. Own first: "
            "whether this one is before all others. English before other: the same for English, with "
            "queries in other languages. English before own: whether the English translation is before the "
            "one in the query's language, for these queries."
        ),
        "rank distance": (
            "In multi, the last minus the first rank of a query's relevant candidates. It falls as "
            "accuracy rises, so it does not measure language bias alone."
        ),
        "own-language advantage": (
            "In multi, the median rank of the relevant candidates in other languages minus the rank of "
            "the relevant candidate in the query's language. 0 is no bias."
        ),
        "share@10": "The share of a language among the first ten candidates in multi.",
        "gap": "mAP of pool → pool minus mAP of a pair set with held-out languages.",
    },
    "Statistics": {
        "confidence interval over runs and queries": (
            "A 95% interval for new training runs, with other ladders and seeds, and other queries of "
            "this kind. It needs four replicates. Brackets and bars in the report are such intervals "
            "unless a note says otherwise. The columns ci_low and ci_high have it."
        ),
        "confidence interval over queries": (
            "A 95% interval for other queries of this kind and the given runs. The columns runs_ci_low "
            "and runs_ci_high have it."
        ),
        "query cluster": (
            "Queries that depend on each other, with their translations: those of an article (xquad-r, "
            "mlqa-r) or of an entity (cldr). The intervals resample whole clusters."
        ),
        "contrast": "A difference of two points, paired by query and replicate.",
        "family": (
            "Tests adjusted together. Declared contrasts are adjusted by Holm, claims by their sequence. All "
            "other tests are exploratory and adjusted by Benjamini and Hochberg."
        ),
        "significant": "An adjusted p below .05.",
        "equivalent": "Within a margin, by two one-sided tests. A large p never shows equivalence.",
        "minimum detectable effect": "The smallest effect that a test finds with 80% power.",
        "claim": (
            "A claim of arXiv:2408.10536 (C) or a hypothesis of this project (H), with one test declared "
            "in advance. It consists of one or several parts."
        ),
        "verdict": (
            "Supported: every part of the claim is significant. Contradicted: the opposite of a part is "
            "significant, whatever the others are. Undecided: neither is the case. Not tested here: the "
            "study lacks something that the test needs."
        ),
        "sequence of tests": (
            "The order of the claims, declared before the runs. Each claim is tested at the full level until "
            "one is undecided. The tests after it are exploratory."
        ),
        "primary pair": (
            "The model and the benchmark that carry the verdicts. Rows of other models and benchmarks are "
            "replications."
        ),
    },
}
TERMS = {term: text for terms in SECTIONS.values() for term, text in terms.items()}
"""Term -> definition."""


def as_markdown() -> str:
    """docs/glossary.md: the terms in sections."""
    lines = [
        "# Glossary",
        "",
        "Each term once. Made by `python -m langscale.reporting.glossary > docs/glossary.md` from",
        "`src/langscale/reporting/glossary.py`. The columns of the tables are in [columns.md](columns.md),",
        "formulas and reasons in [METHOD.md](METHOD.md).",
    ]
    for section, terms in SECTIONS.items():
        lines += ["", f"## {section}", "", *(f"- **{term}**: {text}" for term, text in terms.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
