"""Every verdict and every reason on planted studies."""

import itertools
import re

import numpy as np
import pytest
from support import paper_study as planted
from support.paper_study import E5, LABSE, XLMR

from langscale.config.study import load
from langscale.data import catalogue
from langscale.published import figures as published
from langscale.published.figures import PAPER
from langscale.reporting import comparison
from langscale.reporting.comparison import AGREES, CLOSE, DIFFERS, NOT


@pytest.mark.parametrize(
    "printed, value, interval, metric, deterministic, expected",
    [
        ("0.798", 0.790, (0.780, 0.800), "mAP", False, AGREES),
        ("0.798", 0.790, (0.785, 0.7975), "mAP", False, AGREES),  # .7975 rounds to .798
        ("0.798", 0.790, (0.785, 0.7974), "mAP", False, CLOSE),
        ("0.798", 0.778, (0.770, 0.786), "mAP", False, CLOSE),
        ("0.798", 0.7779, (0.770, 0.786), "mAP", False, DIFFERS),
        ("0.798", 0.60, (0.40, 0.80), "mAP", False, AGREES),
        ("0.798", 0.7984, None, "mAP", False, AGREES),  # no interval: rounding alone
        ("0.798", 0.7986, None, "mAP", False, CLOSE),
        ("0.798", 0.7955, (0.70, 0.90), "mAP", True, AGREES),
        ("0.798", 0.7945, (0.70, 0.90), "mAP", True, CLOSE),  # questions do not vary between two readings
        ("410.2", 430.0, (420.0, 440.0), "rank distance", False, CLOSE),
        ("410.2", 452.0, (440.0, 464.0), "rank distance", False, DIFFERS),
        ("410", 415.9, (410.4, 421.0), "rank distance", False, AGREES),
        ("1213", 1228.0, (1200.0, 1250.0), "rank distance", True, AGREES),
        ("1213", 1232.0, (1200.0, 1250.0), "rank distance", True, CLOSE),
    ],
)
def test_verdict(printed, value, interval, metric, deterministic, expected):
    low, high = interval or (np.nan, np.nan)
    row = {"value": value, "ci_low": low, "ci_high": high}
    assert comparison.verdict(printed, row, metric, deterministic) == expected


def move(figure):
    """mono as published, cross .01 and R@10 .1 off, rank distance 5 % off, multi mAP .03 off."""
    if figure["metric"] == "rank distance":
        return float(figure["value"]) * 0.05
    return {"mono": 0.0, "cross": -0.01, "multi": 0.1 if figure["metric"] == "R@10" else -0.03}[
        figure["setting"]
    ]


def test_the_papers_study_gets_a_verdict_on_every_figure():
    study = planted.study()
    table, without = comparison.compare(study, *planted.split(planted.rows(study, move)))
    paper = table[table["source"] == PAPER]
    assert len(paper) == 1092 - 2 * 102  # all but MIRACL
    assert set(paper["reason"]) == {""} and len(table) + without == len(published.figures())
    for key, expected in {
        ("mono", "mAP"): AGREES,
        ("mono", "R@1"): AGREES,
        ("cross", "mAP"): CLOSE,
        ("cross", "R@1"): CLOSE,
        ("multi", "mAP"): DIFFERS,
        ("multi", "R@10"): DIFFERS,
    }.items():
        rows = paper[(paper["setting"] == key[0]) & (paper["metric"] == key[1])]
        assert set(rows["verdict"]) == {expected} and len(rows) >= 120
    # 5 % off is more than the half interval of 4
    assert set(paper.loc[paper["metric"] == "rank distance", "verdict"]) == {CLOSE}
    np.testing.assert_allclose(paper["difference"], paper["value"] - paper["published"].astype(float))
    # mBERT of LAReQA stands beside the study with the reasons, over all languages only
    other = table[table["source"] != PAPER]
    assert set(other["verdict"]) == {NOT} and set(other["query_language"]) == {"all"}
    assert set(other["source"]) >= {"google-research-datasets/lareqa 354d67d"}
    line = " ".join(comparison.closing(table, without))
    counts = [int(v) for v in re.findall(r"(\d+) (?:agrees|close|differs)", line)]
    assert sum(counts) == (paper["query_language"] != "all").sum()
    assert line.endswith(f"{without:,} of 1,699 published values have no counterpart in this study.")


