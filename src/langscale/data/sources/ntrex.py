"""NTREX-128: one set of 123 English news texts, translated by people into 127 languages and varieties.

The set is a text per language, 1,997 parallel lines, and the document of every line (Federmann, Kocmi, Xin
2022). It has no queries. Pairs are made by an inverse cloze task (Lee, Chang, Toutanova 2019,
arXiv:1906.00300), with a sentence as the query and its surroundings, without it, as the passage:

- A document is cut evenly into blocks of about 11 lines. The lines 0, 2, 4, ... of a block are queries (the
  first line of a document is its headline), the lines 1, 3, 5, ... joined are the passage of all of them. So
  no query is a line of any passage, and the neighbours of a query are in its passage.
- A query counts if in English it has five words, shares a rare word with its passage (a word of fewer than 5
  % of all lines, because "He said so himself" belongs to any text), and is not repeated in a line of the
  passage (90 % of its words).

The result is 921 pairs and 185 passages of 115 English words, as long as SQuAD's paragraphs. The choice was
measured by retrieval of the passage among all passages of a language, with BM25 over character n-grams of 2
to 4 and with multilingual-e5-small (4-bit weights), as mean reciprocal rank scaled to 300 passages:

    English                                   pairs  passages  BM25   e5   rank 1 by e5
    a sentence and the next three               503       503   .40   .49      .31
    alternate lines of blocks of 5              863       397   .39   .44      .26
    alternate lines of blocks of 11            1043       185   .52   .53      .43
    the same, with the conditions above         921       185   .57   .57      .47
    alternate lines of whole documents         1033       123   .64   .61      .55
    a headline and its text                     123       123   .83

85 % are among the first ten. Errors in small blocks are mostly another block of the same text, which fits the
query as well. Whole texts exceed 256 tokens in half of all cases, blocks of 11 in 7 % (English) and 15 %
(German). BM25 is alike in other languages (de .58, ru .58, zh .59, ar .59, hi .61, sw .58, fi .60, th .63)
and fails across scripts (ru queries, en passages: .08). Translations seldom repeat a query in its passage
word by word: Dzongkha in 26 pairs, others in 3 at most.

The choice of pairs depends on the English text alone, so that ids do not depend on a study's languages.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from langscale.core.errors import UserError
from langscale.data.records import SourceRecord, SourceSize
from langscale.data.remote_files import Entry, Web
from langscale.data.sources.common import check_part, local, part_of, rank, tables
from langscale.data.text_files import TextFile
from langscale.languages.codes import table

# fmt: off
CODES = table(
    "afr amh arb aze-Latn bak bel bem ben bod bos bul cat ces ckb-Arab cym dan deu div dzo ell eng eng-GB "
    "eng-IN eng-US est eus ewe fao fas fij fil fin fra fra-CA fuc gle glg guj hau heb hin hmn hrv hun hye "
    "ibo ind isl ita jpn kan kat kaz khm kin kir kmr kor lao lav lit ltz mal mar mey mkd mlg mlt mon mri "
    "msa mya nde nep nld nno nob nso nya orm pan pol por por-BR prs pus ron rus shi sin slk slv smo "
    "sna-Latn snd-Arab som spa spa-MX sqi srp-Cyrl srp-Latn ssw swa swe tah tam tat tel tgk-Cyrl tha tir "
    "ton tsn tuk tur uig ukr urd uzb ven vie wol xho yor yue zho-CN zho-TW zul",
    zho_CN="zh", zho_TW="zh-Hant",
    mey="mey-Arab", shi="shi-Arab",  # CLDR would have mey in Latin and shi in Tifinagh script
)
# fmt: on
HOME = "https://raw.githubusercontent.com/MicrosoftTranslator/NTREX/8561f6a622db9edad1217683e5c83daefd8bb2bf"


def _locate(codes: Sequence[str]) -> list[Entry]:
    """The document ids, the English original, and the translations."""
    texts = (f"NTREX-128/newstest2019-{'src' if code == 'eng' else 'ref'}.{code}.txt" for code in codes)
    return Web(HOME, shared=("DOCUMENT_IDS.tsv", *texts))(())


NTREX = SourceRecord(
    name="ntrex",
    languages=CODES,
    locate=_locate,
    needs=("en",),  # the pairs are chosen on the English text
    licence="CC-BY-SA-4.0",
    size=SourceSize(pairs=856, query=38, passage=120),
    counted=lambda codes: 856 if all(code in CODES for code in codes) else 0,
    reader=lambda: build,
)

BLOCK = 11  # lines
RARE = 0.05  # of all lines at most have a rare word
SHORT = 5  # words
REPEATED = 0.9  # of a query's words
SHARE = 0.1  # of the documents validate


def build(
    part: str, languages: Sequence[str], raw: str | Path, pairs: int | None = None, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs and passages of "train" or "validation", from different documents.

    Tables and arguments as of `langscale.data.sources.common`. `pairs` counts ids, each in every language
    (None: all). Raises UserError for another part, for languages outside the set, and for missing files or
    files of unequal length.
    """
    check_part("ntrex", part)
    texts = {language: lines(language, raw) for language in NTREX.chosen(languages)}
    found = sorted(chosen_pairs(raw, part), key=lambda pair: rank("ntrex", pair[0], seed))[:pairs]
    return tables(
        (
            (pair_id, language, its[query], passage_id, [])
            for language, its in texts.items()
            for pair_id, query, passage_id, _ in found
            if its[query]
        ),
        (
            (passage_id, language, " ".join(its[line] for line in passage))
            for language, its in texts.items()
            for _, _, passage_id, passage in found
            if any(its[line] for line in passage)
        ),
    )


