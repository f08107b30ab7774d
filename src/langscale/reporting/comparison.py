"""Published figures and the study's own beside them, where there is a counterpart."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from langscale.config.data import Benchmark
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, UNTRAINED
from langscale.core.files import atomic
from langscale.data.registry import LANGUAGES
from langscale.published.figures import MEDIAN, RANK_DISTANCE, TRAININGS, figures
from langscale.reporting.wording import headline, interval, label

AGREES, CLOSE, DIFFERS, NOT = "agrees", "close", "differs", "not comparable"

COLUMNS = (
    "source", "table", "benchmark", "published_model", "training", "model", "sampler", "alpha", "budget", "n_languages",
    "checkpoint", "candidate_text", "setting", "query_language", "metric", "published", "value", "ci_low", "ci_high",
    "difference", "verdict", "reason", "note",
)  # fmt: skip

# absolute for mAP, recall and nDCG, relative to the published value for rank distance
SAME, NEAR = {"share": 0.003, "rank": 0.015}, {"share": 0.02, "rank": 0.1}

SAW = {
    model: (
        "xquad-r",
        "mlqa-r",
        "miracl",
        "miracl-hard",
    )  # SQuAD, whose paragraphs XQuAD translates, and MIRACL
    for model in (f"intfloat/multilingual-e5-{size}" for size in ("small", "base", "large"))
}


def checkpoint_rule(study: Study) -> str:
    """The checkpoint that stands beside the paper's: `best` where it was chosen on English, else `last`."""
    validation = study.training.validation
    return "best" if validation and validation.languages == "en" else "last"


def verdict(published: str, row: dict[str, Any], metric: str, deterministic: bool) -> str:
    """agrees, close or differs, of a published value and a row of ours (value, ci_low, ci_high).

    agrees: the published value, widened by its rounding, lies in our procedure interval; for an encoder that is not
    trained, which gives the same ranking every time, within SAME; without an interval, within rounding alone. close:
    within NEAR.
    """
    kind, printed = ("rank" if metric == RANK_DISTANCE else "share"), float(published)
    unit = printed if kind == "rank" else 1.0
    rounding = 0.5 * 10.0 ** -len(published.partition(".")[2]) + 1e-9
    distance = abs(row["value"] - printed)
    if deterministic:
        agrees = distance <= max(rounding, SAME[kind] * unit)
    elif pd.isna(row["ci_low"]):
        agrees = distance <= rounding
    else:
        agrees = row["ci_low"] - rounding <= printed <= row["ci_high"] + rounding
    return AGREES if agrees else CLOSE if distance <= NEAR[kind] * unit + 1e-9 else DIFFERS


def reasons(study: Study, published: dict[str, Any], row: dict[str, Any], asked: set[str]) -> list[str]:
    """Why a row of the study cannot be compared with a published figure; empty: it can.

    `asked`: question languages that the study evaluates on this benchmark.
    """
    found = list(_evaluation(study.benchmarks[row["benchmark"]], published, row, asked))
    model = study.models.get(row["model"])
    if model is None or model.architecture or model.hub != published["model"]:
        built = "built from scratch" if model and model.architecture else "other model"
        found.append(f"{built} (published: {published['model']})")
        if model and published["benchmark"] in SAW.get(model.hub or "", ()):
            found.append("not zero-shot: the encoder saw SQuAD and MIRACL")
    trained, then = row["n_languages"] > 0, published["training"] != "none"
    if trained != then:
        return [
            *found,
            f"{'trained' if trained else 'untrained'} here, {'trained' if then else 'untrained'} there",
        ]
    return [*found, *_training(study, published, row)] if trained else found


def _evaluation(
    options: Benchmark, published: dict[str, Any], row: dict[str, Any], asked: set[str]
) -> Iterator[str]:
    if published["candidates"] not in ("", row["candidate_text"]):
        yield f"other candidates ({row['candidate_text']}; published: {published['candidates']})"
    if options.every_article:
        yield f"fewer questions and candidates (every_article: {options.every_article})"
    if options.questions:
        yield f"fewer questions ({options.questions} per language)"
    languages = set(languages_of(published))
    if asked != languages and not (published["setting"] == "mono" and published["query_language"] != ALL):
        yield f"other languages ({len(asked)}; published: {len(languages)})"