@pytest.mark.parametrize("candidate_text", ["paragraph", "sentence"])
def test_tasks_of_mteb_stand_beside_paragraphs_only(candidate_text):
    study = planned(candidate_text)
    same = {"model": "e5", "sampler": "untrained", "budget": "none", "ladder": "all", "n_languages": 0,
            "seed": "all", "benchmark": "ours", "setting": "mono", "candidate_language": "all",
            "pair_set": "all", "status": "all", "metric": "nDCG@10", "n_queries": 9,
            "n_runs": 1, "checkpoint": "last", "average": "macro",
            "candidate_text": candidate_text}  # fmt: skip
    values = {"all": 0.9, "hi": 0.9560, "th": 0.9476}
    rows = [same | {"query_language": code, "value": value} for code, value in values.items()]
    table, without = comparison.compare(study, *planted.split(rows))
    if candidate_text == "sentence":
        assert table.empty and without == 1699
        return
    found = table.set_index("query_language")[["published", "verdict"]].to_dict("index")
    assert found == {
        "hi": {"published": "0.9544", "verdict": AGREES}, "th": {"published": "0.9476", "verdict": AGREES}
    }  # fmt: skip


def planned(candidate_text):
    """A study without training that ranks texts of XQuAD-R."""
    return load(
        {
            "study": "t",
            "languages": {"pool": ["hi", "th"]},
            "benchmarks": {"ours": {"set": "xquad-r", "candidate_text": candidate_text}},
            "models": {"e5": {"hub": planted.E5}},
            "grid": [],
        }
    )


def verdicts(study, rows):
    table = comparison.compare(study, *planted.split(rows))[0]
    return table[table["source"] == PAPER]


BUDGET = {"kind": "fixed-total", "steps": 20000, "whole_pool": False}


@pytest.mark.parametrize(
    "changes, row, reason",
    [
        (
            {"benchmarks": {"xquad-r": {"candidate_text": "sentence+paragraph"}}},
            {},
            "different candidate text (sentence+paragraph; published: sentence)",
        ),
        (
            {"benchmarks": {"xquad-r": {"every_article": 10}}},
            {},
            "fewer queries and candidates (every_article: 10)",
        ),
        ({"benchmarks": {"xquad-r": {"questions": 50}}}, {}, "fewer queries (50 per language)"),
        (
            {"sources": {"squad": {}, "squadshifts": {"train": False, "validation": True}}},
            {},
            "different training data (squad; published: mmarco+8)",
        ),
        ({}, {"n_languages": 4}, "4 training languages (published: 9)"),
        (
            {"languages": {"pool": ["en", "el", *planted.POOL[2:]], "heldout": ["ar", "vi"]}},
            {},
            "different training languages",
        ),
        (
            {"budgets": {"total": BUDGET | {"whole_pool": True}}},
            {},
            "only training pairs present in every language",
        ),
        ({}, {"checkpoint": "last"}, "last checkpoint (published: lowest validation loss on English)"),
        (
            {"training": {"validation": {"languages": "pool"}}},
            {"checkpoint": "last"},
            "no checkpoint selected on English validation data",
        ),
        (
            {"budgets": {"total": BUDGET | {"steps": 30}}},
            {},
            "30 training steps (published: not printed, assumed 20,000)",
        ),
        (
            {"budgets": {"total": BUDGET | {"pairs": 1000}}},
            {},
            "mmarco reduced to 1,000 pairs (2,000,000 pairs drawn in training)",
        ),
        (
            {"training": {"validation": {"languages": "en"}, "batch_size": 32}},
            {},
            "batch size 32 (published: 100)",
        ),
        (
            {"training": {"validation": {"languages": "en"}, "learning_rate": 5e-5}},
            {},
            "learning rate 5e-05 (published: 3e-05)",
        ),
    ],
)
def test_each_condition_alone_makes_figures_incomparable(changes, row, reason):
    study = planted.study(**{"benchmarks": {"xquad-r": {}}, "models": {"xlm-r": {"hub": XLMR}}} | changes)
    table = verdicts(study, planted.rows(study, **row))
    assert set(table["verdict"]) == {NOT} and set(table["query_language"]) == {"all"}
    own = table[table["published_model"] == XLMR]
    assert set(own["reason"]) == {reason}
    assert len(own) == 9 + 3 + 18 + 3  # Tables 1, 2, 3 and 7 over all languages
    # the other encoder of the paper adds its own reason, and only that
    other = table[table["published_model"] == LABSE]
    assert len(other) == 33
    assert all(set(r.split("; ")) >= {f"different encoder (published: {LABSE})"} for r in other["reason"])


