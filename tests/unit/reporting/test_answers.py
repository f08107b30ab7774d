"""The sentences of the answer, against the tables of a planted study and against altered tables."""

import re

import pandas as pd
import pytest
from support.rendered_study import read

from langscale.reporting import answers

NAN = float("nan")


def answer(made, folder, scaling=None, contrasts=None):
    """The headline's answer, from the tables of the folder or from others."""
    tables = (
        read(folder, "scaling") if scaling is None else scaling,
        read(folder, "contrasts") if contrasts is None else contrasts,
    )
    others = read(folder, "languages"), read(folder, "decomposition")
    return next(iter(answers.answers(made.study, *tables, *others).values()))


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


PLACES = [
    ("cross", "pool", 0, "Between the 3 evaluated languages of the training pool, cross-lingual mAP "),
    ("cross", "heldout-pool", 1, "With queries in the 2 held-out languages, cross-lingual mAP "),
    ("cross", "pool-heldout", 1, "; with candidates in held-out languages, it "),
    ("multi", "all", 2, "of all languages in one corpus, multilingual mAP of queries in 5 languages "),
]


@pytest.mark.parametrize(("setting", "pair_set", "place", "start"), PLACES)
def test_the_effect_of_n_has_the_numbers_of_the_tables(made, folder, setting, pair_set, place, start):
    """Both samplers lack their control: x-y is taken, with a warning."""
    sentences = answer(made, folder).effect
    assert len(sentences) == 3
    text = sentences[place].partition(start)[2].partition(";  with")[0]
    rows = headline(made, setting).query(f"pair_set == '{pair_set}'")
    first, last = (only(rows, sampler="x-y", n_languages=n)["value"] for n in (1, 3))
    ends = f"from {first:.3f} with 1 to {last:.3f} with 3 training languages (x-y; difference "
    assert ends in text
    contrasts = made.tables["contrasts"].query(
        f"metric == 'mAP' and setting == '{setting}' and pair_set == '{pair_set}' and "
        "cell_sampler == 'x-y' and cell_n_languages == 3 and candidate_language == 'all'"
    )
    change = only(contrasts, reference_sampler="x-y", reference_n_languages=1)
    shown = f"{change['difference']:+.3f} [{change['ci_low']:+.3f}, {change['ci_high']:+.3f}]"
    assert text.partition(ends)[2].startswith(shown)
    assert "without its control this may be a language shortcut)" in text
    verb = "rises" if change["difference"] > 0 else "falls"
    assert text.startswith(verb if change["p_adjusted"] < 0.05 else "does not change significantly, ")
    for sampler, name in (("untrained", "the untrained encoder"), ("none", "BM25")):
        against = only(contrasts, reference_sampler=sampler)
        relation = "higher than" if against["difference"] > 0 else "lower than"
        relation = relation if against["p_adjusted"] < 0.05 else "not significantly different from"
        value = only(rows, sampler=sampler)["value"]
        assert re.search(rf"{relation} (the untrained encoder \(\d\.\d+\) and )?{name} \({value:.3f}\)", text)


def test_the_best_samplers_have_their_lead(made, folder):
    text = answer(made, folder).samplers
    assert text.startswith(
        "With 3 training languages, the sampler with the highest mAP over all languages is "
    )
    for setting in ("mono", "cross", "multi"):
        rows = headline(made, setting).query("pair_set == 'all' and n_languages == 3").sort_values("value")
        second, best = rows.iloc[-2:].to_dict("records")
        alpha, beta = ("" if pd.isna(row["alpha"]) else f" {row['alpha']:g}" for row in (best, second))
        lead = f"{best['value'] - second['value']:+.3f}"
        start = re.escape(f"{best['sampler']}{alpha} in {setting} ({best['value']:.3f}, {lead} [")
        end = re.escape(second["sampler"] + beta) + r"(, not significant( after adjustment)?)?\)"
        assert re.search(start + r"[^\]]+\] over " + end, text)


def test_claims_are_counted_by_verdict(made, folder):
    claims = made.tables["claims"].query("part == 'all'")["verdict"].value_counts()
    text = answers.claim_counts(read(folder, "claims"))
    assert set(text.split(", ")) == {f"{n} {verdict}" for verdict, n in claims.items()}


def test_a_sampler_without_need_of_a_control_is_taken_even_if_another_is_better(made, folder):
    scaling, contrasts = read(folder, "scaling"), read(folder, "contrasts")
    swap = {"x-y": "x-x-mono"}
    plain = scaling.replace({"sampler": swap})
    plain.loc[plain["sampler"] == "hybrid", ["value", "ci_low", "ci_high"]] += 0.5
    sides = contrasts.replace({"cell_sampler": swap, "reference_sampler": swap})
    sentences = answer(made, folder, plain, sides).effect
    assert "(x-x-mono; difference" in sentences[0] and "control" not in "".join(sentences)


