"""Small data of a user's own, parallel in some languages, in every format that `set: local` reads."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

WORDS = {
    "en": "river mountain house bread winter teacher garden letter bridge market",
    "de": "Fluss Berg Haus Brot Winter Lehrer Garten Brief Brücke Markt",
    "es": "río montaña casa pan invierno maestro jardín carta puente mercado",
    "fr": "rivière montagne maison pain hiver professeur jardin lettre passerelle marché",
}
FORMATS = ("jsonl", "tsv", "csv", "parquet", "json", "languages", "beir", "beir-languages", "squad", "lareqa",
           "trec")  # fmt: skip


def texts(language: str, number: int) -> tuple[str, str]:
    """(Query, passage) of a number in a language; different numbers have different texts."""
    words = WORDS[language].split()
    first, second = words[number % 10], words[number // 10 % 10]
    extra = " ".join(words[: 1 + number % 4])
    return f"{first} {second} {number}?", f"{number}: {second}, {first}, {extra}."


def write(folder: Path, kind: str, count: int = 60, languages: tuple[str, ...] = ("de", "en", "es")) -> Path:
    """Files of a kind below a new folder, whose path is returned."""
    folder.mkdir(parents=True)
    rows = [
        {"id": f"p{n}", "language": code, "query": q, "passage": p}
        for code in languages
        for n in range(count)
        for q, p in [texts(code, n)]
    ]
    if kind == "jsonl":
        _lines(folder / "pairs.jsonl", rows)
    elif kind in ("tsv", "csv"):
        _table(folder / f"pairs.{kind}", rows)
    elif kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), folder / "pairs.parquet")
    elif kind == "json":
        (folder / "pairs.json").write_text(json.dumps(rows))
    elif kind == "languages":
        for code in languages:
            its = [{"id": r["id"], "query": r["query"], "passage": r["passage"]} for r in rows]
            _table(folder / f"faq-{code}.tsv", [r for r, whole in zip(its, rows, strict=True)
                                                if whole["language"] == code])  # fmt: skip
    elif kind == "beir":
        _lines(folder / "queries.jsonl", [
            {"_id": f"{r['language']}-{r['id']}", "text": r["query"], "language": r["language"]} for r in rows
        ])  # fmt: skip
        _lines(folder / "corpus.jsonl", [
            {"_id": f"{r['language']}-d{r['id']}", "title": "", "text": r["passage"]}
            | {"language": r["language"]}
            for r in rows
        ])  # fmt: skip
        qrels = [f"{r['language']}-{r['id']}\t{r['language']}-d{r['id']}\t1" for r in rows]
        for split in ("train", "test"):
            _qrels(folder / f"qrels/{split}.tsv", qrels)
    elif kind == "beir-languages":
        for code in languages:
            its = [r for r in rows if r["language"] == code]
            _lines(folder / code / "queries.jsonl", [{"_id": r["id"], "text": r["query"]} for r in its])
            _lines(folder / code / "corpus.jsonl", [
                {"_id": f"d{r['id']}", "title": f"T{r['id']}", "text": r["passage"]} for r in its
            ])  # fmt: skip
            _qrels(folder / code / "qrels/test.tsv", [f"{r['id']}\td{r['id']}\t2" for r in its])
    elif kind in ("squad", "lareqa"):
        for code in languages:
            its = [r for r in rows if r["language"] == code]
            (folder / f"{code}.json").write_text(json.dumps({"data": [_article(its, kind)]}))
    else:
        for code in languages:
            its = [r for r in rows if r["language"] == code]
            topics = "".join(
                f"<top>\n<num> Number: {r['id']}\n<title> {r['query']}\n<desc> Description:\nx\n</top>\n"
                for r in its
            )
            (folder / f"topics.{code}.txt").write_text(topics)
            docs = "".join(
                f"<DOC>\n<DOCNO> d{r['id']} </DOCNO>\n<TEXT>\n{r['passage']}\n</TEXT>\n</DOC>\n" for r in its
            )
            (folder / f"docs.{code}.trec").write_text(docs)
            (folder / f"qrels.{code}.txt").write_text(
                "".join(f"{r['id']} 0 d{r['id']} {1 + n % 3}\n" for n, r in enumerate(its))
            )
    return folder


def _article(rows: list[dict], kind: str) -> dict:
    paragraphs = []
    for row in rows:
        context = f"{row['passage']} And more."
        at = len(row["passage"])
        paragraph = {
            "context": context,
            "qas": [{"id": row["id"], "question": row["query"], "answers": [{"answer_start": 0}]}],
        }
        if kind == "lareqa":
            paragraph |= {
                "sentences": [context[:at], context[at:]],
                "sentence_breaks": [[0, at], [at, len(context)]],
            }
        paragraphs.append(paragraph)
    return {"title": "T", "paragraphs": paragraphs}


def _lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _table(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        delimiter = "," if path.suffix == ".csv" else "\t"
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _qrels(path: Path, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