def test_steps_of_a_budget_per_language_count_over_all_languages():
    for steps, reasons in (
        (2223, {""}),
        (2222, {"19,998 training steps (published: not printed, assumed 20,000)"}),
    ):
        budgets = {"total": BUDGET | {"kind": "fixed-per-language", "steps": steps}}
        study = planted.study(models={"xlm-r": {"hub": XLMR}}, benchmarks={"xquad-r": {}}, budgets=budgets)
        table = verdicts(study, planted.rows(study))
        assert set(table.loc[table["published_model"] == XLMR, "reason"]) == reasons


def test_fewer_languages_are_other_pools_but_for_a_language_alone():
    study = planted.study(models={"xlm-r": {"hub": XLMR}}, benchmarks={"xquad-r": {}})
    rows = [r for r in planted.rows(study) if r["query_language"] not in ("el", "vi")]
    table = verdicts(study, rows)
    known = table[table["verdict"] != NOT]
    assert set(known["setting"]) == {"mono"} and set(known["query_language"]) == set(planted.POOL)
    means = table[table["verdict"] == NOT]
    assert set(means.loc[means["published_model"] == XLMR, "reason"]) == {
        "different languages (9; published: 11)"
    }


@pytest.mark.parametrize(
    "model, kind",
    [
        ({"hub": E5}, "different encoder"),
        ({"path": "/x"}, "different encoder"),
        ({"architecture": {"model_type": "bert"}}, "encoder trained from random weights"),
    ],
)
def test_other_encoders_are_named(model, kind):
    there = planted.study(models={"xlm-r": {"hub": XLMR}}, benchmarks={"xquad-r": {}})
    study = planted.study(models={"xlm-r": model}, benchmarks={"xquad-r": {}})
    table = verdicts(study, planted.rows(there))
    saw = (
        ["not zero-shot: the encoder was trained on this data set or a related one"]
        if model.get("hub") == E5
        else []
    )
    for name in (XLMR, LABSE):
        found = table.loc[table["published_model"] == name, "reason"]
        assert set(found) == {"; ".join([f"{kind} (published: {name})", *saw])} and len(found) == 33


def test_a_hub_id_with_a_local_copy_is_still_that_encoder():
    study = planted.study(models={"xlm-r": {"hub": XLMR, "path": "/x"}}, benchmarks={"xquad-r": {}})
    table = verdicts(study, planted.rows(study))
    assert set(table.loc[table["published_model"] == XLMR, "verdict"]) == {AGREES}


# The untrained multilingual-e5-small on XQuAD-R, by an independent implementation; the mean of the languages.
UNTRAINED = {
    ("mono", "mAP"): 0.7995,
    ("cross", "mAP"): 0.6399,
    ("multi", "mAP"): 0.2984,
    ("multi", "R@10"): 0.2672,
    ("multi", "mAP@20"): 0.2486,
    ("multi", "rank distance"): 1213.5,
}


def test_an_untrained_encoder_stands_beside_trained_ones_with_the_reasons():
    study = planted.study(models={"e5": {"hub": E5}}, benchmarks={"xquad-r": {"every_article": 10}})
    base = planted.rows(planted.study(models={"e5": {"hub": XLMR}}))[0]
    rows = [
        base
        | {
            "sampler": "untrained",
            "alpha": None,
            "budget": "none",
            "n_languages": 0,
            "n_runs": 1,
            "setting": setting,
            "metric": metric,
            "value": value,
            "query_language": language,
            "benchmark": "xquad-r",
            "candidate_text": "sentence",
            "checkpoint": checkpoint,
        }
        for (setting, metric), value in UNTRAINED.items()
        for language in ("all", *catalogue.benchmark("xquad-r").languages)
        for checkpoint in ("last", "best")
    ]
    table, without = comparison.compare(study, *planted.split(rows))
    assert set(table["verdict"]) == {NOT} and set(table["sampler"]) == {"untrained"}
    assert len(table) + without == len(published.figures())
    found = table[
        (table["source"] == PAPER) & (table["table"] == "Table 1") & (table["published_model"] == XLMR)
    ]
    found = found[found["setting"] == "multi"]
    assert found["published"].tolist() == ["0.547", "0.593", "0.593"] and set(found["value"]) == {0.2984}
    assert set(found["reason"]) == {
        f"fewer queries and candidates (every_article: 10); different encoder (published: {XLMR}); "
        "not zero-shot: the encoder was trained on this data set or a related one; "
        "untrained here, trained in the publication"
    }
    paragraphs = table[table["source"] == "arXiv:2407.19669"]
    assert len(paragraphs) == 4 and set(paragraphs["metric"]) == {"mAP@20"}
    assert (
        paragraphs["reason"].str.startswith("different candidate text (sentence; published: paragraph)").all()
    )
    # MTEB's paragraph tasks are no counterpart of XQuAD-R, not even of the same encoder
    assert not table["source"].str.startswith("embeddings-benchmark").any()


