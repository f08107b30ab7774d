"""All 132 settings of XQuAD-R with exact ranks and all metrics, compared with one search per setting.

11 mono, 110 cross and 11 multi: 13,090 queries, 13,014 candidates, 384 dimensions. The vectors are made up
and need no download. No step here depends on their values. Every peer gives the full ranking of every query.
The peers take minutes for all settings. So in each round they do the settings of one query language, another
one each round, and their time is scaled by 11. Ours does everything in every round.
"""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import material
import numpy as np
import pandas as pd
from timing import Line, clock, interleaved, left_out, ratios

from langscale.config.terms import SETTINGS
from langscale.core.random import stream
from langscale.retrieval.measures import in_table
from langscale.retrieval.scores import Scores
from langscale.retrieval.search import exact_ranks

WHAT = "all {} settings of XQuAD-R, exact ranks and all metrics, from embeddings"
BAR = 10.0
MEASURES = {"map", "map_cut.20", "recall.1,10", "ndcg_cut.10"}
RANX = ["map", "map@20", "recall@1", "recall@10", "ndcg@10"]


class World:
    """Vectors of the shape of XQuAD-R: per language, `queries` queries and `size` candidates."""

    def __init__(self, languages: int, queries: int, size: int, dimensions: int) -> None:
        draw = stream("rank_speed")
        self.languages = tuple(material.NAMES[:languages])
        self.candidates = _unit(draw.standard_normal((languages * size, dimensions)))
        self.candidate_language = np.repeat(np.arange(languages), size)
        of_question = draw.integers(size, size=queries)
        self.relevant = np.tile(of_question[:, None] + size * np.arange(languages), (languages, 1))
        near = self.candidates[self.relevant].mean(axis=1)
        self.queries = _unit(_unit(near) + draw.standard_normal(near.shape) * 2 / dimensions**0.5)
        self.question_language = np.repeat(np.arange(languages), queries)
        self.questions = pd.DataFrame(
            {
                "question_id": [f"q{i}" for _ in range(languages) for i in range(queries)],
                "cluster": "",
                "language": np.array(self.languages)[self.question_language],
            }
        )

    def settings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(candidate rows, columns of `relevant`) of every setting of a query language, multi last."""
        every = np.arange(len(self.languages))
        for language in every:
            yield np.flatnonzero(self.candidate_language == language), every[language : language + 1]
        yield np.arange(len(self.candidates)), every


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def ours(world: World) -> dict[tuple[str, str], np.ndarray]:
    """Values of every setting and measure, as in the workflow."""
    own, multi = exact_ranks(world.queries, world.candidates, world.candidate_language, world.relevant)
    share = np.zeros((len(own), 3), np.float32)
    scores = Scores(world.questions, world.languages, own, multi, share, len(world.candidates))
    names = [measure.name for measure in in_table("scaling") if measure.of_ranking]
    return {(setting, name): scores.values(setting, name) for setting in SETTINGS for name in names}


def peer(world: World, evaluate: Callable, language: int) -> float:
    """Seconds of a peer for all settings of all languages, scaled from one language."""
    start = clock()
    rows = np.flatnonzero(world.question_language == language)
    for candidates, columns in world.settings():
        evaluate(world, rows, candidates, columns)
    return (clock() - start) * len(world.languages)


def _judged(world: World, rows: np.ndarray, columns: np.ndarray) -> dict[str, dict[str, int]]:
    return {f"q{row}": {f"d{c}": 1 for c in world.relevant[row, columns]} for row in rows}


def _ranked(world: World, rows: np.ndarray, candidates: np.ndarray) -> dict[str, dict[str, float]]:
    """The full ranking of every query by one exact FAISS search, as dictionaries for evaluators."""
    import faiss

    index = faiss.IndexFlatIP(world.candidates.shape[1])
    index.add(world.candidates[candidates])
    scores, found = index.search(world.queries[rows], len(candidates))
    names = np.array([f"d{c}" for c in candidates], dtype=object)
    return {
        f"q{row}": dict(zip(names[places].tolist(), values.tolist(), strict=True))
        for row, places, values in zip(rows, found, scores, strict=True)
    }


def by_pytrec_eval(world: World, rows: np.ndarray, candidates: np.ndarray, columns: np.ndarray) -> float:
    """Mean average precision of one setting by pytrec_eval. All measures are computed."""
    import pytrec_eval

    judged = pytrec_eval.RelevanceEvaluator(_judged(world, rows, columns), MEASURES)
    found = judged.evaluate(_ranked(world, rows, candidates))
    return float(np.mean([values["map"] for values in found.values()]))


def by_ranx(world: World, rows: np.ndarray, candidates: np.ndarray, columns: np.ndarray) -> float:
    """The same by ranx."""
    from ranx import Qrels, Run, evaluate

    judged, run = Qrels(_judged(world, rows, columns)), Run(_ranked(world, rows, candidates))
    return float(evaluate(judged, run, RANX)["map"])


def by_mteb(world: World, rows: np.ndarray, candidates: np.ndarray, columns: np.ndarray) -> float:
    """The same by mteb."""
    from datasets import Dataset, disable_progress_bars
    from mteb._evaluators.retrieval_evaluator import RetrievalEvaluator
    from mteb.models.search_wrappers import SearchEncoderWrapper
    from mteb.timing import TimingStack

    class Known:
        """An encoder with precomputed vectors."""

        mteb_model_meta = None

        def encode(self, inputs, *, prompt_type, **_):
            return world.queries[rows] if "query" in str(prompt_type) else world.candidates[candidates]

        def similarity(self, queries, documents):
            return queries @ documents.T

    disable_progress_bars()
    evaluator = RetrievalEvaluator(
        Dataset.from_dict({"id": [f"d{c}" for c in candidates], "text": [""] * len(candidates)}),
        Dataset.from_dict({"id": [f"q{row}" for row in rows], "text": [""] * len(rows)}),
        task_metadata=SimpleNamespace(modalities=["text"], get_modalities=lambda _: ["text"]),
        hf_split="",
        hf_subset="",
        top_k=len(candidates),
        timer=TimingStack(),
    )
    found = evaluator(SearchEncoderWrapper(Known()), {"show_progress_bar": False})
    values = evaluator.evaluate(_judged(world, rows, columns), found, [1, 10, 20, len(candidates)])
    return float(values.map[f"MAP@{len(candidates)}"])


PEERS = {
    "pytrec_eval": ("FAISS search and pytrec_eval per setting", by_pytrec_eval),
    "ranx": ("FAISS search and ranx per setting", by_ranx),
    "mteb": ("mteb's retrieval evaluator per setting", by_mteb),
}


def check(world: World, name: str) -> None:
    """Stop if a peer's mean average precision differs from ours in a setting of the first language."""
    values, found = ours(world), PEERS[name][1]
    rows = np.flatnonzero(world.question_language == 0)
    for i, (candidates, columns) in enumerate(world.settings()):
        setting = "multi" if len(columns) > 1 else "mono" if i == 0 else "cross"
        own = values[setting, "mAP"][rows]
        mine, theirs = own[:, i if setting == "cross" else 0].mean(), found(world, rows, candidates, columns)
        if abs(mine - theirs) > 1e-4:
            raise SystemExit(f"{name}: mAP {theirs} in {setting}, ours {mine}: the times cannot be compared")


