"""Tatoeba (Artetxe & Schwenk 2019; XTREME): find the English translation of a sentence.

Up to 1,000 sentences per language with their English translations, a different set in every language. A file
holds a JSON object per line, sentence1 in the language, sentence2 in English. Queries are the sentences in
the language and candidates the English ones, as in XTREME and XTREME-R (arXiv:2104.07412). Their accuracy of
the nearest neighbour is R@1 in the cross setting.

Each language is a task of its own: the candidates of a German query are its 1,000 English sentences, and no
English sentences of other pairs. So the English side of the pair with `de` is the language `en-x-de` (BCP 47,
private use). It counts as English in pair sets. Mono has no candidates, and multi mixes the pairs. That is no
published measure.
"""

from collections.abc import Sequence
from pathlib import Path

from langscale.data.benchmarks.common import frames, sample
from langscale.data.download import local
from langscale.data.records import BenchmarkRecord, BenchmarkSize, Frames, XtremeTask
from langscale.data.remote_files import Hub
from langscale.data.text_files import TextFile
from langscale.languages.codes import table

# fmt: off
CODES = table(
    "afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan "
    "deu dsb dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind "
    "isl ita jav jpn kab kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob "
    "nov oci orv pam pes pms pol por ron rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur "
    "tzl uig ukr urd uzb vie war wuu xho yid yue zsm",
    kzj="kzj",  # CLDR joins Coastal Kadazan to dtp, which is there too
)
# fmt: on
TATOEBA = BenchmarkRecord(
    name="tatoeba",
    languages=CODES,  # English is the other side of every pair and has no file of its own
    locate=Hub(
        "mteb/tatoeba-bitext-mining", "69e8f12da6e31d59addadda9a9c8a2e601a0e282", ("test/{}-eng.jsonl.gz",)
    ),
    licence="CC-BY-2.0",
    akin=("bitext",),  # such training is the same task
    size=BenchmarkSize(queries=1_000, candidates=1_000, query=12, candidate=12),
    reader=lambda: build,
    xtreme_r=XtremeTask("Tatoeba, to English", "sentence", "cross"),
)

FIELDS = ("sentence1", "sentence2")


def english(code: str) -> str:
    """The code of the English side of the pair with language `code`."""
    return f"en-x-{code}"


def build(languages: Sequence[str], queries: int | None, raw: str | Path) -> Frames:
    """Queries in each of the BCP 47 `languages` in Tatoeba, their English candidates, and qrels.

    queries: sentences per language, a fixed sample by hash; None: all. A sample keeps all candidates.
    raw: folder of raw files.

    Returns the tables of `langscale.data.benchmarks.common`: question_id = cluster = key = "de-0001" by line,
    language `de` of a query and `en-x-de` of a candidate, candidate_id = "<language>:<key>". The translation
    is relevant. Raises UserError for a missing or malformed file.
    """
    codes = TATOEBA.chosen(languages)
    query_rows, pool, relevant = [], [], []
    for code, entry in zip(codes, TATOEBA.files(codes), strict=True):
        side = english(code)
        pairs = {f"{code}-{n:04d}": pair for n, pair in enumerate(_read(local(entry, raw)[0], code), 1)}
        chosen = sample(TATOEBA.name, pairs, None if queries is None else min(queries, len(pairs)))
        for i, (text, translation) in pairs.items():
            pool.append((f"{side}:{i}", i, side, translation))
            if i in chosen:
                query_rows.append((i, i, code, text))
                relevant.append((i, code, f"{side}:{i}"))
    return frames(query_rows, pool, relevant)


def _read(path: Path, code: str) -> list[tuple[str, str]]:
    """(Sentence, English sentence) of every line."""
    file = TextFile(path, code)
    return [
        (file.text(row[FIELDS[0]], line, FIELDS[0]), file.text(row[FIELDS[1]], line, FIELDS[1]))
        for line, row in file.json_lines(*FIELDS)
    ]
