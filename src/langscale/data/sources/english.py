"""Query-passage sets in English only. A translation stage fills other languages.

The group of a pair, in one part only, is its passage or the article of the passage, so that no passage is in
both parts. Texts without a key of their own are keyed by their content.

The formats follow the hub's cards and other readers. A different file is a UserError with the found columns.
"""

import json
import math
import re
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from langscale.data import download as fetch
from langscale.data.records import PairTables, SourceRecord, SourceSize
from langscale.data.remote_files import Entry, Hub, Web
from langscale.data.sources.common import Pair, check_part, clean, digest, part_of, sample, tables
from langscale.data.squad_files import questions
from langscale.data.text_files import TextFile, Where
from langscale.languages.codes import same

WORDS = 180  # of a window at most: 256 tokens hold about 190 English words
NEGATIVES = 5  # kept of each query of Mr. TyDi, which has 30


Rows = Callable[[list[Path]], Iterator[Pair]]


def _english(
    name: str,
    rows: Callable[[], Rows],
    locate: Callable[[Sequence[str]], list[Entry]],
    size: SourceSize,
    **facts: Any,
) -> SourceRecord:
    """The record of an English set. `rows` returns the function from files to pairs."""
    record = SourceRecord(
        name=name,
        languages=same("en"),
        locate=locate,
        size=size,
        reader=lambda: partial(build, record, rows()),
        **facts,
    )
    return record


NQ = _english(
    "nq",
    lambda: _nq,
    Hub(
        "sentence-transformers/natural-questions",
        "f9e894e1081e206e577b4eaa9ee6de2b06ae6f17",
        shared=("pair/*.parquet",),
    ),
    SourceSize(pairs=100_231, query=12, passage=150),
    licence="CC-BY-SA-3.0",
    note="layout as in code that loads it, licence from memory",
)
WIKIQA = _english(
    "wikiqa",
    lambda: _wikiqa,
    Hub("microsoft/wiki_qa", "3f104672b5de699878fe7907afc486f0de325eb5", shared=("data/*.parquet",)),
    SourceSize(pairs=1_469, query=9, passage=35),
    note="licence: Microsoft Research Data License, from memory",
)
DUORC = _english(
    "duorc",
    lambda: _duorc,
    Hub(
        "ibm-research/duorc",
        "2de12436b8945030c283bf4af83925d60efe10c6",
        shared=("ParaphraseRC/*.parquet", "SelfRC/*.parquet"),
    ),
    SourceSize(pairs=130_000, query=11, passage=215),
    licence="MIT",
)
NEWSQA = _english(
    "newsqa",
    lambda: _newsqa,
    Hub("lucadiliello/newsqa", "2520ea19a937069bb0937ab5aae731d05fc8779f", shared=("data/*.parquet",)),
    SourceSize(pairs=74_160, query=9, passage=215),
    note="columns as in code that loads it; licence unknown",
)
ENTITY_QUESTIONS = _english(
    "entity-questions",
    lambda: _entity_questions,
    Web("https://nlp.cs.princeton.edu/projects/entity-questions", shared=("dataset.zip",)),
    SourceSize(pairs=176_975, query=10, passage=5),
    note="SHA-256 and licence unknown",
)
MFAQ = _english(
    "mfaq",
    lambda: _mfaq,
    Hub("clips/mfaq", "72248e10c1bbe5e3c3710e5e969a41947ca43937", shared=("data/en/train.jsonl",)),
    SourceSize(pairs=3_567_659, query=15, passage=90),
    licence="CC0-1.0",
)
MR_TYDI = _english(
    "mr-tydi",
    lambda: _mrtydi,
    Hub(
        "castorini/mr-tydi",
        "bec23fcae5f1545771873972e3d1c92b682861dc",
        shared=("mrtydi-v1.1-english/train.jsonl.gz",),
    ),
    SourceSize(pairs=3_547, query=9, passage=130, negatives=5),
    licence="Apache-2.0",
)
YAHOO_QA = _english(
    "yahoo-qa",
    lambda: _yahoo,
    Hub(
        "sentence-transformers/yahoo-answers",
        "93b3605c508cf93e3666c9d3e34640b5fe62b507",
        shared=("title-question-answer-pair/*.parquet",),
    ),
    SourceSize(pairs=660_000, query=30, passage=110),
    note="columns from memory; licence unknown",
)
SQUADSHIFTS = _english(
    "squadshifts",
    lambda: _squadshifts,
    Web(
        "https://raw.githubusercontent.com/modestyachts/squadshifts-website/master/datasets",
        shared=tuple(f"{part}_v1.0.json" for part in ("new_wiki", "nyt", "reddit", "amazon_reviews")),
    ),
    SourceSize(pairs=37_700, query=13, passage=190),
    licence="CC-BY-4.0",
    parts=("validation",),  # four test sets
)


