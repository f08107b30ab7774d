"""Figures and the report, made from the tables of a planted study."""

import json
import re
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
import synthetic

from langscale import figures, layout, report
from langscale.provenance import git_commit, hardware, provenance, training_seconds


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return synthetic.Made(tmp_path_factory.mktemp("scores"), True)


def logs():
    rows = [(s, n, step, 5 / (step + n)) for s in ("x-x-mono", "x-y") for n in (1, 3) for step in range(9)]
    return pd.DataFrame(rows, columns=["sampler", "n_languages", "step", "loss"])


def draw(tables, folder):
    """Every figure, as the workflow draws them from the files."""
    scaling, transfer = (read(folder, name) for name in ("scaling", "transfer"))
    for setting in ("mono", "cross", "multi"):
        figures.save(figures.scaling(scaling, setting), folder / "figures", f"scaling-{setting}")
    figures.save(figures.bias(scaling), folder / "figures", "bias")
    if len(transfer):
        figures.save(figures.transfer(transfer), folder / "figures", "transfer")
    figures.save(figures.training(logs()), folder / "figures", "training")


def read(folder, name):
    return pd.read_csv(folder / f"tables/{name}.csv", keep_default_na=False, na_values=[""])


def write(made, folder):
    for name, table in made.tables.items():
        layout.write(table, folder / "tables", name)
    draw(made.tables, folder)
    log = folder / "log.csv"
    pd.DataFrame({"pairs_per_second": [64.0, 32.0]}).to_csv(log, index=False)
    stored = json.loads(json.dumps(provenance(made.study.model_dump(), [str(log)], folder)))
    return report.build(made.study, folder, stored)


