"""The queries, passages and relevance judgements of a local data set, whatever its layout."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from langscale.core.errors import UserError
from langscale.data.benchmarks import lareqa
from langscale.data.benchmarks.common import clusters
from langscale.data.local.layout import LocalSet, Located, known_code
from langscale.data.sources.common import digest
from langscale.data.squad_files import questions
from langscale.data.text_files import TextFile, Where
from langscale.languages.families import BRANCHES

LANGUAGE = ("language", "lang", "locale")
NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "pairs": {
        "id": ("id", "pair_id", "query_id", "qid", "_id"),
        "language": LANGUAGE,
        "query": ("query", "question", "anchor"),
        "passage": ("passage", "answer", "positive", "document", "text"),
        "passage_id": ("passage_id", "answer_id", "doc_id", "docid"),
        "negatives": ("negatives", "negative"),
    },
    "queries": {
        "id": ("_id", "id", "query_id", "qid"),
        "language": LANGUAGE,
        "query": ("text", "query", "question", "title"),
    },
    "corpus": {
        "id": ("_id", "id", "passage_id", "doc_id", "docid", "docno"),
        "language": LANGUAGE,
        "passage": ("text", "passage", "contents", "body"),
    },
}
"""Role of a file -> field -> names of its column. A record's value is that of the first name it has."""
QRELS = (("query-id", "corpus-id", "score"), ("query_id", "corpus_id", "score"))

Texts = dict[str, dict[str, str]]


@dataclass
class Collection:
    """Texts by BCP 47 language and id, and judgements by id. An id means the same in every language.

    queries, passages: language -> id -> text. relevant: query id -> ids of its relevant passages, in order.
    negatives: query id -> ids of its hard negatives.
    """

    queries: Texts = field(default_factory=dict)
    passages: Texts = field(default_factory=dict)
    relevant: dict[str, list[str]] = field(default_factory=dict)
    negatives: dict[str, list[str]] = field(default_factory=dict)

    @property
    def languages(self) -> list[str]:
        """Sorted languages of queries and passages."""
        return sorted({*self.queries, *self.passages})

    def judge(self, query: str, passage: str, relevant: bool = True) -> None:
        """Add a relevant passage, or a hard negative, once."""
        known = (self.relevant if relevant else self.negatives).setdefault(query, [])
        if passage not in known:
            known.append(passage)

    def groups(self) -> dict[str, str]:
        """Query id -> the least id of the queries that share passages with it, also through others."""
        blocks: dict[str, list[str]] = {}
        for query, passages in self.relevant.items():
            for passage in passages:
                blocks.setdefault(passage, []).append(query)
        return clusters(list(blocks.values()))


def read(chosen: LocalSet, evaluation: bool) -> Collection:
    """All texts and judgements of a set.

    evaluation: an empty or blank text is an error, and LAReQA's passages are sentences. In training sets a
    record without text is left out and counted. Raises UserError for a malformed file, an unknown language,
    and an id with different texts.
    """
    readers: dict[str, Callable[[LocalSet, bool], _Reader]]
    readers = {"pairs": _Pairs, "collection": _Judged, "squad-json": _Squad}
    return readers[chosen.layout](chosen, evaluation).read()


