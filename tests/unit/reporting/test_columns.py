"""The data dictionary, against the tables of planted studies and of an audit."""

import pandas as pd
import pytest
from support import paper_study
from support.project_copy import ROOT
from support.rendered_study import read

from langscale.data.leakage import audit
from langscale.reporting import columns, paper_tables


@pytest.fixture(scope="module")
def tables(made, folder):
    """Every CSV table of a study: those of the planted one, and an audit."""
    texts = pd.DataFrame({"language": "en", "pair_id": ["p"], "passage_id": ["a"], "query": ["one two"]})
    texts["negative_ids"] = [[]]
    passages = pd.DataFrame({"language": ["en"], "passage_id": ["a"], "text": ["three four"]})
    queries = pd.DataFrame({"question_id": ["q"], "language": ["en"], "text": ["one two"]})
    candidates = pd.DataFrame({"candidate_id": ["c"], "language": ["en"], "text": ["five"]})
    summary, offending = audit([("s", "train", texts, passages)], {"b": (queries, candidates)})
    found = made.tables | {name: read(folder, name) for name in ("published", "data", "census")}
    return found | {"audit": summary, "leaks": offending}


def test_every_column_has_one_record_and_every_record_a_column(tables):
    assert set(tables) == set(columns.TABLES)
    for name, table in tables.items():
        records = [column.name for column in columns.columns_of(name)]
        assert sorted(records) == sorted(table.columns), name
    assert all(set(column.tables) <= set(tables) for column in columns.COLUMNS)


def test_records_are_sentences_without_a_unit_for_texts(tables):
    for column in columns.COLUMNS:
        assert column.meaning and not column.meaning.endswith("."), column.name
        numbers = [
            pd.api.types.is_numeric_dtype(tables[name][column.name].dropna()) for name in column.tables
        ]
        text = not any(numbers) and any(tables[name][column.name].notna().any() for name in column.tables)
        assert not (text and column.unit and column.name not in ("n_values", "published")), column.name


def test_the_papers_tables_have_the_columns_that_the_page_names():
    study = paper_study.study()
    scaling, languages = paper_study.split(paper_study.rows(study))
    for name in paper_tables.names(study):
        plain = paper_tables.fill(study, name, scaling, languages, paper_study.contrasts()).plain()
        assert {"model", "sampler"} <= set(plain) and any(c.endswith(" published") for c in plain)
    assert all(word in columns.as_markdown() for word in ("`published`", "`better than`", *paper_tables.ROWS))


def test_the_page_is_up_to_date():
    assert (ROOT / "docs/columns.md").read_text(encoding="utf-8") == columns.as_markdown()