def build(
    record: SourceRecord,
    rows: Rows,
    part: str,
    languages: Sequence[str],
    raw: str | Path,
    pairs: int | None = None,
    seed: int = 0,
) -> PairTables:
    """Pairs and passages of a part, as of `langscale.data.sources.common`. Files are streamed, `pairs` held.

    Raises UserError for another part, without English, and for a missing or malformed file.
    """
    check_part(record.name, part, record.parts)
    paths = [path for entry in record.files(languages) for path in fetch.local(entry, raw)]
    kept = (
        pair
        for pair in rows(paths)
        if pair.query and pair.text and (len(record.parts) == 1 or part_of(record.name, pair.group) == part)
    )
    found = sample(record.name, kept, pairs, seed)
    return tables(
        ((p.pair_id, "en", p.query, p.passage_id, [n for n, _ in p.negatives]) for p in found),
        ((n, "en", text) for p in found for n, text in ((p.passage_id, p.text), *p.negatives)),
    )


def _nq(paths: list[Path]) -> Iterator[Pair]:
    """Google Natural Questions (Kwiatkowski et al. 2019): a query and a Wikipedia passage."""
    return _keyless("nq", paths, "query", "answer")


def _yahoo(paths: list[Path]) -> Iterator[Pair]:
    """Yahoo Answers (Zhang, Zhao, LeCun 2015): title and question as the query, the best answer."""
    return _keyless("yahoo-qa", paths, "question", "answer")


def _keyless(name: str, paths: list[Path], query: str, text: str) -> Iterator[Pair]:
    for file, place, row in _parquet(paths, query, text):
        query_text, passage_text = file.clean(row[query], place, query), file.clean(row[text], place, text)
        passage = digest(passage_text)
        yield Pair(
            f"{name}:{digest(query_text, passage_text)}",
            passage,
            query_text,
            f"{name}:{passage}",
            passage_text,
        )


def _wikiqa(paths: list[Path]) -> Iterator[Pair]:
    """WikiQA (Yang, Yih, Meek 2015), all splits: a question and an answering sentence (label 1)."""
    for file, place, row in _parquet(paths, "question_id", "question", "document_title", "answer", "label"):
        if row["label"] == 1:
            title, passage_text = str(row["document_title"]), file.clean(row["answer"], place, "answer")
            passage = digest(title, passage_text)
            yield Pair(
                f"wikiqa:{row['question_id']}:{passage}",
                title,
                file.clean(row["question"], place, "question"),
                f"wikiqa:{passage}",
                passage_text,
            )