class _Reader(ABC):
    """What the layouts share: languages, ids and texts of records."""

    def __init__(self, chosen: LocalSet, evaluation: bool) -> None:
        self.chosen, self.evaluation, self.found = chosen, evaluation, Collection()
        self._last: TextFile | None = None
        self._names = NAMES["pairs"]

    @abstractmethod
    def read(self) -> Collection:
        """All files."""

    def open(self, located: Located) -> TextFile:
        """The file, which shares its ids with the files before."""
        self._names = NAMES.get(located.role, NAMES["pairs"])

        def language(row: dict[str, Any]) -> str:
            return located.language or known_code(str(self.value(row, "language") or "")) or ""

        self._last = TextFile(
            located.path, located.language or "", located.name, language, together=self._last
        )
        return self._last

    def column(self, name: str) -> tuple[str, ...]:
        """The possible names of a field's column."""
        return (self.chosen.columns[name],) if name in self.chosen.columns else self._names[name]

    def value(self, row: dict[str, Any], name: str) -> Any:
        """The value of a field, None without one."""
        return next((row[column] for column in self.column(name) if row.get(column) is not None), None)

    def language(self, file: TextFile, where: Where, located: Located, row: dict[str, Any]) -> str:
        """The BCP 47 language of a record: of its file, else of its field."""
        value = self.value(row, "language")
        if value is None or (located.language is not None and "language" not in self.chosen.columns):
            if located.language is None:
                right = "a column `language`, a code in the file's name, or the key `language`"
                raise file.error(where, f"no language; right: {right}")
            return located.language
        code = known_code(str(value).strip())
        if code is None:
            near = get_close_matches(str(value), _codes(), 1, cutoff=0)
            shown = f"; nearest: {near[0]}" if near else ""
            raise file.error(where, f"language: {str(value)[:40]!r} is no known code{shown}")
        return code

    def named(self, i: str, language: str) -> str:
        """An id that means the same in every language."""
        return i if self.chosen.parallel else f"{language}:{i}"

    def text(self, file: TextFile, value: Any, where: Where, name: str) -> str:
        """A text; "" for an empty one of a training set."""
        return file.text(value, where, name) if self.evaluation else file.clean(value, where, name)

    def rows(self, file: TextFile, located: Located) -> Iterator[tuple[Where, dict[str, Any]]]:
        """(Place, record) of a table of any kind. Raises UserError for a column of `columns` without data."""
        first = True
        for where, row in self._rows(file, located):
            if first:
                for name, column in self.chosen.columns.items():
                    if name in self._names and name != "negatives" and column not in row:
                        what = f"columns.{name}: no column {column}"
                        raise file.error(where, f"{what}; found {', '.join(map(str, row))}")
            first = False
            yield where, row

    def _rows(self, file: TextFile, located: Located) -> Iterator[tuple[Where, dict[str, Any]]]:
        if located.kind in (".jsonl", ".ndjson"):
            yield from file.json_lines()
        elif located.kind == ".json":
            value = file.json()
            if not isinstance(value, list):
                raise file.error(None, "no list; a list of objects is right")
            for number, row in enumerate(value, 1):
                yield f"record {number}", file.record(row, f"record {number}")
        elif located.kind == ".parquet":
            yield from file.parquet(file.schema())
        else:
            yield from file.table(delimiter=_separator(file) if located.kind == ".csv" else "\t")

    def put(self, texts: dict[str, str], i: str, text: str, file: TextFile, where: Where) -> None:
        """Keep the text of an id. Raises UserError if it has another text."""
        if texts.setdefault(i, text) != text:
            raise file.error(where, f"{i} stands twice with different texts; one text per id is right")


def _codes() -> list[str]:
    return [code for codes in BRANCHES.values() for code in codes.split()]