def lines(setting: material.Setting) -> list[Line]:
    """One line for each peer."""
    world = World(3, 10, 30, 16) if setting.quick else World(11, 1190, 1183, 384)
    count = len(world.languages) * (len(world.languages) + 1)
    what, rounds = WHAT.format(count), 2 if setting.quick else 3
    toy, works, remarks, absent = World(2, 4, 8, 8), {}, {}, []
    for name, (against, evaluate) in PEERS.items():
        if setting.quick and name != "pytrec_eval":
            continue
        try:
            start = clock()
            check(toy, name)  # imports and, in ranx, compiles
            remarks[name] = f"imports and first call, {clock() - start:.0f} s, not counted"
        except ImportError as error:
            absent.append(left_out(what, against, BAR, str(error)))
            continue
        works[name] = _turns(world, evaluate)
    works["ours"] = lambda: _discard(ours(world))
    works["product"] = lambda: _discard(_product(world))
    seconds = interleaved(works, rounds)
    limit = float(np.median(ratios(seconds["product"], seconds["ours"])))
    part = (
        f"in a round the peer does the settings of one query language of {len(world.languages)}, another one "
        f"each round, scaled by {len(world.languages)}; ours does all"
    )
    remarks = {name: f"{rounds} rounds; {part}; {text}" for name, text in remarks.items()}
    return absent + [
        Line(
            what,
            PEERS[name][0],
            ratios(seconds[name], seconds["ours"]),
            "x",
            BAR,
            ours=f"{np.median(seconds['ours']):.1f} s",
            theirs=f"{np.median(seconds[name]):.0f} s",
            limit=f"{limit:.0%} of the matrix product alone",
            remark=remark,
        )
        for name, remark in remarks.items()
    ]


def _turns(world: World, evaluate: Callable) -> Callable[[], float]:
    """A peer's work, on another query language at each call."""
    language = iter(range(10**6))
    return lambda: peer(world, evaluate, next(language) % len(world.languages))


def _product(world: World) -> np.ndarray:
    """Scores of all queries and candidates, block by block: the lower limit of the work."""
    out = np.empty((256, len(world.candidates)), np.float32)
    for start in range(0, len(world.queries) - 255, 256):
        np.matmul(world.queries[start : start + 256], world.candidates.T, out=out)
    return out


def _discard(_: object) -> None:
    """Drop a result, so that `interleaved` does not take it for a time."""
