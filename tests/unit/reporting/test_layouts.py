"""Readable tables: the same bytes every time, and one row or column for each difference between points."""

import re

import numpy as np
import pandas as pd
import pytest
from support import synthetic_study as synthetic
from support.rendered_study import write_table

from langscale.claims.claims_table import claims_table
from langscale.reporting import layouts, wording
from langscale.statistics import all_tables, score_tables


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return synthetic.Made(tmp_path_factory.mktemp("scores"), True)


def read(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_files_have_the_same_bytes_whatever_the_order_of_the_scores(made, tmp_path):
    names = list(made.tables)
    for folder, files in (("a", made.files), ("b", dict(reversed(made.files.items())))):
        found = all_tables.all_tables(made.study, made.grid, files)
        found["claims"] = claims_table(made.study, made.grid, files, diversity=found["diversity"])
        for name, table in found.items():
            write_table(table, tmp_path / folder, name)
    a, b = read(tmp_path / "a"), read(tmp_path / "b")
    assert a == b
    readable = {f"{name}.{kind}" for name in layouts.LAYOUTS for kind in ("md", "tex")}
    assert set(a) == {f"{name}.csv" for name in names} | readable
    for name in ("scaling", "main", "languages", "pairs"):
        assert a[f"{name}.csv"].decode().splitlines()[0].split(",") == list(score_tables.SCORES)
    for name in layouts.LAYOUTS:
        text, *footnotes = a[f"{name}.md"].decode().split("\n\n")
        lines = text.splitlines()
        # a mark that every trained row of cldr would bear is none
        # only a table with brackets explains them
        assert [note.strip() for note in footnotes] == [layouts.INTERVALS] * ("[" in text)
        assert lines[0].startswith("| ") and len({line.count("|") for line in lines}) == 1
        tex = a[f"{name}.tex"].decode()
        assert tex.startswith(r"\begin{tabular}") and tex.count(r"\\") == len(lines) - 1
        assert "†" not in tex and r"\textdagger" not in tex
        assert (r"\par Brackets: 95\% " in tex) == ("[" in text)
    scaling = pd.read_csv(tmp_path / "a/scaling.csv", keep_default_na=False, na_values=[""])
    np.testing.assert_allclose(scaling["value"], made.tables["scaling"]["value"], rtol=1e-5)
    # a cell of the readable table: value and interval over runs and queries
    wanted = {"sampler": "x-y", "n_languages": 3, "setting": "cross", "pair_set": "pool", "metric": "mAP"}
    wanted |= {"status": "all", "average": "macro"}
    row = made.tables["scaling"][lambda t: (t[list(wanted)] == pd.Series(wanted)).all(axis=1)].iloc[0]
    text = f"{row['value']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]"
    lines = a["scaling.md"].decode().splitlines()
    assert text in next(line for line in lines if re.match(r"\| x-y +\| +3 \|", line))


def test_best_checkpoints_budgets_and_ladders_stay_apart_in_the_layouts(tmp_path):
    budgets = {name: {"kind": name, "steps": 9} for name in ("fixed-total", "fixed-rows")}
    grid = [
        {"samplers": ["x-y", "hybrid"], "n": [1, 3], "budgets": ["fixed-total"]},
        {"samplers": ["x-y"], "n": [1, 3], "budgets": ["fixed-rows"]},
        {"samplers": ["x-y"], "n": [2], "budgets": ["fixed-total"], "ladders": ["far"]},
    ]
    cell, reference = ({"sampler": "x-y", "n": n, "budget": "fixed-rows"} for n in (3, 1))
    contrasts = [{"cell": cell, "reference": reference, "setting": "cross"}]
    made = synthetic.Made(
        tmp_path, True, budgets=budgets, grid=grid, ladders={"far": ["ar", "en", "de"]},
        training={"validation": {"every": 3}}, statistics={"resamples": 100, "contrasts": contrasts},
    )  # fmt: skip
    scaling = layouts.scaling(made.tables["scaling"])
    assert list(scaling.columns[:5]) == ["checkpoint", "sampler", "budget", "ladder", "training languages"]
    assert len(scaling) == 2 * (2 + 4 + 2 + 1)
    transfer = layouts.transfer(made.tables["transfer"])
    assert {"BM25", "untrained", "x-y, 3 languages, fixed-rows", "x-y, 3 languages, fixed-total"} <= set(
        transfer.columns
    )
    assert (transfer["checkpoint"] == "best").sum() == len(transfer) / 2
    assert made.tables["sensitivity"]["checkpoint"].unique().tolist() == ["last"]
    assert made.tables["sensitivity"]["value"].dtype == float  # not objects, which csv writes with all digits
    # untrained rows stand beside both checkpoints
    assert (transfer.loc[transfer["checkpoint"] == "best", "untrained"] != "").all()


def test_without_heldout_languages_the_tables_say_so(tmp_path):
    languages = {"pool": list(synthetic.LANGUAGES), "heldout": []}
    made = synthetic.Made(
        tmp_path, True, languages=languages, statistics={"resamples": 100}, evaluation={"bm25": False}
    )
    assert set(made.tables["scaling"]["pair_set"]) == {"all", "pool"}
    for name, table in made.tables.items():
        write_table(table, tmp_path / "tables", name)
    files = read(tmp_path / "tables")
    assert b"no language is held out" in files["transfer.md"]
    assert files["transfer.csv"].decode().startswith("grouping,group,languages,group_in_pool,model,")
    assert b"the config declares no contrasts" in files["contrasts.md"]


def test_rows_that_are_not_zero_shot_carry_a_dagger(made, tmp_path):
    assert set(layouts.scaling(made.tables["scaling"])["sampler"]) == {
        "BM25",
        "untrained",
        "x-y",
        "hybrid 0.5",
    }
    here, there = (made.tables[name].assign(benchmark="other") for name in ("scaling", "transfer"))
    assert set(layouts.scaling(here)["sampler"]) == {"BM25", "untrained", "x-y†", "hybrid 0.5†"}
    transfer = layouts.transfer(there)
    assert {"x-y, 3 languages", "untrained"} <= set(
        transfer.columns
    )  # one name for a column, so the values are marked
    assert (
        transfer["x-y, 3 languages"].str.endswith("†").all()
        and not transfer["untrained"].str.contains("†").any()
    )
    unknown = here.assign(zero_shot=None)
    assert set(layouts.scaling(unknown)["sampler"]) == {"BM25‡", "untrained‡", "x-y‡", "hybrid 0.5‡"}
    assert len(wording.notes("a† b‡")) == 2 and wording.notes("a b") == []
    write_table(here, tmp_path, "scaling")
    files = read(tmp_path)
    assert files["scaling.md"].decode().split("\n\n")[2] == wording.notes("†")[0] + "\n"
    tex = files["scaling.tex"].decode()
    assert "†" not in tex and r"\par \textdagger{} Not zero-shot" in tex


def test_two_values_for_one_place_in_a_layout_are_an_error(made):
    table = made.tables["scaling"]
    with pytest.raises(ValueError, match="two values for one cell"):
        layouts.scaling(pd.concat([table, table]))


def test_gains_of_heldout_languages_have_a_column_for_each_sampler(made):
    shown = layouts.similarity(made.tables["similarity"])
    assert list(shown)[:3] == ["held-out language", "nearest", "similarity"]
    rows = made.tables["similarity"].query("setting == 'cross' and pair_set == 'heldout-pool'")
    [row] = rows.query("sampler == 'x-y' and language == 'nl'").to_dict("records")
    cells = shown.set_index("held-out language").loc["nl"]
    assert cells["x-y, 3 languages"] == wording.interval(row, "gain") and cells["nearest"] == row["nearest"]
    assert shown["similarity"].tolist() == sorted(shown["similarity"], reverse=True)


def test_the_mean_gain_has_a_column_for_each_kind_of_new_data(made):
    table = made.tables["generality"]
    slopes = table[table["over"] == "runs and queries"].assign(
        what="slope", estimate=0.5, ci_low=0.25, ci_high=1
    )
    shown = layouts.generality(pd.concat([table, slopes]))
    assert list(shown)[-4:] == [*layouts.OVER.values(), "slope per 0.1 of similarity"]
    assert set(shown["slope per 0.1 of similarity"]) == {"0.050 [0.025, 0.100]"}
    assert len(shown) == 2 * 3 and set(shown["languages"]) == {"2"}
    [row] = table.query(
        "sampler == 'x-y' and setting == 'mono' and over == 'runs and queries' and group == 'all'"
    ).to_dict("records")
    first = shown[(shown["sampler"] == "x-y") & (shown["setting"] == "mono, held-out")].iloc[0]
    assert first["new runs and queries"] == wording.interval(row, "estimate")


@pytest.mark.parametrize("layout", [layouts.similarity, layouts.generality])
def test_without_gains_of_heldout_languages_there_is_a_sentence(made, layout):
    name = layout.__name__
    assert layout(made.tables[name][:0]).shape == (1, 1)