class _Pairs(_Reader):
    """Tables with a query and a passage in each row."""

    def read(self) -> Collection:
        parts: list[tuple[str, str, str, list[str]]] = []  # query id, language, passage, negatives
        for located in self.chosen.files:
            file = self.open(located)
            for where, row in self.rows(file, located):
                self._row(file, where, located, row, parts)
        self._by_text(parts)
        if not self.found.relevant:
            raise UserError("path: no pair with a query and a passage; one at least is right")
        return self.found

    def _row(
        self, file: TextFile, where: Where, located: Located, row: dict[str, Any], parts: list[Any]
    ) -> None:
        if all(self.value(row, name) is None for name in ("query", "passage")):
            right = " and ".join(self.column(name)[0] for name in ("query", "passage"))
            raise file.error(where, f"no {right}; found {', '.join(map(str, row))}; `columns` maps names")
        language = self.language(file, where, located, row)
        given = self.value(row, "passage_id")
        # a query alone or a passage alone stands with a passage id only: the other half is in another record
        alone = given not in (None, "")
        query = self._half(file, row, where, "query", alone)
        passage = self._half(file, row, where, "passage", alone)
        if query == "" or passage == "" or (query is None and passage is None):
            return
        value, negatives = self.value(row, "id"), self._negatives(file, where, row)
        if value not in (None, ""):
            i = self.named(file.ident(value, where), language)
        else:  # no translation is known, so the pair is one of its language
            i = f"{language}:{digest(query or '', passage or str(given))}"
        passage_id = self.named(file.ident(given, where, "passage_id"), language) if alone else None
        if not file.once((i, language, passage_id), (query, passage), where):
            return
        if query is not None:
            self.put(self.found.queries.setdefault(language, {}), i, query, file, where)
        if passage_id is None:
            parts.append((i, language, str(passage), negatives))
            return
        if passage is not None:
            self.put(self.found.passages.setdefault(language, {}), passage_id, passage, file, where)
        if query is not None:
            self.found.judge(i, passage_id)
            for negative in negatives:
                self.found.judge(i, self.named(negative, language), relevant=False)

    def _half(self, file: TextFile, row: dict[str, Any], where: Where, name: str, alone: bool) -> str | None:
        """The query or the passage of a row; None if it is missing and may be."""
        value = self.value(row, name)
        if alone and value in (None, ""):
            return None
        return self.text(file, value, where, self._shown(row, name))

    def _shown(self, row: dict[str, Any], name: str) -> str:
        return next((column for column in self.column(name) if column in row), self.column(name)[0])

    def _negatives(self, file: TextFile, where: Where, row: dict[str, Any]) -> list[str]:
        value = self.value(row, "negatives")
        if value is None or value == "":
            return []
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise file.error(where, "negatives: no JSON list; a list of texts is right") from None
        found = value if isinstance(value, list) else [value]
        return [text for one in found if (text := file.clean(_as_text(one), where, "negatives"))]

    def _by_text(self, parts: list[tuple[str, str, str, list[str]]]) -> None:
        """Passages without an id: equal texts of a language are one passage, in all languages."""
        blocks: dict[tuple[str, str], list[str]] = {}
        for i, language, passage, negatives in parts:
            blocks.setdefault((language, passage), []).append(i)
            for number, negative in enumerate(negatives):
                blocks.setdefault((language, negative), []).append(f"{i} negative {number}")
        name = clusters(list(blocks.values()))
        for i, language, passage, negatives in parts:
            texts = self.found.passages.setdefault(language, {})
            texts.setdefault(name[i], passage)
            self.found.judge(i, name[i])
            for number, negative in enumerate(negatives):
                other = name[f"{i} negative {number}"]
                texts.setdefault(other, negative)
                if other != name[i]:
                    self.found.judge(i, other, relevant=False)


