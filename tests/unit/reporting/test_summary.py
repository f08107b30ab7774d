"""The sentences that answer the question, against the tables of a planted study and against tables that are made up."""

import re

import pandas as pd
import pytest
from support.rendered_study import read

from langscale.reporting import summary as answer


def sentences(made, folder, scaling=None, contrasts=None):
    tables = (
        read(folder, "scaling") if scaling is None else scaling,
        read(folder, "contrasts") if contrasts is None else contrasts,
    )
    return next(iter(answer.answers(made.study, *tables, read(folder, "claims")).values()))


def shown(row):
    return f"{row['value']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]"


def only(table, **wanted):
    """The one row of a table with these values."""
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def headline(made, setting):
    """Rows of mAP in a setting over all candidate languages and statuses."""
    return made.tables["scaling"].query(
        f"metric == 'mAP' and status == 'all' and candidate_language == 'all' and setting == '{setting}'"
    )


def test_what_n_does_is_told_with_the_numbers_of_the_tables(made, folder):
    """Both samplers lack their control: one of them is taken, and that is said."""
    three = sentences(made, folder)
    cross, contrasts = headline(made, "cross"), made.tables["contrasts"].query("metric == 'mAP'")
    assert len(three) == 3 and three[0].startswith("With more training languages, retrieval across them ")
    assert three[1].startswith("For the 2 languages it never trained on: asking in them, retrieval ")
    for pair_set, sentence in (("pool", three[0]), ("heldout-pool", three[1]), ("pool-heldout", three[1])):
        rows = cross[cross["pair_set"] == pair_set]
        first, last = (only(rows, sampler="x-y", n_languages=n) for n in (1, 3))
        assert f"from {shown(first)} " in sentence and f"to {shown(last)} " in sentence
        these = contrasts.query(
            f"setting == 'cross' and pair_set == '{pair_set}' and cell_sampler == 'x-y' and cell_n_languages == 3"
        )
        change = only(these, reference_sampler="x-y", reference_n_languages=1)
        told = f"{change['difference']:+.3f} [{change['ci_low']:+.3f}, {change['ci_high']:+.3f}]"
        assert f"with x-y (paired difference {told}; its control is not in the grid" in sentence
        verb = "improves" if change["difference"] > 0 else "gets worse"
        verb = verb if change["p_adjusted"] < 0.05 else "does not change detectably"
        assert f"retrieval across them {verb}:" in sentence or f"retrieval {verb}, mAP going" in sentence
        for sampler, name in (("untrained", "the untrained encoder"), ("none", "BM25")):
            against = only(these, reference_sampler=sampler)
            where = "above" if against["difference"] > 0 else "below"
            where = where if against["p_adjusted"] < 0.05 else "not told apart from"
            assert f"{where} {name} ({shown(only(rows, sampler=sampler))})" in sentence


def test_which_sampler_is_best_is_told_with_its_lead(made, folder):
    text = sentences(made, folder)[2]
    for setting in ("mono", "cross", "multi"):
        rows = headline(made, setting).query("pair_set == 'all' and n_languages == 3").sort_values("value")
        second, best = rows.iloc[-2:].to_dict("records")
        alpha, beta = ("" if pd.isna(row["alpha"]) else f" {row['alpha']:g}" for row in (best, second))
        lead = f"{best['value'] - second['value']:+.3f}"
        start = f"in {setting} {best['sampler']}{alpha} ({best['value']:.3f}, {lead} ["
        assert re.search(
            re.escape(start)
            + r"[^\]]+\] over "
            + re.escape(second["sampler"] + beta)
            + r"(, not told apart)?\)",
            text,
        )
    counts = made.tables["claims"].query("part == 'all'")["verdict"].value_counts()
    assert all(f"{n} {verdict}" in text for verdict, n in counts.items())


