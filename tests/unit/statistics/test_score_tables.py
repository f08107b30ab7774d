"""What each table of scores holds; test_all_tables.py compares the values with slow twins."""

from types import SimpleNamespace

import pandas as pd
from support.synthetic_study import LANGUAGES, study

from langscale.retrieval.measures import MAP, in_table
from langscale.statistics.quantities import OUTSIDE
from langscale.statistics.score_tables import by_language, by_pair, language_shares, main_table, relatives

PANEL = SimpleNamespace(study=study(), in_order=lambda: list(LANGUAGES))


def test_held_out_languages_by_script_and_branch_and_whether_the_pool_has_the_group():
    assert set(relatives(study())) == {
        ("script", "Latn", ("nl",), True),
        ("script", "Grek", ("el",), False),
        ("branch", "Germanic", ("nl",), True),
        ("branch", "Greek", ("el",), False),
    }
    pool = {"pool": ["en", "de", "ar"], "heldout": ["nl", "sv", "fa"]}
    groups = {group[:2]: group[2:] for group in relatives(study(languages=pool))}
    assert groups["script", "Latn"] == (("nl", "sv"), True)
    assert groups["script", "Arab"] == (("fa",), True) and groups["branch", "Iranian"] == (("fa",), False)
    assert relatives(study(languages={"pool": list(LANGUAGES), "heldout": []})) == []


def test_every_ordered_pair_of_languages_once_and_the_diagonal_is_mono():
    pairs = {(q.query_language, q.candidate_language): q for q in by_pair(PANEL)}
    assert set(pairs) == {(x, y) for x in LANGUAGES for y in LANGUAGES}
    assert len(by_pair(PANEL)) == len(LANGUAGES) ** 2
    assert all((q.setting == "mono") == (x == y) and q.metric == MAP.name for (x, y), q in pairs.items())


def test_every_language_has_its_measures_in_each_setting():
    found = {(q.query_language, q.setting, q.metric) for q in by_language(PANEL)}
    assert {code for code, *_ in found} == set(LANGUAGES)
    assert {setting for _, setting, metric in found if metric == MAP.name} == {"mono", "cross", "multi"}


def test_shares_are_of_the_own_language_of_the_others_and_of_every_language():
    wanted = {"own", "other-pool", "other-heldout", *LANGUAGES}
    for measure in in_table("shares"):
        shown = [q for q in language_shares(PANEL) if q.metric == measure.name]
        assert sorted(q.candidate_language for q in shown) == sorted(wanted)
        others = {q.candidate_language: q.candidate_languages for q in shown}
        assert others["other-pool"] == ("en", "de", "ar") and others["other-heldout"] == ("nl", "el", OUTSIDE)


def test_the_main_table_has_the_largest_n_and_the_baselines_over_all_pairs():
    rows = [
        (n, pair_set, candidates, status, metric)
        for n in (0, 1, 3)
        for pair_set in ("all", "pool")
        for candidates in ("all", "other")
        for status in ("all", "seen-seen")
        for metric in (MAP.name, "no measure of the table")
    ]
    names = ["n_languages", "pair_set", "candidate_language", "status", "metric"]
    found = main_table(pd.DataFrame(rows, columns=names), [MAP])
    assert found.values.tolist() == [[n, "all", "all", "all", MAP.name] for n in (0, 3)]