class _Judged(_Reader):
    """Queries, corpus and qrels in files of their own."""

    def read(self) -> Collection:
        for role, texts in (("queries", self.found.queries), ("corpus", self.found.passages)):
            self._last = None
            for located in self.chosen.of(role):  # type: ignore[arg-type]
                self._texts(located, role, texts)
        # where ids are of one language, a judgement may leave it out
        homes = {i: code for code, texts in self.found.queries.items() for i in texts}
        self._last = None
        for located in self.chosen.of("qrels"):
            self._judgements(located, homes)
        if not self.found.relevant:
            raise UserError(f"path: no passage with a grade of {self.chosen.relevant} or more in the qrels")
        there = {i for texts in self.found.passages.values() for i in texts}
        lost = sorted({p for found in self.found.relevant.values() for p in found} - there)
        if lost and self.evaluation:
            raise UserError(f"path: {len(lost)} relevant passages, such as {lost[0]}, are not in the corpus")
        unknown = sorted(self.found.relevant.keys() - homes.keys())
        if unknown and self.evaluation:
            raise UserError(f"path: {len(unknown)} judged queries, such as {unknown[0]}, are not in queries")
        kept = {
            query: [passage for passage in found if passage in there]
            for query, found in self.found.relevant.items()
            if query in homes
        }
        self.found.relevant = {query: found for query, found in kept.items() if found}
        return self.found

    def _texts(self, located: Located, role: str, texts: Texts) -> None:
        file = self.open(located)
        name = "query" if role == "queries" else "passage"
        for where, row in self._records(file, located):
            i = self.value(row, "id")
            if i is None:
                raise file.error(where, f"no id; found {', '.join(map(str, row))}; `columns` maps names")
            language = self.language(file, where, located, row)
            of_language = located.language is not None
            i = file.ident(i, where)
            i = self.named(i, language) if of_language else i
            text = self.value(row, name)
            if name == "passage" and row.get("title") and "passage" not in self.chosen.columns:
                text = f"{row['title']} {text or ''}".strip()
            if name == "passage" and (text is None or not str(text).strip()):
                file.count("empty")  # corpora have some; a relevant one is missed below
                continue
            text = self.text(file, text, where, name)
            if text and file.once((i, language), text, where):
                texts.setdefault(language, {})[i] = text

    def _records(self, file: TextFile, located: Located) -> Iterator[tuple[Where, dict[str, Any]]]:
        if located.kind in (".tsv", ".txt") and not _tagged(file):
            yield from _two_columns(file, located)
        elif located.kind in (".txt", ".trec", ".sgml", ".xml"):
            yield from _trec_records(file)
        else:
            yield from self.rows(file, located)

    def _judgements(self, located: Located, homes: dict[str, str]) -> None:
        file = self.open(located)
        for where, (query, passage, grade) in _grades(file, located):
            if located.language is not None:
                query, passage = self.named(query, located.language), self.named(passage, located.language)
            elif not self.chosen.parallel and query not in homes:
                what = f"query {query} is in no file of queries"
                raise file.error(where, f"{what}; with `parallel: false` qrels are one file per language")
            if file.once((located.language, query, passage), grade, where):
                self.found.judge(query, passage, grade >= self.chosen.relevant)


class _Squad(_Reader):
    """SQuAD's JSON: questions find their paragraph, or in LAReQA's files their sentence."""

    def read(self) -> Collection:
        contexts: dict[tuple[str, str], list[str]] = {}
        for located in self.chosen.files:
            if located.language is None:
                right = "a code in the file's name, as in de.json, or the key `language`"
                raise UserError(f"{located.name}: no language; right: {right}")
            self._last = None
            if self.evaluation and self._sentences(located):
                self._lareqa(located, located.language)
                continue
            texts = self.found.queries.setdefault(located.language, {})
            for qa in questions(self.open(located)):
                i = self.named(qa.id, located.language)
                if texts.setdefault(i, qa.question) != qa.question:
                    raise UserError(f"{located.name}: question {qa.id} is in two files, with two texts")
                contexts.setdefault((located.language, qa.context), []).append(i)
        name = clusters(list(contexts.values()))
        for (language, context), ids in contexts.items():
            for i in ids:
                self.found.passages.setdefault(language, {}).setdefault(name[i], context)
                self.found.judge(i, name[i])
        if not self.found.relevant:
            raise UserError("path: no question; one at least is right")
        return self.found

    def _sentences(self, located: Located) -> bool:
        value = TextFile(located.path, "", located.name).json()
        try:
            return "sentences" in value["data"][0]["paragraphs"][0]
        except (KeyError, IndexError, TypeError):
            return False  # the reader says what is wrong

    def _lareqa(self, located: Located, language: str) -> None:
        for paragraph in lareqa.read(located.path, language, located.name):
            stem = f"{language}_{paragraph.number}"
            texts = self.found.passages.setdefault(language, {})
            texts |= {f"{stem}_{n}": sentence for n, sentence in enumerate(paragraph.sentences)}
            for i, text, sentence in paragraph.queries:
                query = self.named(i, language)
                self.found.queries.setdefault(language, {})[query] = text
                self.found.judge(query, f"{stem}_{sentence}")


