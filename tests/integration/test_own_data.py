"""docs/own-data.md as written: each config loads and can be formed, and its study runs to the report."""

import csv
import json
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
from support.own_files import texts, write
from support.project_copy import ROOT, snakemake
from support.tiny_encoders import checkpoint

from langscale.config.files import load_files
from langscale.core.errors import UserError
from langscale.design.grid import Grid
from langscale.planning.preflight import check, formable, matched

PAGE = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CONFIGS = {
    re.search(r"^study: (.+)$", block, re.MULTILINE)[1]: block for kind, block in BLOCKS if kind == "yaml"
}
[TABLE] = [block for kind, block in BLOCKS if kind == "tsv"]
HEADER = TABLE.splitlines()[0].split("\t")
POOL, ALL = ("en", "de", "es"), ("en", "de", "es", "fr")


def sheet(file, languages, ids, separator=",", header=HEADER):
    """A spreadsheet as the page has it."""
    rows = [(f"p{n}", code, *texts(code, n)) for n in ids for code in languages]
    with file.open("w", newline="", encoding="utf-8-sig") as out:
        csv.writer(out, delimiter=separator).writerows([header, *rows])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the configs and the files of the page."""
    monkeypatch.chdir(tmp_path)
    my = tmp_path / "my"
    my.mkdir()
    sheet(my / "train.csv", POOL, range(80))
    sheet(my / "test.csv", ALL, range(80, 100), ";")
    sheet(my / "antworten.csv", POOL, range(80), ";", ["Nr", "Sprache", "Frage", "Antwort"])
    for kind, name in (("beir-languages", "beir"), ("squad", "squad"), ("trec", "trec")):
        write(my / name, kind, 80, POOL)
    for code in POOL:
        shutil.copy(my / f"beir/{code}/qrels/test.tsv", my / f"beir/{code}/qrels/train.tsv")
    rows = [
        {"id": n, "language": code, "query": texts(code, n)[0], "passage": texts(code, n)[1]}
        | {"negatives": [texts(code, n + 1)[1], texts(code, n + 2)[1]]}
        for code in POOL
        for n in range(80)
    ]
    (my / "negatives.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (my / "vectors").mkdir()
    (my / "encoder").mkdir()
    (my / "encoder/config.json").write_text("{}")
    (tmp_path / "config").mkdir()
    for name, text in CONFIGS.items():
        (tmp_path / f"config/{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def planned(name):
    """The study of a config of the page and its runs, as a start of Snakemake has them."""
    study = matched(load_files([f"config/{name}.yaml"]))
    check(study)
    grid = Grid(study)
    formable(study, grid)
    return study, grid


@pytest.mark.parametrize("name", CONFIGS)
def test_each_config_of_the_page_can_be_formed(folder, name):
    if name == "faq-english":
        english_and_another(folder)
    study, grid = planned(name)
    assert study.study == name and study.languages.pool == list(POOL) and grid.trained


def english_and_another(folder):
    for code, ids in (("de", range(80)), ("es", range(80, 160))):
        sheet(folder / f"my/{code}.csv", ("en", code), ids)
    lines = [(folder / f"my/{code}.csv").read_text(encoding="utf-8-sig") for code in ("de", "es")]
    (folder / "my/train.csv").write_text(lines[0] + lines[1].partition("\n")[2], encoding="utf-8")


def test_english_centric_data_are_refused_with_the_words_of_the_page(folder):
    english_and_another(folder)
    with pytest.raises(UserError) as error:
        planned("faq")
    messages = [str(error.value)]
    partly = CONFIGS["faq"].replace("steps: 300", "steps: 300, whole_pool: false")
    (folder / "config/faq.yaml").write_text(partly, encoding="utf-8")
    with pytest.raises(UserError) as error:
        planned("faq")
    messages.append(str(error.value))
    [shown] = [block for kind, block in BLOCKS if kind == "text"]
    assert len(shown.splitlines()) == 2
    for message, line in zip(messages, shown.splitlines(), strict=True):
        assert message.startswith(line)


def test_the_table_of_the_page_is_read(folder):
    (folder / "my/train.csv").unlink()
    (folder / "my/train.tsv").write_text(TABLE, encoding="utf-8")
    text = CONFIGS["faq"].replace("train.csv", "train.tsv")
    (folder / "config/faq.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"^sources\.train: 1 pairs in en, a batch takes 64; "):
        planned("faq")


def test_the_commands_of_the_page_make_a_report(folder):
    """The bundled encoder is 91 MB, so a small one stands in for it. Two CPU minutes: a whole study."""
    checkpoint(folder / "my/tiny")
    text = CONFIGS["faq"].replace("bundled: multilingual-e5-small", "path: my/tiny")
    assert text != CONFIGS["faq"]
    (folder / "config/faq.yaml").write_text(f"{text}statistics: {{resamples: 200}}\n", encoding="utf-8")
    [block] = [block for kind, block in BLOCKS if kind == "sh"]
    install, plan, run = map(shlex.split, block.splitlines())
    assert install == ["make", ".venv/.study"] and run == ["make", "CONFIG=config/faq.yaml"]
    assert plan[0] == ".venv/bin/snakemake" and plan[-2:] == ["--configfile", "config/faq.yaml"]
    here = ("--directory", str(folder), "--configfile", str(folder / "config/faq.yaml"))
    output = snakemake(ROOT, *plan[3:-2], *here)
    assert "H0" in output and "faq: 20 runs to train" in output
    snakemake(ROOT, *here)
    results = folder / "results/faq"
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "How many training languages do our FAQs need?" in report
    scaling = pd.read_csv(results / "tables/scaling.csv", keep_default_na=False)
    assert set(scaling.n_languages) == {0, 1, 2, 3}
    census = pd.read_csv(results / "tables/census.csv")
    assert census.set_index(["file", "language"])["rows"].to_dict() == {
        **{("test.csv", code): 20 for code in ALL}, **{("train.csv", code): 80 for code in POOL},
    }  # fmt: skip
    # vectors of a service: the texts are written, their vectors are read
    here = (*here[:-1], str(folder / "config/faq-vectors.yaml"))
    snakemake(ROOT, "texts", *here)
    lines = (folder / "results/faq-vectors/models/service/texts.jsonl").read_text(encoding="utf-8")
    ids = [json.loads(line)["id"] for line in lines.splitlines()]
    np.save(folder / "my/vectors/vectors.npy", np.random.default_rng(0).normal(size=(len(ids), 8)))
    (folder / "my/vectors/ids.txt").write_text("\n".join(ids))
    snakemake(ROOT, "embeddings", *here)