def test_a_sampler_that_needs_no_control_tells_what_n_does_even_where_another_is_better(made, folder):
    scaling, contrasts = read(folder, "scaling"), read(folder, "contrasts")
    swap = {"x-y": "x-x-mono"}
    plain = scaling.replace({"sampler": swap})
    plain.loc[plain["sampler"] == "hybrid", ["value", "ci_low", "ci_high"]] += 0.5
    sides = contrasts.replace({"cell_sampler": swap, "reference_sampler": swap})
    three = sentences(made, folder, plain, sides)
    assert "with x-x-mono (paired difference" in three[0] and "control" not in three[0] + three[1]
    assert re.search(r"; the best sampler there is hybrid 0\.5 \(1\.\d+, .* over x-x-mono", three[0])


def test_a_sampler_with_its_control_at_every_n_tells_what_n_does(made, folder):
    scaling = read(folder, "scaling")
    control = scaling[scaling["sampler"] == "x-y"].assign(sampler="x-y-batch")
    both = pd.concat([scaling, control])
    assert "with x-y (" in sentences(made, folder, both)[0]
    assert "control" not in "".join(sentences(made, folder, both))
    above_one = pd.concat([scaling, control[control["n_languages"] == 3]])  # at n = 1 x-y is its own control
    assert "control" not in sentences(made, folder, above_one)[0]
    partly = pd.concat([scaling, control[control["n_languages"] == 1]])
    assert "its control is not in the grid" in sentences(made, folder, partly)[0]


@pytest.mark.parametrize(
    ("difference", "p", "verb", "where"),
    [
        (0.15, 0.01, "improves", "above"),
        (-0.15, 0.01, "gets worse", "below"),
        (0.15, 0.06, "does not change detectably", "not told apart from"),
        (0.15, float("nan"), "does not change detectably", "not told apart from"),
    ],
)
def test_a_direction_is_told_only_where_the_adjusted_p_allows_it(made, folder, difference, p, verb, where):
    contrasts = read(folder, "contrasts").assign(difference=difference, p_adjusted=p)
    three = sentences(made, folder, contrasts=contrasts)
    assert f"retrieval across them {verb}: asked" in three[0]
    assert f"asking in them, retrieval {verb}, mAP" in three[1]
    assert f"{where} the untrained encoder (" in three[0] and f"and {where} BM25 (" in three[0]
    assert ("not told apart)" in three[2]) == (not p < 0.05)


def test_the_lead_of_the_best_sampler_has_the_sign_of_the_best(made, folder):
    """A contrast stands in the tables in one direction only; here the best sampler is its reference."""
    contrasts = read(folder, "contrasts").assign(difference=0.25, ci_low=0.125, ci_high=0.5)
    text = sentences(made, folder, contrasts=contrasts)[2]
    assert {"+0.250 [+0.125, +0.500] over", "-0.250 [-0.500, -0.125] over"} & set(
        re.findall(r"[+-]0\.250 \[.*?\] over", text)
    )


def test_the_answer_starts_at_the_smallest_n_even_where_that_is_best(made, folder):
    scaling = read(folder, "scaling")
    scaling.loc[scaling["n_languages"] == 1, ["value", "ci_low", "ci_high"]] = 0.987, 0.98, 0.99
    assert "goes from 0.987 [0.980, 0.990] at n = 1 to 0." in sentences(made, folder, scaling)[0]


def test_a_study_of_one_n_says_that_it_cannot_tell(made, folder):
    scaling = read(folder, "scaling")
    three = sentences(made, folder, scaling[scaling["n_languages"] != 1])
    assert "at n = 3 only, so the study cannot say what n does" in three[0] and "going from" not in three[1]


def test_several_models_have_an_answer_each_and_the_first_is_the_headline(made, folder):
    scaling, claims = read(folder, "scaling"), read(folder, "claims")
    study = made.study.model_copy(update={"models": {"b": None, "tiny": None}})
    both = pd.concat([scaling, scaling[scaling["model"] == "tiny"].assign(model="b")])
    found = answer.answers(study, both, read(folder, "contrasts"), claims)
    assert list(found) == ["cldr, b, total", "cldr, tiny, total"]
