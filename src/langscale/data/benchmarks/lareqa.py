"""XQuAD-R and MLQA-R of LAReQA (Roy et al. 2020, arXiv 2004.05484): find the sentence with the answer.

A file is SQuAD's JSON with `sentences` and `sentence_breaks` in every paragraph. Candidates are all entries
of `sentences`, repeated entries too. The sentence with the first character of the answer is relevant, one per
language. The ids follow XTREME-R's code (third_party/utils_lareqa.py): `en_1_0` is the first sentence of the
first paragraph.

With `candidate_text: paragraph` the candidates are the distinct paragraphs of a language. In mono these are
the tasks XQuADRetrieval and MLQARetrieval (validation) of mteb.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from langscale.core.errors import UserError
from langscale.data.benchmarks.common import clusters, frames, joined, sample
from langscale.data.download import local
from langscale.data.records import BenchmarkRecord, BenchmarkSize, Frames, XtremeTask
from langscale.data.remote_files import Web
from langscale.data.squad_files import articles
from langscale.data.text_files import TextFile
from langscale.languages.codes import counts, same

LAREQA = "https://raw.githubusercontent.com/google-research-datasets/lareqa"
XQUAD_R: BenchmarkRecord = BenchmarkRecord(
    name="xquad-r",
    languages=same("ar de el en es hi ru th tr vi zh"),
    locate=Web(f"{LAREQA}/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r", ("{}.json",)),
    licence="CC-BY-SA-4.0",
    options=("candidate_text", "every_article", "every_paragraph"),
    resampled="group",  # articles differ in difficulty: F 4.6, p .008 over the five of ntrex-cpu
    akin=("squad",),  # translates SQuAD's development set; the training set is about other articles
    size=BenchmarkSize(
        queries=1190,
        candidates=counts(
            "ar de el en es hi ru th tr vi zh",
            1222,
            1276,
            1234,
            1180,
            1215,
            1244,
            1219,
            852,
            1167,
            1209,
            1196,
        ),
        query=19,
        candidate=45,
        paragraph=230,
        paragraphs=240,
    ),
    reader=lambda: partial(build, record=XQUAD_R),
    xtreme_r=XtremeTask("LAReQA", "sentence+paragraph", "multi"),
)
MLQA_R: BenchmarkRecord = BenchmarkRecord(
    name="mlqa-r",
    languages=same("ar de en es hi vi zh"),
    locate=Web(f"{LAREQA}/354d67d1cd066854cdfbf5ad0e6105528976141d/mlqa-r", ("{}.json",)),
    licence="CC-BY-NC-4.0",
    restricted=True,
    options=("candidate_text", "every_article", "every_paragraph"),
    resampled="group",  # articles differ in difficulty: F 4.6, p .008 over the five of ntrex-cpu
    akin=("squad",),  # made in the same way, from other articles of Wikipedia
    size=BenchmarkSize(
        queries=counts("ar de en es hi vi zh", 517, 512, 1148, 500, 507, 511, 504),
        candidates=counts("ar de en es hi vi zh", 2545, 2362, 6264, 1787, 2426, 2828, 2322),
        query=19,
        candidate=45,
        paragraph=230,
        # at most one per query
        paragraphs=counts("ar de en es hi vi zh", 517, 512, 1148, 500, 507, 511, 504),
    ),
    reader=lambda: partial(build, record=MLQA_R),
)

SENTENCE, BOTH, PARAGRAPH = CANDIDATE_TEXTS = ("sentence", "sentence+paragraph", "paragraph")


@dataclass(frozen=True)
class Paragraph:
    """One paragraph in one language. number: in the file, from 1. article: its number, from 0."""

    language: str
    number: int
    article: int
    context: str
    sentences: tuple[str, ...]
    queries: tuple[tuple[str, str, int], ...]  # id, text, index of the sentence that answers it

    @property
    def ids(self) -> list[str]:
        """Ids of its queries."""
        return [query[0] for query in self.queries]


def build(
    languages: Sequence[str],
    queries: int | None,
    raw: str | Path,
    candidate_text: str = "sentence",
    every_article: int = 1,
    every_paragraph: int = 1,
    record: BenchmarkRecord = XQUAD_R,
) -> Frames:
    """Queries, candidates and qrels of a set in BCP 47 `languages`. Languages outside the set are skipped.

    queries: sample size, by hash of the query id; None: all. A sample keeps all candidates.
    raw: folder of raw files.
    candidate_text: "sentence"; "sentence+paragraph" for the sentence and its paragraph as one string without
        line breaks, as XTREME-R (arXiv:2104.07412) joins them; or "paragraph" for the distinct paragraphs.
    every_article: with k, queries and candidates of every k-th article only.
    every_paragraph: with k, those of every k-th paragraph of each article, so that all articles stay.

    Returns the tables of `langscale.data.benchmarks.common`: question_id of the file, cluster = the least
    query id of the source paragraph in any language, group = number of the article, candidate_id = "en_1_0"
    of a sentence and "en_1" of a paragraph, key = "". A query has a relevant candidate in each of its
    languages: in all languages of XQuAD-R, in two to four of MLQA-R. Raises UserError for a missing or
    malformed file.
    """
    if candidate_text not in CANDIDATE_TEXTS:
        raise UserError(
            f"{record.name}: candidate_text is {candidate_text}; right: {', '.join(CANDIDATE_TEXTS)}"
        )
    # English first: MLQA-R has every question in English, so its articles number those of the others
    codes = sorted(record.chosen(languages), key=lambda c: (c != "en", c))
    found = [
        paragraph
        for code, entry in zip(codes, record.files(codes), strict=True)
        for paragraph in read(local(entry, raw)[0], code)
    ]
    articles = _article_numbers(found)
    found = [p for p in found if articles[p.language, p.article] % every_article == 0]
    cluster = clusters([p.ids for p in found])
    if every_paragraph > 1:
        kept = _every(cluster, articles, found, every_paragraph)
        found = [p for p in found if p.ids and cluster[p.ids[0]] in kept]
    chosen = sample(record.name, (i for p in found for i in p.ids), queries)
    query_rows: list[tuple[str, str, str, str, int]] = []
    answers: dict[str, list[str]] = {}
    pool: dict[str, tuple[str, str, str, str]] = {}
    first: dict[tuple[str, str], str] = {}  # (language, paragraph) -> id of the first one with this text
    for p in found:
        whole = first.setdefault((p.language, p.context), f"{p.language}_{p.number}")
        for i, text, sentence in p.queries:
            if i in chosen:
                query_rows.append((i, cluster[i], p.language, text, articles[p.language, p.article]))
                answer = whole if candidate_text == PARAGRAPH else f"{p.language}_{p.number}_{sentence}"
                answers.setdefault(i, []).append(answer)
        if candidate_text == PARAGRAPH:
            pool[whole] = (whole, "", p.language, p.context)
            continue
        for n, sentence_text in enumerate(p.sentences):
            name = f"{p.language}_{p.number}_{n}"
            text = sentence_text if candidate_text == SENTENCE else joined_text(sentence_text, p.context)
            pool[name] = (name, "", p.language, text)
    relevant = [(i, language, answer) for i, _, language, *_ in query_rows for answer in answers[i]]
    return frames(query_rows, pool.values(), relevant, "group")


def joined_text(sentence: str, paragraph: str) -> str:
    """A sentence with its paragraph as one string without line breaks, as XTREME-R's code joins them.

    Example:
        >>> joined_text("Cats sleep.", "Cats sleep. Dogs bark.")
        'Cats sleep.Cats sleep. Dogs bark.'
    """
    return (sentence + paragraph).replace("\n", "")


def _every(
    cluster: Mapping[str, str], articles: Mapping[tuple[str, int], int], found: Sequence[Paragraph], k: int
) -> set[str]:
    """The clusters of every k-th source paragraph of each article, from the first in order of their ids."""
    of_article: dict[int, set[str]] = {}
    for p in found:
        of_article.setdefault(articles[p.language, p.article], set()).update(cluster[i] for i in p.ids)
    return {name for names in of_article.values() for name in sorted(names)[::k]}


def read(path: str | Path, language: str, name: str | None = None) -> list[Paragraph]:
    """The paragraphs of a file. name: in errors; None: the path.

    Raises UserError for another format, an empty text, a query id with two questions, and an answer without
    exactly one sentence.
    """
    file, found = TextFile(path, language, name), list[Paragraph]()
    for article, of in enumerate(articles(file)):
        for paragraph in of["paragraphs"]:
            place = f"article {article + 1}, paragraph {len(found) + 1}"
            file.record(paragraph, place, "context", "sentences", "sentence_breaks", "qas")
            context = file.text(paragraph["context"], place, "context")
            sentences = tuple(file.text(s, place, "sentence") for s in paragraph["sentences"])
            if len(sentences) != len(paragraph["sentence_breaks"]):
                counts = f"{len(sentences)} sentences and {len(paragraph['sentence_breaks'])} sentence_breaks"
                raise file.error(place, f"{counts}; equal numbers are right")
            query_rows = []
            for question in paragraph["qas"]:
                i = file.ident(question.get("id"), place)
                of_question = f"question {i}"
                text = file.text(question.get("question"), of_question, "question")
                start = _start(file, question, of_question)
                breaks = enumerate(paragraph["sentence_breaks"])
                holding = [n for n, (begin, end) in breaks if begin <= start < end]
                if len(holding) != 1:
                    raise file.error(of_question, f"its answer begins in {len(holding)} sentences; right: 1")
                if file.once(i, (text, len(found)), of_question):
                    query_rows.append((i, text, holding[0]))
            found.append(Paragraph(language, len(found) + 1, article, context, sentences, tuple(query_rows)))
    return found


def _start(file: TextFile, question: dict, place: str) -> int:
    answers = question.get("answers")
    first = answers[0] if isinstance(answers, list) and answers else None
    start = first.get("answer_start") if isinstance(first, dict) else None
    if not isinstance(start, int):
        raise file.error(place, "no answers with an answer_start; one at least is right")
    return start


def _article_numbers(paragraphs: Sequence[Paragraph]) -> dict[tuple[str, int], int]:
    """(Language, article) -> number of the article, the same for articles with common queries."""
    ids: dict[tuple[str, int], list[str]] = {}
    for p in paragraphs:
        ids.setdefault((p.language, p.article), []).extend(p.ids)
    return dict(zip(ids, joined(list(ids.values())), strict=True))
