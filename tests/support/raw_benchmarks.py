"""Small raw files of each benchmark in its real format, with what they hold in plain words."""

import gzip
import io
import json
from dataclasses import dataclass, field

import pandas as pd

from langscale.data import catalogue
from support.raw_files import put

LANGUAGES = ("ar", "de", "en", "es")
NUMBERS = range(5)


@dataclass
class Content:
    """What the files of a benchmark hold.

    queries: (language, text) -> its relevant candidates, as (corpus, text).
    candidates: corpus -> its texts. A corpus is a language, or the English side of a language's pairs.
    """

    queries: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    candidates: dict[str, list[str]] = field(default_factory=dict)

    def add(self, corpus, *texts):
        self.candidates.setdefault(corpus, []).extend(texts)


def _parquet(columns, rows):
    buffer = io.BytesIO()
    pd.DataFrame(rows, columns=columns).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _lareqa(name, raw):
    """An article per query, with a paragraph of three sentences. Spanish lacks the last query of MLQA-R."""
    content, record = Content(), catalogue.benchmarks()[name]
    there = {code: NUMBERS[: -1 if (name, code) == ("mlqa-r", "es") else None] for code in LANGUAGES}
    for code in LANGUAGES:
        articles = []
        for i in there[code]:
            sentences = [f"{code} sentence {i} {part}." for part in "abc"]
            starts = [sum(len(s) + 1 for s in sentences[:n]) for n in range(3)]
            breaks = [[start, start + len(s)] for start, s in zip(starts, sentences, strict=True)]
            answers = [{"text": "b", "answer_start": starts[1] + 3}]
            paragraph = {
                "context": " ".join(sentences),
                "sentences": sentences,
                "sentence_breaks": breaks,
                "qas": [{"id": f"q{i}", "question": f"{code} asks {i}?", "answers": answers}],
            }
            articles.append({"title": f"t{i}", "paragraphs": [paragraph]})
            content.add(code, *sentences)
            content.queries[code, f"{code} asks {i}?"] = {
                (other, f"{other} sentence {i} b.") for other in LANGUAGES if i in there[other]
            }
        put(raw, record.files([code])[0], json.dumps({"data": articles}))
    return content


def _belebele(name, raw):
    content = Content()
    for code in LANGUAGES:
        rows = []
        for i in NUMBERS:
            passage = f"{code} passage {i // 2}."  # two queries of most passages
            query = f"{code} asks {i}?"
            rows.append(
                {"link": f"l{i // 2}", "question_number": i, "flores_passage": passage, "question": query}
            )
            content.queries[code, query] = {(other, f"{other} passage {i // 2}.") for other in LANGUAGES}
        content.add(code, *dict.fromkeys(row["flores_passage"] for row in rows))
        put(raw, catalogue.benchmarks()[name].files([code])[0], _lines(rows))
    return content


def _tatoeba(name, raw):
    content = Content()
    for code in ("ar", "de", "es"):  # English is the other side of each pair
        pairs = [(f"{code} sentence {i}", f"English of {code} {i}") for i in NUMBERS]
        rows = [{"sentence1": own, "sentence2": english} for own, english in pairs]
        file = catalogue.benchmarks()[name].files([code])[0]
        put(raw, file, gzip.compress(_lines(rows).encode()))
        content.add(f"en-x-{code}", *(english for _, english in pairs))
        content.queries |= {(code, own): {(f"en-x-{code}", english)} for own, english in pairs}
    return content


def _mewsli_x(name, raw):
    """Entities in six languages, two of them outside the study. Each query has one, mostly in another
    language."""
    content = Content()
    *mentions, entities = catalogue.benchmarks()[name].files(list(LANGUAGES))
    described = ("en", "fi", "id", "de", "es", "fi")
    rows = [(f"Q{i}", f"entity {i}", described[i % 6]) for i in range(18)]
    columns = ["entity_id", "description", "description_language"]
    put(raw, entities, _parquet(columns, rows), "candidate_entities/test/0.parquet")
    for _, text, code in rows:
        content.add(code, text)
    for n, (code, entry) in enumerate(zip(LANGUAGES, mentions, strict=True)):
        asked = [(f"{code} {{ mention {i} }}", *rows[(4 * n + i) % 18]) for i in NUMBERS]
        found = [(text, gold, f"{code}{i}") for i, (text, gold, *_) in enumerate(asked)]
        file = f"{code}/test/0.parquet"
        put(raw, entry, _parquet(["mention", "entity_id", "example_id"], found), file)
        content.queries |= {(code, text): {(language, gold)} for text, _, gold, language in asked}
    return content


def _miracl(name, raw):
    """A hundred and ten passages in each language. A query has two relevant ones, the last one has none."""
    content = Content()
    for code in LANGUAGES:
        corpus, queries, judged = catalogue.benchmarks()[name].files([code])
        passages = [(f"{i}", f"{code} title {i}", f"text {i}") for i in range(110)]
        content.add(code, *(f"{title} {text}" for _, title, text in passages))
        put(raw, corpus, _parquet(["_id", "title", "text"], passages), f"{code}-corpus/dev-0.parquet")
        asked = [(f"q{i}", f"{code} asks {i}?") for i in NUMBERS]
        put(raw, queries, _parquet(["_id", "text"], asked), f"{code}-queries/dev-0.parquet")
        rows = [(f"q{i}", f"{7 * i + j}", int(j < 2 and i < 4)) for i in NUMBERS for j in range(3)]
        columns = ["query-id", "corpus-id", "score"]
        put(raw, judged, _parquet(columns, rows), f"{code}-qrels/dev-0.parquet")
        for i, (_, text) in enumerate(asked):
            relevant = [7 * i + j for j in range(2) if i < 4]
            content.queries[code, text] = {(code, f"{code} title {k} text {k}") for k in relevant}
    return content


def _cldr(name, raw):
    """Installed with a package: no files. What it holds is what `langscale.data.sources.cldr` says."""
    from langscale.data.benchmarks.cldr import ranked_queries
    from langscale.data.sources import cldr

    content = Content()
    for code in LANGUAGES:
        content.add(code, *(cldr.passage(card, code) for card in cldr.cards()))
    for _, card, pair in ranked_queries()[: len(NUMBERS)]:
        relevant = {(code, cldr.passage(card, code)) for code in LANGUAGES}
        content.queries |= {(code, cldr.query_text(pair, code)): relevant for code in LANGUAGES}
    return content


FILES = {
    "belebele": _belebele,
    "cldr": _cldr,
    "mewsli-x": _mewsli_x,
    "miracl": _miracl,
    "miracl-hard": _miracl,
    "mlqa-r": _lareqa,
    "tatoeba": _tatoeba,
    "xquad-r": _lareqa,
}


def files(name, raw) -> Content:
    """Write the raw files of a benchmark into the folder `raw`."""
    return FILES[name](name, raw)
