"""The report, made from the tables and figures of a planted study."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from support import paper_study
from support import rendered_study as reported
from support import synthetic_study as synthetic
from support.configs import changed
from support.rendered_study import read

from langscale.config.study import load
from langscale.reporting import answers as answer
from langscale.reporting import layouts, report, wording
from langscale.reporting.contents import figure_names
from langscale.reporting.provenance import hardware, provenance


@pytest.fixture(scope="module")
def built(story):
    """(the page, its folder)"""
    return story[2], story[1]


class Page(HTMLParser):
    """Every tag with its attributes, and the text outside of styles and scripts."""

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
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def named(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def shown_text(text):
    return " ".join("".join(Page(text).text).split())


def test_the_page_is_whole_and_fetches_nothing(built):
    text, _ = built
    page = Page(text)  # asserts that tags close in order
    assert not page.open and text.startswith("<!doctype html>")
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed") and not (tag == "script" and attributes)
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#")), (tag, name, value[:60])
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp", text)
    policy = next(
        m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'") and "http" not in policy
    assert len(text) < 10e6


def test_every_link_has_its_place_and_every_id_is_one(built):
    page = Page(built[0])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"].removeprefix("#") for link in page.named("a")]
    assert links[0] == "main" and set(links) <= set(ids) and len(links) == 1 + len(report.SECTIONS)


def test_screen_readers_are_told_what_there_is(built):
    page = Page(built[0])
    assert page.named("html")[0]["lang"] == "en"
    for landmark in ("header", "main", "nav"):
        assert len(page.named(landmark)) == 1
    tables, figures = len(page.named("table")), len(page.named("img"))
    assert tables == len(page.named("caption")) > 10
    assert all(head["scope"] in ("col", "row") for head in page.named("th"))
    regions = [a for a in page.named("div") if a.get("role") == "region"]
    assert len(regions) == tables + figures
    assert all(r["aria-label"] and r["tabindex"] == "0" for r in regions)
    assert len({r["aria-label"] for r in regions}) == len(regions)


def test_every_figure_is_there_with_an_alternative_text_and_a_caption(made, built):
    text, folder = built
    images = Page(text).named("img")
    drawn = sorted(file.stem for file in (folder / "figures").glob("*.svg"))
    assert drawn == sorted(figure_names(made.study)) and len(images) == len(drawn) == len(
        {i["alt"] for i in images}
    )
    assert all(
        len(image["alt"]) > 20 and image["src"].startswith("data:image/svg+xml;base64,") for image in images
    )
    for name in drawn:
        assert " ".join(reported.CAPTIONS[name].split()) in shown_text(text), name


def test_the_answer_opens_the_page(made, built):
    tables = (read(built[1], name) for name in ("scaling", "contrasts", "languages", "decomposition"))
    found = next(iter(answer.answers(made.study, *tables).values()))
    text = shown_text(built[0])
    assert len(found.effect) == 3 and " ".join(found.effect) in text and found.samplers in text
    places = [
        text.index(part)
        for part in (report.QUESTION, *found.effect, "Gain from more training languages", "Design and terms")
    ]
    assert places == sorted(places)


def test_what_is_missing_is_shown_text(made, built):
    tables = [read(built[1], name) for name in ("scaling", "claims", "curves")]
    text = "\n".join(answer.missing(made.study, *tables))
    assert "Benchmarks of the paper: xquad-r, mlqa-r, miracl." in text and "Samplers: x-x-mono." in text
    assert "The controls x-y-batch, hybrid-batch." in text and "The study has 2 (1, 3)." in text
    assert "Confidence intervals" not in text and "Held-out languages" not in text
    untested = tables[1][(tables[1]["part"] == "all") & (tables[1]["verdict"] == "not tested here")]
    assert len(untested) and all(claim in text for claim in untested["claim"])
    assert all(line in shown_text(built[0]) for line in text.splitlines())
    controlled = tables[0].copy()
    controlled.loc[controlled["sampler"] == "hybrid", "sampler"] = "x-y-batch"
    assert "controls" not in "\n".join(answer.missing(made.study, controlled, *tables[1:]))


def test_tables_config_and_provenance_are_on_the_page(made, built):
    text = shown_text(built[0])
    row = made.tables["contrasts"].query("family == 'bias'").iloc[0]
    assert f"{row['difference']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]" in text
    assert "†" not in text and "‡" not in text
    assert "resamples: 200" in text and "200 resamples" in text
    assert "1 runs took " in text and hardware()["processor"] in text and "Precision: auto; 1 thread" in text
    assert ("Energy: not readable" in text) != ("Energy of training: at most" in text)
    for code in ("ar", "el"):
        assert f"({code})" in text
    for claim in made.tables["claims"]["statement"].unique():
        assert claim in text
    assert "conditional on these evaluation languages" in text


def test_titles_and_names_cannot_break_the_page(made, built):
    study = made.study.model_copy(update={"title": "<script>alert(1)</script> & more"})
    stored = json.loads(json.dumps(provenance(made.study.model_dump(), [], built[1])))
    text = report.build(study, built[1], stored, reported.CAPTIONS)
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_the_page_has_the_same_bytes_twice(made, built):
    assert reported.page(made.study, built[1]) == built[0]


def test_contrasts_under_both_clusterings_stand_side_by_side(made):
    table = made.tables["sensitivity"]
    shown = layouts.sensitivity(table)
    assert list(shown)[-2:] == list(layouts.CLUSTERS.values()) and len(shown) == len(synthetic.CONTRASTS)
    declared = table[table["reference_sampler"].notna() & (table["average"] == "macro")]
    for cluster in ("cluster", "group"):
        rows = declared[declared["cluster"] == cluster].apply(wording.interval, axis=1)
        assert shown[layouts.CLUSTERS[cluster]].tolist() == rows.tolist()
    assert (
        shown["contrast"].str.contains(" minus ").all()
        and not shown["contrast"].str.contains(".0", regex=False).any()
    )
    cells = layouts.sensitivity(table[table["reference_sampler"].isna()])
    assert len(cells) and not cells["contrast"].str.contains("minus").any()


def test_empty_columns_and_rows_are_left_out_and_equal_columns_are_one():
    table = pd.DataFrame(
        {"a": ["x", "y", ""], "empty": "", "b, 1 language": ["1", "2", ""], "c, 1 language": ["1", "2", ""]}
    )
    assert report.compact(table).to_dict("list") == {"a": ["x", "y"], "1 language": ["1", "2"]}
    budgets = table.rename(
        columns={"b, 1 language": "b, 1 language, total", "c, 1 language": "b, 1 language, rows"}
    )
    assert list(report.compact(budgets)) == ["a", "1 language"]
    other = table.assign(**{"c, 1 language": ["1", "3", ""]})
    assert list(report.compact(other)) == ["a", "b, 1 language", "c, 1 language"]


def test_a_layout_of_one_cell_is_a_sentence():
    found = report.shown("curves", layouts.curves(pd.DataFrame(columns=["chosen", "metric", "average"])), {})
    assert (
        found.sentence == "Fewer than four numbers of training languages: no curve is fitted."
        and not found.rows
    )


def test_intervals_stay_on_a_line_and_texts_are_escaped():
    assert report.cell("0.1 [0.0, 0.2]†") == '0.1 <span class="ci">[0.0, 0.2]</span>†'
    assert report.cell("<script>") == "&lt;script&gt;" and report.cell("<b>0.5</b>") == "<b>0.5</b>"


def test_values_that_cannot_be_compared_are_folded(tmp_path):
    study = paper_study.study(benchmarks={"xquad-r": {}}, models={"xlm-r": {"hub": paper_study.XLMR}})
    captions = {"published": "caption"}
    fit, other = report.published(study, *paper_study.split(paper_study.rows(study)), captions)
    assert not fit.folded and {str(row[-1]) for row in fit.rows} == {"agrees"}
    assert other.folded and all("not comparable (" in row[-1] for row in other.rows)
    assert fit.notes and other.notes
    part = paper_study.study(
        benchmarks={"xquad-r": {"questions": 50}}, models={"xlm-r": {"hub": paper_study.XLMR}}
    )
    [alone] = report.published(part, *paper_study.split(paper_study.rows(part)), captions)
    assert alone.folded and alone.name == "published/other"


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
    text = shown_text(reported.write(made, tmp_path))
    assert "with 1 to" in text and "No language is held out" in text and "BM25 (0" not in text
    assert "not tested (3 replicates)" in text and "with fewer than four replicates there are none" in text
    assert "The config declares no contrasts." in text
    assert "Gap between" not in text and "A lexical baseline (BM25)." in text


@pytest.mark.parametrize(
    ("train", "options", "words"),
    [
        ("full", {}, "all weights of the encoder are trained"),
        ("lora", {}, "low-rank matrices in the layers of the encoder (LoRA) are trained"),
        ("adapter", {}, "a linear adapter on the vectors of the frozen encoder is trained"),
        (
            "adapter",
            {"adapter": {"hidden": 8}},
            "an adapter with 8 hidden units on the vectors of the",
        ),
    ],
)
def test_the_design_names_the_mode_and_the_pairs_of_a_step(train, options, words):
    model = {"hub": "a/b", "train": train} | options
    text = report.training(load(changed("models", {"m": model})))
    assert text.startswith(f"m: {words}") and f", {64 if train == 'adapter' else 100} pairs a step." in text
    assert report.training(load(changed("grid", []))).startswith("No model is trained")