def _duorc(paths: list[Path]) -> Iterator[Pair]:
    """DuoRC (Saha et al. 2018), train splits: questions on a film and the window of its plot with the answer.

    SelfRC asks about the plot itself, ParaphraseRC about another version of it. Both versions of a film are
    in one part. Questions without an answer are left out, and answers without a literal place in the plot.
    """
    for path in paths:
        if not path.name.startswith("train"):
            continue
        for file, place, row in _parquet([path], "plot_id", "plot", "question_id", "question", "answers"):
            if found := window(*_marked(file, place, row["plot"], row["answers"])):
                number, text = found
                kind, film = path.parent.name, row["plot_id"]
                yield Pair(
                    f"duorc:{kind}:{row['question_id']}",
                    film,
                    file.clean(row["question"], place, "question"),
                    f"duorc:{kind}:{film}:{number}",
                    text,
                )


def _newsqa(paths: list[Path]) -> Iterator[Pair]:
    """NewsQA (Trischler et al. 2017) as of MRQA, train split: a question and the window of the news text."""
    paths = [path for path in paths if path.name.startswith("train")]
    for file, place, row in _parquet(paths, *_NEWSQA):
        if found := window(*_marked(file, place, row["context"], row["answers"])):
            number, text = found
            story, question = digest(row["context"]), file.clean(row["question"], place, "question")
            i = file.ident(row["key"], place, "key")
            if file.once(i, (story, question), place):
                yield Pair(f"newsqa:{i}", story, question, f"newsqa:{story}:{number}", text)


_NEWSQA = ("key", "context", "question", "answers")


def _marked(file: TextFile, place: Where, text: Any, answers: Any) -> tuple[str, list[str]]:
    """A text and its answers, if they are text."""
    if not isinstance(text, str) or not all(isinstance(answer, str) for answer in answers or ()):
        raise file.error(place, "the text or an answer is no text; right: text")
    if "\0" in text:
        file.count("repaired")
    return text.replace("\0", " "), list(answers or ())


def window(text: str, answers: Sequence[str]) -> tuple[int, str] | None:
    """(Number, text) of the window with an answer; None: no window has one.

    The text is cut into equal windows of at most WORDS words without overlap, so that questions on one place
    share a passage. The first place of the first answer in the text counts, as whole words, without letter
    case. An answer across two windows counts for none.
    """
    words = [match.span() for match in re.finditer(r"\S+", text)]
    count = math.ceil(len(words) / WORDS)
    bounds = [len(words) * i // count for i in range(count)]

    def number(at: int) -> int:
        word = bisect_right(words, at, key=lambda span: span[0]) - 1
        return bisect_right(bounds, word) - 1

    for answer in filter(None, map(str.strip, answers)):
        if place := re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE):
            i = number(place.start())
            if i != number(place.end() - 1):
                return None
            its = words[bounds[i] : bounds[i + 1] if i + 1 < count else None]
            return i, clean(text[its[0][0] : its[-1][1]])
    return None


def _mfaq(paths: list[Path]) -> Iterator[Pair]:
    """MFAQ (De Bruyn et al. 2021), train: questions and answers of FAQ pages. A web domain is in one part."""
    for file, line, row in _json_lines(paths, "domain", "qa_pairs"):
        domain = file.ident(row["domain"], line, "domain")
        for qa in _objects(file, line, row, "qa_pairs", "question", "answer"):
            query_text, passage_text = (file.clean(qa[key], line, key) for key in ("question", "answer"))
            yield Pair(
                f"mfaq:{digest(domain, query_text, passage_text)}",
                domain,
                query_text,
                f"mfaq:{digest(domain, passage_text)}",
                passage_text,
            )


def _mrtydi(paths: list[Path]) -> Iterator[Pair]:
    """Mr. TyDi (Zhang et al. 2021), train: queries, Wikipedia passages with titles, hard negatives of BM25.

    The part of a query is the part of the article of its first passage. Further passages and negatives from
    articles of the other part are left out.
    """
    for file, line, row in _json_lines(paths, "query_id", "query", *_MRTYDI):
        positive, negative = (
            [_passage(file, line, passage) for passage in _objects(file, line, row, key, *_PASSAGE)]
            for key in _MRTYDI
        )
        query, i = file.clean(row["query"], line, "query"), file.ident(row["query_id"], line, "query_id")
        if not positive or not file.once(i, (query, [docid for docid, *_ in positive]), line):
            continue
        group = positive[0][1]
        same = part_of("mr-tydi", group)
        others = [(i, text) for i, article, text in negative if part_of("mr-tydi", article) == same and text]
        for passage_id, article, text in positive:
            if part_of("mr-tydi", article) == same:
                pair_id = f"mr-tydi:{i}:{passage_id.removeprefix('mr-tydi:')}"
                yield Pair(pair_id, group, query, passage_id, text, tuple(others[:NEGATIVES]))