def chosen_pairs(raw: str | Path, part: str) -> list[tuple[str, int, str, list[int]]]:
    """(Pair id, line of the query, passage id, lines of the passage) of all pairs of a part."""
    english = [set(re.findall(r"\w+", line.lower())) for line in lines("en", raw)]
    counts = Counter(word for words in english for word in words)
    rare = {word for word, count in counts.items() if count < RARE * len(english)}

    def fits(query: int, passage: list[int]) -> bool:
        words = english[query]
        repeated = max((len(words & english[line]) for line in passage), default=0) >= REPEATED * len(words)
        return len(words) >= SHORT and not repeated and any(words & english[line] & rare for line in passage)

    found = []
    for document, rows in documents(raw).items():
        if part_of("ntrex", document, SHARE) != part:
            continue
        for block in np.array_split(rows, max(1, round(len(rows) / BLOCK))):
            queries, passage = block[::2].tolist(), block[1::2].tolist()
            found += [
                (
                    f"ntrex:{document}:{query - rows[0]}",
                    query,
                    f"ntrex:{document}:block{block[0] - rows[0]}",
                    passage,
                )
                for query in queries
                if fits(query, passage)
            ]
    return found


def documents(raw: str | Path) -> dict[str, list[int]]:
    """The lines of every document."""
    found: dict[str, list[int]] = {}
    for line, document in enumerate(_read(NTREX.files_of(["en"])[0], raw)):
        found.setdefault(document, []).append(line)
    return found


def lines(language: str, raw: str | Path) -> list[str]:
    """The text in a language. Raises UserError if its lines are not as many as the document ids."""
    ids, text = NTREX.files_of([language])
    found, right = _read(text, raw, language), len(_read(ids, raw))
    if len(found) != right:
        raise UserError(
            f"ntrex: {local(text, raw)} has {len(found)} lines; right: {right}, as {local(ids, raw)}"
        )
    return found


def _read(entry: Entry, raw: str | Path, language: str = "") -> list[str]:
    """The cleaned lines of a file. An empty line is counted, and its pairs have no text to give."""
    file, found = TextFile(local(entry, raw), language), []
    for number, line in file.lines():
        file.count("rows")
        found.append(file.clean(line, number))
    return found