def test_a_control_at_every_n_above_one_removes_the_warning(made, folder):
    scaling = read(folder, "scaling")
    control = scaling[scaling["sampler"] == "x-y"].assign(sampler="x-y-batch")
    for there, warned in (
        (control, False),
        (control.query("n_languages == 3"), False),
        (control.query("n_languages == 1"), True),
    ):
        text = answer(made, folder, pd.concat([scaling, there])).effect[0]
        assert "(x-y; " in text and ("without its control" in text) == warned


@pytest.mark.parametrize(
    ("difference", "p", "start", "relation", "doubt"),
    [
        (0.15, 0.01, "rises from", "higher than", ""),
        (-0.15, 0.01, "falls from", "lower than", ""),
        (
            0.15,
            0.06,
            "does not change significantly, from",
            "not significantly different from",
            ", not significant)",
        ),
    ],
)
def test_a_direction_needs_a_small_adjusted_p(made, folder, difference, p, start, relation, doubt):
    contrasts = read(folder, "contrasts").assign(difference=difference, p=p, p_adjusted=p)
    found = answer(made, folder, contrasts=contrasts)
    assert f"cross-lingual mAP {start} " in found.effect[0] and f", it {start} " in found.effect[1]
    assert re.search(rf"{relation} the untrained encoder \(\d\.\d+\) and BM25 \(", found.effect[0])
    assert (doubt in found.samplers) if doubt else "not" not in found.samplers
    assert ("minimum detectable effect" in found.effect[0]) == bool(doubt)


def test_an_interval_without_zero_may_not_survive_the_adjustment(made, folder):
    contrasts = read(folder, "contrasts").assign(p=0.02, p_adjusted=0.08)
    assert ", not significant after adjustment)" in answer(made, folder, contrasts=contrasts).samplers


@pytest.mark.parametrize(
    ("runs", "note", "reason"),
    [
        (1, "fewer than 4 replicates", "one replicate"),
        (3, "fewer than 4 replicates", "3 replicates"),
        (4, "no variance", "no variance"),
    ],
)
def test_a_missing_test_is_not_a_missing_effect(made, folder, runs, note, reason):
    missing = dict.fromkeys(("p", "p_adjusted", "ci_low", "ci_high"), NAN) | {"n_runs": runs, "note": note}
    found = answer(made, folder, contrasts=read(folder, "contrasts").assign(difference=0.25, **missing))
    assert f"(x-y; difference +0.250, not tested ({reason});" in found.effect[0]
    assert "cross-lingual mAP goes from " in found.effect[0]
    assert "not tested against the untrained encoder (" in found.effect[0]
    assert not re.search("significant|change", "".join([*found.effect, found.samplers]))
    assert f"over hybrid 0.5, not tested ({reason})" in found.samplers.replace("x-y,", "hybrid 0.5,")


def test_the_lead_has_the_sign_of_the_best(made, folder):
    """A contrast is in the tables in one direction only; here the best sampler is its reference."""
    contrasts = read(folder, "contrasts").assign(difference=0.25, ci_low=0.125, ci_high=0.5)
    text = answer(made, folder, contrasts=contrasts).samplers
    expected = {"+0.250 [+0.125, +0.500] over", "-0.250 [-0.500, -0.125] over"}
    assert expected & set(re.findall(r"[+-]0\.250 \[.*?\] over", text))


def test_the_answer_starts_at_the_smallest_n_even_if_that_is_best(made, folder):
    scaling = read(folder, "scaling")
    scaling.loc[scaling["n_languages"] == 1, "value"] = 0.987
    assert "from 0.987 with 1 to 0." in answer(made, folder, scaling).effect[0]


def test_a_study_of_one_n_has_no_change(made, folder):
    scaling = read(folder, "scaling")
    sentences = answer(made, folder, scaling[scaling["n_languages"] != 1]).effect
    assert "with 3 training languages (x-y), the only number in the study" in sentences[0]
    assert not re.search("rises|falls|change", "".join(sentences))


def test_several_models_have_an_answer_each_and_the_first_is_the_headline(made, folder):
    scaling = read(folder, "scaling")
    tiny = made.study.models["tiny"]
    models = {"b": tiny.model_copy(update={"dimensions": [8]}), "tiny": tiny}
    study = made.study.model_copy(update={"models": models})
    of_tiny = scaling[scaling["model"] == "tiny"]
    both = pd.concat([of_tiny.assign(model="b@8"), scaling, of_tiny.assign(model="b")])
    names = ("contrasts", "languages", "decomposition")
    found = answers.answers(study, both, *(read(folder, name) for name in names))
    assert list(found) == ["cldr, b, total", "cldr, b@8, total", "cldr, tiny, total"]