def _training(study: Study, published: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    known = TRAININGS.get(published["training"])
    if known is None:
        yield f"other training data (published: {published['training']})"
        return
    budget, options = study.budgets[row["budget"]], study.training
    sources = set(budget.sources or [name for name, source in study.sources.items() if source.train])
    if not known.sources <= sources <= known.sources | known.optional:
        yield f"other training data ({' '.join(sorted(sources))}; published: {published['training']})"
    if row["n_languages"] != published["n_languages"]:
        yield f"n = {row['n_languages']} (published: {published['n_languages']:g})"
    elif row["n_languages"] > 1 and set(study.languages.pool) != known.pool:
        yield "other training languages"
    if known.whole_pool is False and budget.whole_pool:
        yield "only pairs that exist in every language"
    if known.best_en and row["checkpoint"] != checkpoint_rule(study):
        yield "last checkpoint (published: lowest loss on English)"
    elif known.best_en and row["checkpoint"] == "last":
        yield "no checkpoint chosen on English validation"
    steps = budget.steps * (row["n_languages"] if budget.kind == "fixed-per-language" else 1)
    if known.steps and steps < known.steps:
        yield f"{steps} steps (published: taken as {known.steps})"
    drawn = steps * options.batch_size
    for name in sorted(sources & known.sources):
        kept = [pairs for pairs in (budget.pairs, study.sources[name].pairs) if pairs]
        if kept and min(kept) < drawn and name == "mmarco":  # nine tenths of the data
            yield f"a sample of {name} ({min(kept)} pairs, {drawn} drawn)"
    for name in ("batch_size", "learning_rate"):
        value = getattr(known, name)
        if value and value != getattr(options, name):
            yield f"{name.replace('_', ' ')} {getattr(options, name):g} (published: {value:g})"


def languages_of(published: dict[str, Any]) -> tuple[str, ...]:
    """The question languages that a published average is over: those its source prints, else all of the set."""
    return _languages(*(published[name] for name in ("source", "benchmark", "model")))


@cache
def _languages(source: str, benchmark: str, model: str) -> tuple[str, ...]:
    table = figures()
    same = (table["source"] == source) & (table["benchmark"] == benchmark) & (table["model"] == model)
    found = dict.fromkeys(table.loc[same, "query_language"])
    return tuple(code for code in found if code not in (ALL, MEDIAN)) or LANGUAGES[benchmark]


def own_rows(study: Study, scaling: pd.DataFrame, languages: pd.DataFrame) -> pd.DataFrame:
    """Rows of the study that can stand beside a published figure: all languages, then by question language.

    Random ladders and baselines only, macro; the column `set` is the data set of the benchmark.
    """
    by_language = languages[(languages["average"] == "macro") & (languages["status"] == ALL)]
    rows = pd.concat([headline(scaling), by_language], ignore_index=True)
    rows = rows[(rows["pair_set"] == ALL) & (rows["ladder"] == ALL) & (rows["model"] != BM25)]
    sets = {name: options.set or name for name, options in study.benchmarks.items()}
    return rows.assign(set=rows["benchmark"].map(sets))


def compare(study: Study, scaling: pd.DataFrame, languages: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(the published figures that the study has a counterpart for, number of figures without one).

    A counterpart has the same set, setting, question language and metric. Among the rows that have, one with the same
    sampler, the published number of languages (else the largest) and the fewest reasons against it is taken; where
    several have none, all. A figure that no row is comparable with is shown for all languages only.
    """
    rows = own_rows(study, scaling, languages)
    asked = {
        name: set(part["query_language"]) - {ALL} for name, part in rows.groupby("benchmark", sort=False)
    }
    keys = ["set", "setting", "query_language", "candidate_language", "metric"]
    groups = {key: part.to_dict("records") for key, part in rows.groupby(keys, sort=False)}
    found, without = [], 0
    for published in figures().to_dict("records"):
        key = tuple(published[name] for name in ("benchmark", *keys[1:]))
        candidates = groups.get(key, []) if published["candidate_language"] == ALL else []
        judged = [
            (reasons(study, published, r, asked[r["benchmark"]]), r) for r in _same(published, candidates)
        ]
        fewest = min((len(against) for against, _ in judged), default=0)
        judged = [(against, r) for against, r in judged if len(against) == fewest][: 1 if fewest else None]
        if not judged or (fewest and published["query_language"] != ALL):
            without += 1
            continue
        found += [_row(published, r, against) for against, r in judged]
    return pd.DataFrame(found, columns=list(COLUMNS)), without


def _same(published: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the published sampler at its n, else their largest n; untrained ones where there is none."""
    alpha = published["alpha"]
    same = [
        r
        for r in rows
        if r["sampler"] == published["sampler"]
        and (r["alpha"] == alpha or (pd.isna(alpha) and pd.isna(r["alpha"])))
    ]
    if not same and published["sampler"]:
        same = [r for r in rows if r["sampler"] == UNTRAINED]
    return at_n(same, published["n_languages"])


def at_n(rows: list[dict[str, Any]], n: float) -> list[dict[str, Any]]:
    """Of every benchmark, model and budget the rows at n languages, else at their largest n."""
    curves: dict[tuple, set[int]] = {}
    for row in rows:
        curves.setdefault(_curve(row), set()).add(row["n_languages"])
    return [r for r in rows if r["n_languages"] == (n if n in curves[_curve(r)] else max(curves[_curve(r)]))]


def _curve(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["benchmark"], row["model"], row["budget"]


def _row(published: dict[str, Any], row: dict[str, Any], against: list[str]) -> dict[str, Any]:
    own = {name: row[name] for name in COLUMNS if name in row}
    printed = {name: published[name] for name in ("source", "table", "training", "note")}
    deterministic = row["sampler"] == UNTRAINED and row["n_runs"] == 1
    return printed | own | {
        "published_model": published["model"],
        "published": published["value"],
        "difference": row["value"] - float(published["value"]),
        "verdict": NOT if against else verdict(published["value"], row, published["metric"], deterministic),
        "reason": "; ".join(against),
    }  # fmt: skip


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison as it is read: figures over all languages, ours with its interval."""
    table = table[table["query_language"] == ALL]
    if table.empty:
        return pd.DataFrame({"published": ["no published figure has a counterpart in this study"]})
    ours = table["model"] + " " + table.apply(label, axis=1)
    ours += (" n=" + table["n_languages"].astype(str)).where(table["n_languages"] > 0, "")
    return pd.DataFrame(
        {
            "source": (table["source"] + " " + table["table"]).str.strip(),
            "published model": table["published_model"],
            "benchmark": table["benchmark"],
            "what": table["setting"] + " " + table["metric"],
            "published": table["published"],
            "ours": ours,
            "value": table.apply(interval, axis=1),
            "difference": [f"{d:+.{1 if abs(v) >= 10 else 3}f}" for d, v in zip(table["difference"], table["value"], strict=True)],
            "verdict": table["verdict"] + table["reason"].map(_numbers(table)).map(" ({})".format).where(table["reason"] != "", ""),
        }
    )  # fmt: skip


def _numbers(table: pd.DataFrame) -> dict[str, int]:
    """The distinct reasons of the rows that are read, numbered."""
    reasons = dict.fromkeys(r for r in table.loc[table["query_language"] == ALL, "reason"] if r)
    return {reason: i for i, reason in enumerate(reasons, 1)}


def closing(table: pd.DataFrame, without: int) -> list[str]:
    """What stands below the table: the reasons, verdicts on figures of single languages, and what is left out."""
    lines = [f"({number}) {reason}." for reason, number in _numbers(table).items()]
    single = table.loc[table["query_language"] != ALL, "verdict"].value_counts()
    counts = ", ".join(f"{single[name]} {name}" for name in (AGREES, CLOSE, DIFFERS) if name in single)
    if counts:
        lines.append(f"By question language, in the csv: {counts}.")
    return [
        *lines,
        f"{without} of {len(figures())} published figures have no counterpart in this study.",
    ]


def write(table: pd.DataFrame, without: int, folder: str | Path) -> None:
    """Write folder/published.csv, .md and .tex."""
    shown, lines = readable(table), closing(table, without)
    below = "\n\n".join(lines)
    texts = {
        "csv": table.to_csv(index=False, float_format="%.6g", lineterminator="\n"),
        "md": f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{below}\n",
        "tex": shown.to_latex(
            index=False, escape=True, caption=_escaped(" ".join(lines)), column_format="l" * shown.shape[1]
        ),
    }
    for kind, text in texts.items():
        with atomic(Path(folder) / f"published.{kind}") as partial:
            partial.write_text(text, encoding="utf-8")


def _escaped(text: str) -> str:
    return text.replace("_", r"\_")
