"""Belebele (Bandarkar et al. 2024, arXiv 2308.16884) as retrieval: find the passage of a query.

900 queries on 488 passages of FLORES in 122 languages. A file holds a JSON object per line: link,
question_number, flores_passage, question, and answer choices without a use in retrieval. A query and its
translations have the same link and question_number.
"""

from collections.abc import Sequence
from pathlib import Path

from langscale.data.benchmarks.common import clusters, frames, sample
from langscale.data.download import local
from langscale.data.records import BenchmarkRecord, BenchmarkSize, Frames
from langscale.data.remote_files import Hub
from langscale.data.text_files import TextFile
from langscale.languages.codes import table

# fmt: off
CODES = table(
    "acm_Arab afr_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng "
    "azj_Latn bam_Latn ben_Beng ben_Latn bod_Tibt bul_Cyrl cat_Latn ceb_Latn ces_Latn ckb_Arab dan_Latn "
    "deu_Latn ell_Grek eng_Latn est_Latn eus_Latn fin_Latn fra_Latn fuv_Latn gaz_Latn grn_Latn guj_Gujr "
    "hat_Latn hau_Latn heb_Hebr hin_Deva hin_Latn hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn "
    "isl_Latn ita_Latn jav_Latn jpn_Jpan kac_Latn kan_Knda kat_Geor kaz_Cyrl kea_Latn khk_Cyrl khm_Khmr "
    "kin_Latn kir_Cyrl kor_Hang lao_Laoo lin_Latn lit_Latn lug_Latn luo_Latn lvs_Latn mal_Mlym mar_Deva "
    "mkd_Cyrl mlt_Latn mri_Latn mya_Mymr nld_Latn nob_Latn npi_Deva npi_Latn nso_Latn nya_Latn ory_Orya "
    "pan_Guru pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn ron_Latn rus_Cyrl shn_Mymr sin_Latn sin_Sinh "
    "slk_Latn slv_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn "
    "swh_Latn tam_Taml tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tsn_Latn tso_Latn tur_Latn ukr_Cyrl "
    "urd_Arab urd_Latn uzn_Latn vie_Latn war_Latn wol_Latn xho_Latn yor_Latn zho_Hans zho_Hant zsm_Latn "
    "zul_Latn",
    pbt_Arab="ps",  # Southern Pashto, the only Pashto there
)
# fmt: on
BELEBELE = BenchmarkRecord(
    name="belebele",
    languages=CODES,
    locate=Hub("facebook/belebele", "75b399394a9803252cfec289d103de462763db7c", ("data/{}.jsonl",)),
    licence="CC-BY-SA-4.0",
    candidate_text="passage",
    size=BenchmarkSize(queries=900, candidates=488, query=22, candidate=130),
    reader=lambda: build,
)

FIELDS = ("link", "question_number", "flores_passage", "question")


def build(languages: Sequence[str], queries: int | None, raw: str | Path) -> Frames:
    """Queries, candidates and qrels in BCP 47 `languages`. Languages outside Belebele are skipped.

    queries: sample size, by hash of the query id; None: all. A sample keeps all candidates.
    raw: folder of raw files.

    Returns the tables of `langscale.data.benchmarks.common`: question_id = "<link>#<question_number>",
    cluster = the least query id of the passage; candidates = the distinct passages, candidate_id =
    "<language>:<key>", key = the least query id of the passage. The passage of a query is relevant in every
    language. Raises UserError for a missing or malformed file and for a
    query with two different texts.
    """
    codes = BELEBELE.chosen(languages)
    entries = zip(codes, BELEBELE.files(codes), strict=True)
    rows = {code: _read(local(entry, raw)[0], code) for code, entry in entries}
    chosen = sample(BELEBELE.name, (i for found in rows.values() for i in found), queries)
    passages = {code: _passages(found) for code, found in rows.items()}
    cluster = clusters([ids for texts in passages.values() for ids in texts.values()])
    query_rows, pool = [], []
    answers: dict[str, list[str]] = {}
    for code, texts in passages.items():
        for text, ids in texts.items():
            pool.append((f"{code}:{min(ids)}", min(ids), code, text))
            for i in (i for i in ids if i in chosen):
                query_rows.append((i, cluster[i], code, rows[code][i]["question"]))
                answers.setdefault(i, []).append(pool[-1][0])
    relevant = [(i, code, answer) for i, _, code, _ in query_rows for answer in answers[i]]
    return frames(query_rows, pool, relevant)


def _read(path: Path, code: str) -> dict[str, dict[str, str]]:
    """Query id -> row of one language."""
    found: dict[str, dict[str, str]] = {}
    file = TextFile(path, code)
    for line, row in file.json_lines(*FIELDS):
        i = f"{file.ident(row['link'], line, 'link')}#{file.ident(row['question_number'], line, FIELDS[1])}"
        texts = {name: file.text(row[name], line, name) for name in FIELDS[2:]}
        if file.once(i, texts, line):
            found[i] = texts
    return found


def _passages(rows: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Text of a passage -> ids of its queries."""
    found: dict[str, list[str]] = {}
    for i, row in rows.items():
        found.setdefault(row["flores_passage"], []).append(i)
    return found