_MRTYDI = ("positive_passages", "negative_passages")
_PASSAGE = ("docid", "title", "text")


def _passage(file: TextFile, line: Where, passage: dict) -> tuple[str, str, str]:
    """(Passage id, article, text with its title). A docid is article#number."""
    docid = file.ident(passage["docid"], line, "docid")
    text = file.clean(f"{passage['title']} {passage['text']}", line)
    return f"mr-tydi:{docid}", docid.split("#")[0], text


def _objects(file: TextFile, line: Where, row: dict, key: str, *fields: str) -> list[dict]:
    """The list of objects in a field of a row, each with these fields."""
    if not isinstance(row[key], list):
        raise file.error(line, f"{key}: no list; a list of objects with {', '.join(fields)} is right")
    for one in row[key]:
        missing = [field for field in fields if not isinstance(one, dict) or one.get(field) is None]
        if missing:
            raise file.error(line, f"{key}: an object without {', '.join(missing)}")
    return row[key]


def _entity_questions(paths: list[Path]) -> Iterator[Pair]:
    """EntityQuestions (Sciavolino et al. 2021), train: without passages, so the first answer is the passage.

    A name alone teaches little about passages. The set completes the paper's list and is in no study by
    default.
    """
    file = TextFile(paths[0], "en")
    try:
        with zipfile.ZipFile(paths[0]) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".train.json"))
            values = ((name, json.loads(archive.read(name))) for name in names)
            found = [(f"{name}, row {n}", row) for name, rows in values for n, row in enumerate(rows, 1)]
    except (zipfile.BadZipFile, ValueError, TypeError) as error:
        raise file.error(None, f"no archive of JSON files ({error})") from None
    for place, row in found:
        file.record(row, place, "question", "answers")
        if not isinstance(row["answers"], list) or not row["answers"]:
            raise file.error(place, "answers: empty; one at least is right")
        query_text = file.clean(row["question"], place, "question")
        passage_text = file.clean(row["answers"][0], place, "answer")
        passage = digest(passage_text)
        pair = f"entity-questions:{digest(query_text, passage_text)}"
        yield Pair(pair, passage, query_text, f"entity-questions:{passage}", passage_text)


def _squadshifts(paths: list[Path]) -> Iterator[Pair]:
    """SQuADShifts (Miller et al. 2020, arXiv:2004.14444): four test sets in SQuAD's format."""
    for path in paths:
        kind = path.name.removesuffix("_v1.0.json")
        for qa in questions(TextFile(path, "en")):
            context = digest(qa.context)
            yield Pair(
                f"squadshifts:{kind}:{qa.id}", context, qa.question, f"squadshifts:{context}", qa.context
            )


def _parquet(paths: list[Path], *columns: str) -> Iterator[tuple[TextFile, Where, dict]]:
    """(File, place, row) of parquet files, streamed. Raises UserError for a missing column."""
    for path in paths:
        file = TextFile(path, "en")
        for place, row in file.parquet(columns):
            yield file, place, row


def _json_lines(paths: list[Path], *keys: str) -> Iterator[tuple[TextFile, Where, dict]]:
    """(File, line, object) of JSON-lines files, streamed. Raises UserError for a missing key."""
    for path in paths:
        file = TextFile(path, "en")
        for line, row in file.json_lines(*keys):
            yield file, line, row