def test_languages_are_those_of_the_benchmark(made, folder):
    """A pool of many languages, of which the benchmark has three."""
    languages = made.study.languages.model_copy(update={"pool": ["en", "de", "ar", "fi", "sw"]})
    study = made.study.model_copy(update={"languages": languages})
    assert answers.query_languages(study, read(folder, "languages"), "cldr") == ["en", "de", "ar", "nl", "el"]


def test_without_map_there_is_no_answer(made, folder):
    lists = read(folder, "scaling").query("metric != 'mAP'")
    names = ("contrasts", "languages", "decomposition")
    assert answers.answers(made.study, lists, *(read(folder, name) for name in names)) == {}


def test_the_part_at_equal_rows_stands_beside_the_gain(made, folder):
    names = ("scaling", "contrasts", "languages", "decomposition")
    tables = {name: read(folder, name) for name in names}
    row = dict.fromkeys(tables["decomposition"], NAN) | {
        "benchmark": "cldr", "model": "tiny", "sampler": "x-y", "budget": "total", "ladder": "all",
        "n_languages": 3, "setting": "multi", "pair_set": "all", "metric": "mAP", "part": "languages",
        "difference": 0.0625, "ci_low": 0.03125, "ci_high": 0.125, "p": 0.001, "p_adjusted": 0.002,
        "checkpoint": "last", "average": "macro",
    }  # fmt: skip
    tables["decomposition"] = pd.DataFrame([row, row | {"part": "rows", "difference": 0.5}])
    found = answers.answers(made.study, *tables.values())["cldr, tiny, total"]
    assert ", of it +0.062 [+0.031, +0.125] at equal rows" in found.effect[2]
    assert "equal rows" not in found.effect[0] + found.effect[1]


def test_a_study_without_training_has_the_value_of_each_encoder(made, folder):
    names = ("scaling", "contrasts", "languages", "decomposition")
    scaling, *others = (read(folder, name) for name in names)
    study = made.study.model_copy(update={"grid": []})
    [found] = answers.answers(study, scaling[scaling["n_languages"] == 0], *others).values()
    assert [text.partition(", mAP is ")[0] for text in found.effect] == [
        "Within a language",
        "From one language to another",
        "With the candidates of all languages in one corpus and queries in 5 languages",
    ]
    bm25 = only(headline(made, "mono").query("pair_set == 'all'"), model="bm25")["value"]
    assert f"BM25 {bm25:.3f}" in found.effect[0]


def generality(**changes):
    """The rows of x-y at three languages: gain, interval for new languages and branches, slope."""
    fixed = {
        "benchmark": "cldr", "model": "tiny", "sampler": "x-y", "alpha": NAN, "budget": "total",
        "ladder": "all", "n_languages": 3, "reference_n_languages": 1, "setting": "cross",
        "pair_set": "heldout-pool", "group": "all", "checkpoint": "last",
    }  # fmt: skip
    rows = [
        ("gain", "runs and queries", 9, 0.05, 0.04, 0.06),
        ("gain", "languages", 9, 0.05, 0.03, 0.07),
        ("gain", "branches", 5, 0.045, 0.02, 0.07),
        ("slope", "runs and queries", 9, 0.2, 0.1, 0.3),
    ]
    names = ("what", "over", "n_groups", "estimate", "ci_low", "ci_high")
    return pd.DataFrame([fixed | dict(zip(names, row, strict=True)) | changes for row in rows])


def test_the_gain_for_new_languages_is_told_as_in_its_table(made, folder):
    scaling = read(folder, "scaling")
    text = answers.for_new_languages(made.study, scaling, generality())
    assert text == (
        "With queries in held-out languages, cross-lingual mAP changes by +0.050 [+0.040, +0.060] from 1 to "
        "3 training languages (x-y), as the mean over 9 languages. For new languages, of which these are "
        "a sample, the interval is [+0.030, +0.070]. As the mean over their 5 branches, for new branches "
        "too, it is +0.045 [+0.020, +0.070]. Where the lexical similarity to the nearest training language "
        "is 0.1 higher, the change differs by +0.020 [+0.010, +0.030]."
    )
    bare = generality(ci_low=NAN, ci_high=NAN).query("what == 'gain'")
    text = answers.for_new_languages(made.study, scaling, bare)
    assert text.endswith(
        "changes by +0.050 from 1 to 3 training languages (x-y), as the mean over 9 languages."
    )
    for other in ({"setting": "mono"}, {"sampler": "hybrid", "alpha": 0.5}):
        assert answers.for_new_languages(made.study, scaling, generality(**other)) == ""


def test_too_few_languages_have_no_interval_for_new_ones(made, folder):
    text = answers.for_new_languages(made.study, read(folder, "scaling"), made.tables["generality"])
    assert text.endswith("as the mean over 2 languages.")