def test_an_encoder_off_the_shelf_agrees_within_what_implementations_differ():
    study = planted.study(models={"e5": {"hub": E5}}, benchmarks={"miracl-hard": {}})
    figures = published.figures()
    figures = figures[(figures["model"] == E5) & (figures["benchmark"] == "miracl-hard")]
    base = planted.rows(planted.study(models={"e5": {"hub": XLMR}}))[0]
    moves = itertools.cycle([0.0, 0.0025, -0.01, 0.05])
    rows = [
        base
        | {
            "sampler": "untrained",
            "alpha": None,
            "budget": "none",
            "n_languages": 0,
            "n_runs": 1,
            "setting": "mono",
            "metric": "nDCG@10",
            "value": float(f["value"]) + move,
            "query_language": f["query_language"],
            "benchmark": "miracl-hard",
            "candidate_text": "passage",
            "ci_low": 0.0,
            "ci_high": 1.0,
        }
        for f, move in zip(figures.to_dict("records"), moves, strict=False)
    ]
    table = comparison.compare(study, *planted.split(rows))[0]
    assert table["verdict"].tolist() == [AGREES, AGREES, CLOSE, DIFFERS] * 4 + [AGREES, AGREES]
    assert set(table["published_model"]) == {E5}


def test_the_nearest_row_of_several_is_taken():
    benchmarks = {"far": {"set": "xquad-r", "every_article": 10}, "near": {"set": "xquad-r"}}
    budgets = {"short": BUDGET | {"steps": 30}, "total": BUDGET, "again": BUDGET | {"kind": "fixed-rows"}}
    study = planted.study(
        benchmarks=benchmarks, budgets=budgets, models={"xlm-r": {"hub": XLMR}, "other": {"hub": E5}}
    )
    rows = [
        row
        for budget, n, model in itertools.product(budgets, (4, 9, 16), ("xlm-r", "other"))
        for row in planted.rows(study, budget=budget, n_languages=n, model=model)
    ]
    table = verdicts(study, rows)
    mine = table[table["published_model"] == XLMR]
    assert (
        set(mine["verdict"]) == {AGREES}
        and set(mine["benchmark"]) == {"near"}
        and set(mine["n_languages"]) == {9}
    )
    assert set(mine["budget"]) == {"total", "again"} and set(mine["model"]) == {"xlm-r"}
    assert len(mine) == 2 * (9 + 3 + 216 + 36)  # Tables 1, 2, 3 and 7, under two budgets


def test_a_study_without_their_benchmarks_says_so(tmp_path):
    study = planted.study(benchmarks={"cldr": {}})
    table, without = comparison.compare(study, *planted.split(planted.rows(study)))
    assert table.empty and without == len(published.figures())
    comparison.write(table, without, tmp_path)
    assert (tmp_path / "published.csv").read_text() == ",".join(comparison.COLUMNS) + "\n"
    text = (tmp_path / "published.md").read_text()
    assert "no published value has a counterpart" in text and "1,699 of 1,699" in text
    assert (tmp_path / "published.tex").read_text().count(r"\end{tabular}") == 1


def test_files_are_read_back_and_the_same_every_time(tmp_path):
    study = planted.study()
    scaling, languages = planted.split(planted.rows(study, move))
    for folder in ("a", "b"):
        comparison.write(*comparison.compare(study, scaling, languages), tmp_path / folder)
        scaling, languages = scaling.copy(), languages.copy()
    for kind in ("csv", "md", "tex"):
        a, b = ((tmp_path / folder / f"published.{kind}").read_bytes() for folder in ("a", "b"))
        assert a == b
    lines = (tmp_path / "a/published.md").read_text().splitlines()
    row = next(
        line
        for line in lines
        if "Table 1" in line and "xlm-r hybrid 0.5, 9 languages" in line and "mono" in line
    )
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        f"{PAPER} Table 1",
        XLMR,
        "xquad-r",
        "mAP, mono",
        "0.798",
        "xlm-r hybrid 0.5, 9 languages",
        "0.798 [0.794, 0.802]",
        "+0.000",
        AGREES,
    ]