def _as_text(value: Any) -> Any:
    """Negatives may be objects with a text, or ids that are numbers."""
    if isinstance(value, dict):
        return value.get("text")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _separator(file: TextFile) -> str:
    """Of a CSV file: the most frequent of comma, semicolon and tab in its header.

    Spreadsheets write a semicolon in countries with a decimal comma.
    """
    header = next(file.raw_lines(), b"")
    return max(",;\t", key=lambda character: header.count(character.encode()))


def _tagged(file: TextFile) -> bool:
    """Whether a text begins with a tag of SGML."""
    first = next(file.raw_lines(), b"")
    return first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _two_columns(file: TextFile, located: Located) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Records of `id <tab> text` lines, or of a table with a header that names an id."""
    lines = TextFile(file.path, name=file.name).lines()
    first = next(lines, (1, ""))[1].split("\t")
    if any(cell.strip() in NAMES[located.role]["id"] for cell in first):
        yield from file.table()
        return
    for number, line in file.lines():
        i, tab, text = line.partition("\t")
        if line:
            if not tab:
                raise file.error(number, "no tab; `id <tab> text` is right")
            yield number, file.record({"id": i, "text": text}, number)


TAGS = re.compile(r"<(top|doc)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
FIELDS: tuple[tuple[str, Callable[[str], str | None]], ...] = tuple(
    (name, lambda block, p=pattern: _match(p, block))  # type: ignore[misc]
    for name, pattern in (
        ("id", r"<(?:num|docno)>\s*(?:Number:)?\s*([^<\s]+)"),
        ("title", r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|\Z)"),
        ("text", r"<(?:text|body|desc)>\s*(?:Description:)?\s*(.*?)\s*(?=</|<narr|\Z)"),
    )
)


def _trec_records(file: TextFile) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Topics (<top>) or documents (<DOC>) of TREC. A topic's text is its title."""
    text = "\n".join(line for _, line in file.lines())
    blocks = list(TAGS.finditer(text))
    if not blocks:
        raise file.error(None, "no <top> or <DOC>; TREC's format, or `id <tab> text`, is right")
    for block in blocks:
        where = text.count("\n", 0, block.start()) + 1
        row: dict[str, Any] = {name: value for name, get in FIELDS if (value := get(block[2]))}
        if block[1].lower() == "top":
            row = {"id": row.get("id"), "text": row.get("title") or row.get("text")}
        yield where, file.record(row, where, "id")


def _match(pattern: str, block: str) -> str | None:
    found = re.search(pattern, block, re.IGNORECASE | re.DOTALL)
    return re.sub(r"<[^>]*>", " ", found[1]).strip() if found else None


def _grades(file: TextFile, located: Located) -> Iterator[tuple[Where, tuple[str, str, int]]]:
    """(Query id, passage id, grade) of qrels: BEIR's three columns with a header, or TREC's four without."""
    if located.kind == ".parquet":
        for where, row in file.parquet(QRELS[0]):
            yield where, _grade(file, where, [str(row[column]) for column in QRELS[0]])
        return
    for number, line in file.lines():
        cells = line.split("\t") if "\t" in line else line.split()
        if not line or (number == 1 and tuple(cells) in QRELS):
            continue
        if len(cells) not in (3, 4):
            right = "query id, passage id, grade; or TREC's query id, 0, passage id, grade"
            raise file.error(number, f"{len(cells)} columns; right: {right}")
        file.count("rows")
        yield number, _grade(file, number, cells if len(cells) == 3 else [cells[0], *cells[2:]])


def _grade(file: TextFile, where: Where, cells: Sequence[str]) -> tuple[str, str, int]:
    try:
        grade = float(cells[2])
    except ValueError:
        raise file.error(where, f"grade {cells[2][:20]!r} is no number; a whole number is right") from None
    return file.ident(cells[0], where, "query id"), file.ident(cells[1], where, "passage id"), int(grade)