@pytest.fixture(scope="module")
def built(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write(made, folder), folder


class Page(HTMLParser):
    """Every tag with its attributes, and the text outside of style sheets."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def test_the_page_is_whole_and_fetches_nothing(built):
    text, _ = built
    page = Page(text)  # asserts that tags close in order
    assert not page.open and text.startswith("<!doctype html>")
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed")
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#")), (tag, name, value[:60])
    assert not re.search(r"url\(|@import", text)
    assert len(text) < 10e6


def test_every_figure_is_there_with_an_alternative_text(built):
    text, folder = built
    images = [attributes for tag, attributes in Page(text).tags if tag == "img"]
    drawn = sorted(file.stem for file in (folder / "figures").glob("*.svg"))
    assert len(images) == len(drawn) == 6 == len(report.CAPTIONS)
    assert {image["alt"] for image in images} == set(report.CAPTIONS.values())
    assert all(
        len(image["alt"]) > 20 and image["src"].startswith("data:image/svg+xml;base64,") for image in images
    )


def test_the_answer_is_told_with_the_numbers_of_the_tables(made, built):
    answer = report.sentences(made.study, read(built[1], "scaling"), read(built[1], "contrasts"))
    text = " ".join("".join(Page(built[0]).text).split())
    assert all(" ".join(sentence.split()) in text for sentence in answer)
    table = made.tables["scaling"]
    table = table[
        (table["metric"] == "mAP") & (table["status"] == "all") & (table["candidate_language"] == "all")
    ]
    cross = table[table["setting"] == "cross"]

    def shown(row):
        return f"{row['value']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]"

    assert len(answer) == 3
    for pair_set, sentence in (("pool", answer[0]), ("heldout-pool", answer[1]), ("pool-heldout", answer[1])):
        rows = cross[cross["pair_set"] == pair_set]
        best = rows[rows["n_languages"] == 3].sort_values("value").iloc[-1]
        assert shown(best) in sentence and best["sampler"] in sentence
        for sampler in ("untrained", "none"):
            assert shown(rows[rows["sampler"] == sampler].iloc[0]) in sentence
        contrasts = made.tables["contrasts"]
        found = contrasts[
            (contrasts["cell_sampler"] == best["sampler"]) & (contrasts["reference_sampler"] == best["sampler"])
            & (contrasts["setting"] == "cross") & (contrasts["pair_set"] == pair_set) & (contrasts["metric"] == "mAP")
        ]  # fmt: skip
        assert len(found) == 1
        change = found.iloc[0]
        assert f"{change['difference']:+.3f} [{change['ci_low']:+.3f}, {change['ci_high']:+.3f}]" in sentence
    at_one = cross[(cross["pair_set"] == "pool") & (cross["n_languages"] == 1)].iloc[0]
    assert f"goes from {shown(at_one)} to" in answer[0]
    assert answer[1].startswith("For the 2 languages it never saw, at n = 3:")
    for setting in ("mono", "cross", "multi"):
        rows = table[
            (table["setting"] == setting) & (table["pair_set"] == "all") & (table["n_languages"] == 3)
        ]
        best = rows.sort_values("value").iloc[-1]
        alpha = "" if pd.isna(best["alpha"]) else f" {best['alpha']:g}"
        assert f"{setting} {best['sampler']}{alpha} ({best['value']:.3f})" in answer[2]


def test_the_answer_starts_at_the_smallest_n_even_where_that_is_best(made, built):
    scaling, contrasts = read(built[1], "scaling"), read(built[1], "contrasts")
    scaling.loc[scaling["n_languages"] == 1, ["value", "ci_low", "ci_high"]] = 0.987, 0.98, 0.99
    answer = report.sentences(made.study, scaling, contrasts)
    assert "goes from 0.987 [0.980, 0.990] to 0." in answer[0]


def test_tables_config_and_provenance_are_on_the_page(made, built):
    text = "".join(Page(built[0]).text)
    row = made.tables["contrasts"].query("family == 'bias'").iloc[0]
    assert f"{row['difference']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]" in text
    assert "†" not in text and "‡" not in text
    assert "resamples: 200" in text and "200 resamples" in text
    assert "1 runs, " in text and hardware()["processor"] in text
    for code in ("ar", "el"):
        assert f"({code})" in text
    assert len([tag for tag, _ in Page(built[0]).tags if tag == "table"]) == 5


def test_titles_and_names_cannot_break_the_page(made, built):
    study = made.study.model_copy(update={"title": "<script>alert(1)</script> & more"})
    stored = json.loads(json.dumps(provenance(made.study.model_dump(), [], built[1])))
    text = report.build(study, built[1], stored)
    assert "<script>" not in text and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_figures_and_page_have_the_same_bytes_twice(made, built, tmp_path):
    write(made, tmp_path)
    for kind in ("svg", "png"):
        files = sorted((built[1] / "figures").glob(f"*.{kind}"))
        assert len(files) == 6
        for file in files:
            assert file.read_bytes() == (tmp_path / "figures" / file.name).read_bytes(), file.name


def test_figures_say_what_they_show(built):
    """Text stays text in the svg: labels, lines and units can be read and searched."""
    svg = (built[1] / "figures/scaling-cross.svg").read_text(encoding="utf-8")
    for text in ("training languages n", "cross mAP (cldr, tiny)", "x-y", "hybrid 0.5", "untrained", "BM25"):
        assert f">{text}<" in svg, text
    for pair_set in ("pool", "pool-heldout", "heldout-pool", "heldout"):
        assert f">{figures.PANELS[pair_set]}<" in svg
    bias = (built[1] / "figures/bias.svg").read_text(encoding="utf-8")
    assert "rank distance (positions)" in bias and "own language in the top 10 (share)" in bias
    transfer = (built[1] / "figures/transfer.svg").read_text(encoding="utf-8")
    for text in ("Grek = Greek (el) *", "Latn = Germanic (nl)", "hybrid 0.5 n=3", "n=1"):
        assert f">{text}<" in transfer, text
    training = (built[1] / "figures/training.svg").read_text(encoding="utf-8")
    assert ">InfoNCE (nats)<" in training and training.count(">n=3<") == 2


def test_curves_are_at_the_values_of_the_table_with_their_intervals(made):
    table = made.tables["scaling"]
    axes = figures.scaling(table, "cross").axes[1]
    assert axes.get_title() == figures.PANELS["pool-heldout"]
    rows = table[
        (table[["status", "candidate_language"]] == "all").all(axis=1)
        & (table[["setting", "pair_set", "metric"]] == ["cross", "pool-heldout", "mAP"]).all(axis=1)
    ]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    bars = [tuple(segment[:, 1]) for bar in axes.collections for segment in bar.get_segments()]
    for row in rows.to_dict("records"):
        name = {"none": "BM25", "hybrid": "hybrid 0.5"}.get(row["sampler"], row["sampler"])
        assert lines[name][1 if row["n_languages"] == 3 else 0] == row["value"]
        assert not row["n_languages"] or (row["ci_low"], row["ci_high"]) in bars
    assert len(rows) == 6 and len(bars) == 4


def test_training_curves_have_one_style_per_n_in_all_panels():
    panels = figures.training(logs()[lambda t: (t["sampler"] == "x-y") | (t["n_languages"] == 3)]).axes
    colors = [{line.get_label(): line.get_color() for line in axes.lines} for axes in panels]
    assert [set(panel) for panel in colors] == [{"n=3"}, {"n=1", "n=3"}]
    assert colors[0]["n=3"] == colors[1]["n=3"] != colors[1]["n=1"]


def test_training_curves_of_several_budgets_are_panels_of_their_own():
    several = pd.concat([logs().assign(budget=b, model="m") for b in ("fixed-total", "fixed-rows")])
    titles = [axes.get_title() for axes in figures.training(several).axes]
    assert titles == [f"{s} fixed-{b}" for b in ("total", "rows") for s in ("x-x-mono", "x-y")]


def test_provenance_without_git_and_with_it(tmp_path, monkeypatch):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert git_commit(tmp_path) == {"commit": None, "changed_files": 0}
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    assert git_commit(tmp_path) == {"commit": git("rev-parse", "HEAD"), "changed_files": 0}
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path)["changed_files"] == 1
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) == {"commit": None, "changed_files": 0}


def test_training_seconds_are_those_of_the_steps(tmp_path):
    for name, speeds in (("a", [50.0, 100.0]), ("b", [200.0])):
        pd.DataFrame({"step": range(len(speeds)), "pairs_per_second": speeds}).to_csv(
            tmp_path / name, index=False
        )
    assert training_seconds([tmp_path / "a", tmp_path / "b"], 100) == pytest.approx(2 + 1 + 0.5)


def test_without_heldout_languages_and_baselines(tmp_path):
    languages = {"pool": list(synthetic.LANGUAGES), "heldout": []}
    made = synthetic.Made(
        tmp_path,
        True,
        languages=languages,
        statistics={"resamples": 100},
        evaluation={"bm25": False},
        replicates=3,
    )
    text = "".join(Page(write(made, tmp_path)).text)
    assert "From 1 to 3 training languages" in text and "languages it never saw" not in text
    assert "fewer than 4 replicates" in text and "there are no procedure intervals" in text
    assert "none was declared in the config" in text
    assert "Languages never trained on" not in text and "no language is held out" not in text
