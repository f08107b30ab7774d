"""MIRACL (Zhang et al. 2023, TACL 11:1114-1131): find Wikipedia passages in the language of the query.

The hub holds, per language, parquet files of a corpus (`_id`, `title`, `text`), of the queries of dev (`_id`,
`text`) and of judgements (`query-id`, `corpus-id`, `score`). `miracl` has the full corpora, up to 33 million
passages in a language. `miracl-hard` has the passages found by several retrievers. Its scores are not
comparable with scores on full corpora.

A corpus is larger than memory. It is read and sorted in parts of RUN passages, so this reader has a `write`
instead of a `build`. The layout is made for search in shards (langscale.retrieval.sharded_search): the corpus
of a language is a range of rows of candidates.parquet.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from langscale.core.errors import UserError
from langscale.data.benchmarks.common import CANDIDATES, QRELS, QUESTIONS, clusters, sample
from langscale.data.download import local
from langscale.data.records import BenchmarkRecord, BenchmarkSize
from langscale.data.remote_files import Entry, Hub
from langscale.data.text_files import TextFile
from langscale.languages.codes import counts, same

CODES = "ar bn de en es fa fi fr hi id ja ko ru sw te th yo zh"
FILES = ("{}-corpus/*.parquet", "{}-queries/*.parquet", "{}-qrels/*.parquet")
QUERIES_OF_DEV = counts(
    CODES, 2896, 411, 305, 799, 648, 632, 1271, 343, 350, 960, 860, 213, 1252, 482, 828, 733, 119, 393
)
PASSAGES = counts(
    CODES, 2_061_414, 297_265, 15_866_222, 32_893_221, 10_373_953, 2_207_172, 1_883_509, 14_636_953, 506_264,
    1_446_315, 6_953_614, 1_486_752, 9_543_918, 131_924, 518_079, 542_166, 49_043, 4_934_368,
)  # fmt: skip
MIRACL: BenchmarkRecord = BenchmarkRecord(
    name="miracl",
    languages=same(CODES),
    locate=Hub("mteb/MIRACLRetrieval", "9c09abc13478308c27598f350e31d8f06b9b5481", FILES),
    licence="Apache-2.0",
    note="number of parquet files unknown, layout as in code that loads them",
    candidate_text="title + passage",
    akin=("miracl-hard", "mr-tydi"),  # took over queries of Mr. TyDi
    larger_than_memory=True,
    size=BenchmarkSize(queries=QUERIES_OF_DEV, candidates=PASSAGES, query=14, candidate=130),
    reader=lambda: partial(write, record=MIRACL),
)
MIRACL_HARD: BenchmarkRecord = BenchmarkRecord(
    name="miracl-hard",
    languages=same(CODES),
    locate=Hub("mteb/MIRACLRetrievalHardNegatives", "d7d94fa4b946cec4a27c84653aa0cf6b33f74a3c", FILES),
    licence="Apache-2.0",
    note="number of parquet files unknown, layout as in code that loads them",
    candidate_text="title + passage",
    akin=("miracl", "mr-tydi"),
    larger_than_memory=True,
    # 2.45 million passages in 18 languages
    size=BenchmarkSize(queries=QUERIES_OF_DEV, candidates=136_000, query=14, candidate=130),
    reader=lambda: partial(write, record=MIRACL_HARD),
)

CORPUS = ("_id", "title", "text")
QUERIES = ("_id", "text")
JUDGEMENTS = ("query-id", "corpus-id", "score")
SPLIT = "dev"
RUN = 1 << 17  # passages in memory at a time


def write(
    folder: str | Path,
    languages: Sequence[str],
    queries: int | None,
    raw: str | Path,
    record: BenchmarkRecord = MIRACL,
) -> None:
    """Write the benchmark in BCP 47 `languages` into the existing `folder`. Languages outside MIRACL are
    skipped.

    - questions.parquet: question_id = "<language>:<id>", cluster = the least id among the queries with common
      relevant passages, language, text. Queries without any judgement are left out, as in trec_eval. Queries
      with negative judgements only stay, without a row in qrels.
    - candidates.parquet: candidate_id = "<language>:<id>", key = "", language, text = title + " " + text;
      sorted by language, then by SHA-256 of the candidate_id.
    - qrels.parquet: the judgements above 0, with `row`, the row in candidates.parquet.
    - relevant.parquet: the relevant candidates of all queries.
    - pools.json: language -> [first row, number of rows] in candidates.parquet.

    queries: sample size per language, by hash; None: all. A sample keeps all candidates.
    raw: folder of raw files.

    Memory: RUN passages. Disk: twice the text of the largest language. Raises UserError for a missing file or
    column, a repeated passage id, and relevant passages outside the corpus.
    """
    folder, name, codes = Path(folder), record.name, sorted(record.chosen(languages))
    entries = record.files(codes)
    query_rows, relevant, found, pools, end = [], [], [], {}, 0
    schema = pa.schema([(column, pa.string()) for column in CANDIDATES])
    with parquet.ParquetWriter(folder / "candidates.parquet", schema) as candidates:
        for code, corpus, query_files, judged in zip(
            codes, entries[::3], entries[1::3], entries[2::3], strict=True
        ):
            its, answers = _queries(code, query_files, judged, raw, name, queries)
            query_rows += its
            wanted = pa.array(sorted({answer for _, answer in answers}), pa.string())
            row_of: dict[str, int] = {}
            begin = end
            for table in _by_hash(_candidates(code, corpus, raw), folder):
                candidates.write_table(table)
                hits = table.filter(pc.is_in(table["candidate_id"], wanted))
                rows = np.flatnonzero(pc.is_in(table["candidate_id"], wanted)) + end
                row_of |= dict(zip(hits["candidate_id"].to_pylist(), rows.tolist(), strict=True))
                found.append(hits)
                end += len(table)
            lost = sorted(set(wanted.to_pylist()) - set(row_of))
            if lost:
                raise UserError(
                    f"{name}: {len(lost)} relevant passages, such as {lost[0]}, are not in the corpus"
                )
            relevant += [(i, code, answer, row_of[answer]) for i, answer in answers]
            pools[code] = [begin, end - begin]
    tables = {
        "questions": pd.DataFrame(query_rows, columns=list(QUESTIONS)),
        "qrels": pd.DataFrame(relevant, columns=[*QRELS, "row"]),
    }
    for kind, frame in tables.items():
        columns = ["language", *frame.columns[[0, 2]]]
        frame.sort_values(columns, ignore_index=True).to_parquet(folder / f"{kind}.parquet", index=False)
    parquet.write_table(pa.concat_tables(found), folder / "relevant.parquet")
    (folder / "pools.json").write_text(json.dumps(pools, indent=2) + "\n")


def _queries(
    code: str, query_files: Entry, judged: Entry, raw: str | Path, name: str, queries: int | None
) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str]]]:
    """Rows of questions.parquet, and (question_id, candidate_id) of the relevant passages."""
    relevant: dict[str, list[str]] = {}
    for path in _paths(judged, raw):
        judgements = TextFile(path, code)
        for place, row in judgements.parquet(JUDGEMENTS):
            question, passage = (judgements.ident(row[key], place, key) for key in JUDGEMENTS[:2])
            if isinstance(row["score"], bool) or not isinstance(row["score"], int | float):
                raise judgements.error(place, "score: no number; a number is right")
            answers = relevant.setdefault(f"{code}:{question}", [])
            if row["score"] > 0:
                answers.append(f"{code}:{passage}")
    texts: dict[str, str] = {}
    file = None
    for path in _paths(query_files, raw):
        file = TextFile(path, code, together=file)
        for place, row in file.parquet(QUERIES):
            i, text = file.ident(row["_id"], place, "_id"), file.text(row["text"], place)
            if file.once(i, text, place):
                texts[f"{code}:{i}"] = text
    known = [i for i in relevant if i in texts]
    if not known:
        raise UserError(
            f"{name}: no query of {query_files.path} is judged in {judged.path}; right: ids in both files"
        )
    chosen = sample(name, known, None if queries is None else min(queries, len(known)))
    blocks: dict[str, list[str]] = {}
    for i in sorted(chosen):
        for answer in relevant[i] or [i]:
            blocks.setdefault(answer, []).append(i)
    cluster = clusters(list(blocks.values()))
    return (
        [(i, cluster[i], code, texts[i]) for i in sorted(chosen)],
        [(i, answer) for i in sorted(chosen) for answer in dict.fromkeys(relevant[i])],
    )


def _candidates(code: str, corpus: Entry, raw: str | Path) -> Iterator[pa.Table]:
    """The corpus in parts, as rows of candidates.parquet in the order of the files."""
    for batch in _batches(corpus, raw, code):
        ids, titles, texts = map(_texts, batch.columns)
        whole = pc.binary_join_element_wise(titles, texts, " ")
        yield pa.table(
            {
                "candidate_id": pc.binary_join_element_wise(code, ids, ":"),
                "key": pa.repeat("", len(ids)),
                "language": pa.repeat(code, len(ids)),
                "text": pc.if_else(pc.equal(titles, ""), texts, whole),
            }
        )


def _by_hash(parts: Iterator[pa.Table], folder: Path) -> Iterator[pa.Table]:
    """All rows in the order of the SHA-256 of candidate_id, in parts of about the same size.

    Every part is sorted and written to disk. Then the parts are read range of hashes by range of hashes.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sort-") as scratch:
        files: list[str] = []
        for part in parts:
            part = part.append_column("hash", pa.array(_digests(part)[:, 0]))
            files.append(str(Path(scratch) / f"{len(files)}.arrow"))
            with pa.OSFile(files[-1], "wb") as sink, pa.ipc.new_file(sink, part.schema) as writer:
                writer.write_table(part.sort_by("hash").combine_chunks())
        for i in range(len(files)):
            low, high = (j * 2**64 // len(files) for j in (i, i + 1))
            slices = []
            for file in files:
                with pa.memory_map(file) as source:
                    its = pa.ipc.open_file(source).read_all()
                hashes = (
                    its["hash"].chunk(0).to_numpy()
                )  # no copy: only the pages that the search looks at are read
                begin = np.searchsorted(hashes, np.uint64(low))
                end = np.searchsorted(hashes, np.uint64(high - 1), "right")
                slices.append(its.slice(begin, end - begin))
            table = pa.concat_tables(slices).drop_columns("hash")
            table = table.take(np.lexsort(_digests(table).T[::-1])).combine_chunks()
            ids = table["candidate_id"]
            twice = pc.equal(ids.slice(1), ids.slice(0, max(len(ids) - 1, 0)))
            if pc.any(twice).as_py():
                raise UserError(f"candidates: {ids.slice(1).filter(twice)[0]} is there twice; right: once")
            yield table


def _digests(table: pa.Table) -> np.ndarray:
    """SHA-256 of every candidate_id as four numbers, uint64 [N, 4]."""
    joined = b"".join(hashlib.sha256(i.encode()).digest() for i in table["candidate_id"].to_pylist())
    return np.frombuffer(joined, ">u8").reshape(-1, 4).astype(np.uint64)


def _paths(entry: Entry, raw: str | Path) -> list[Path]:
    """The files of an entry. Of several splits, dev."""
    paths = local(entry, raw)
    splits = sorted({path.name.partition("-")[0] for path in paths})
    if len(splits) > 1:
        paths = [path for path in paths if path.name.startswith(f"{SPLIT}-")]
        if not paths:
            raise UserError(f"{entry.path}: found the splits {', '.join(splits)}; right: {SPLIT} is one")
    return paths


def _batches(entry: Entry, raw: str | Path, code: str) -> Iterator[pa.Table]:
    """The corpus, about RUN rows at a time. Rows without any text are counted and stay."""
    held, count = [], 0
    for path in _paths(entry, raw):
        file = TextFile(path, code)
        for batch in file.batches(CORPUS, RUN):
            file.count("rows", len(batch))
            blank = [pc.equal(pc.utf8_trim_whitespace(_texts(batch[name])), "") for name in CORPUS[1:]]
            file.count("empty", pc.sum(pc.and_(*blank)).as_py() or 0)
            held.append(batch.select(list(CORPUS)))
            count += len(batch)
            if count >= RUN:
                yield pa.Table.from_batches(held).combine_chunks()
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def _texts(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.cast(column, pa.string()), "")
