"""Scripts of adapters in this process: own vectors from texts to scores, groups of runs, runs made before."""

import json

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from support.job_scripts import script
from support.toy_training import LANGUAGES, TRAINING, tables

from langscale.config.model import AdapterOptions
from langscale.core.errors import UserError
from langscale.data import subsets
from langscale.data.benchmarks.built import Benchmark
from langscale.data.vector_store import Store, Vectors
from langscale.jobs import manifests
from langscale.models.adapter import Adapter
from langscale.retrieval.scores import Scores

PREFIXES = {"query_prefix": "q: ", "passage_prefix": "p: "}
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a source, a benchmark of the same texts, and the subset of all languages."""
    folder = tmp_path_factory.mktemp("study")
    pairs, passages = tables()
    for name, table in (("pairs", pairs), ("passages", passages)):
        Dataset.from_pandas(table, preserve_index=False).save_to_disk(folder / f"data/toy/train/{name}")
    candidates = passages.rename(columns={"passage_id": "key"})
    candidates["candidate_id"] = candidates["language"] + candidates["key"]
    questions = pairs.rename(columns={"pair_id": "question_id", "query": "text"})
    questions["cluster"] = questions["question_id"]
    relevant = questions[["question_id", "language", "passage_id"]].merge(
        candidates[["key", "candidate_id"]], left_on="passage_id", right_on="key"
    )
    (folder / "benchmarks/toy").mkdir(parents=True)
    for name, table, columns in (
        ("questions", questions, ["question_id", "cluster", "language", "text"]),
        ("candidates", candidates, ["candidate_id", "key", "language", "text"]),
        ("qrels", relevant, ["question_id", "language", "candidate_id"]),
    ):
        table[columns].to_parquet(folder / f"benchmarks/toy/{name}.parquet")
    built = subsets.build("toy", pairs, passages, LANGUAGES, LANGUAGES, 0)
    subsets.write(folder / "subset", {("toy", "train"): built}, LANGUAGES)
    for name in ("data/toy", "benchmarks/toy", "subset"):
        manifests.write(folder / f"{name}.json")
    return folder


@pytest.fixture(scope="module")
def own(study):
    """The folder of a user's vectors: made up, a bag of words each."""
    script(
        "texts.py",
        params={"model": PREFIXES},
        input={"sources": [study / "data/toy"], "benchmarks": [study / "benchmarks/toy"]},
        output={0: study / "texts"},
    )
    lines = (study / "texts.json").read_text().split("\n")[:-1]
    rows = [json.loads(line) for line in lines]
    assert (
        len(rows) == 2 * 180
    )  # each distinct text once: queries and passages of the source are the benchmark's
    assert {row["text"][:3] for row in rows if row["role"] == "query"} == {"q: "}
    draw = {}
    vectors = [
        sum(draw.setdefault(word, np.random.default_rng(len(draw)).normal(size=12)) for word in text.split())
        for text in (row["text"] for row in rows)
    ]
    folder = study / "own"
    folder.mkdir()
    np.save(folder / "vectors.npy", np.array(vectors, np.float32))
    (folder / "ids.txt").write_text("\n".join(row["id"] for row in rows))
    return folder


@pytest.fixture(scope="module")
def indexed(study, own):
    """Indices of both text sets, in a store that they share."""
    for kind, name in (("source", "data/toy"), ("benchmark", "benchmarks/toy")):
        script(
            "own_vectors.py",
            params={
                "kind": kind, "model": PREFIXES, "code": {}, "where": {"store": study / "store", "path": own},
            },
            input={"texts": study / name, "files": sorted(own.iterdir())},
            output={"data": study / f"vectors/{kind}-toy"},
        )  # fmt: skip
    return study / "vectors"


def train(study, indexed, folder, seeds=SEEDS):
    """Train the runs of one point with workflow/scripts/adapters.py."""
    runs = {seed: folder / f"seed{seed}" for seed in seeds}
    inputs = {
        "subset": str(study / "subset.json"), "vectors": [str(indexed / "source-toy.json")], "validation": []
    }  # fmt: skip
    params = [
        {
            "run": {
                "model": "own", "sampler": "x-y", "languages": LANGUAGES, "seed": seed, "steps": 5,
                "sources": ["toy"], "path": f"own run {seed}", "take": {"whole_pool": True},
            },
            "model": PREFIXES,
            "adapter": AdapterOptions().model_dump(),
            "training": TRAINING.model_dump(),
            "validation_languages": [],
            "validation_sources": [],
            "code": {},
        }
        for seed in seeds
    ]  # fmt: skip
    names = ("last", "log", "exposure")
    outputs = [{name: str(runs[seed] / f"{name}.json") for name in names} for seed in seeds]
    where = {"store": study / "store", "inputs": [inputs] * len(seeds), "outputs": outputs}
    script("adapters.py", params={"runs": params, "where": where}, input={}, output={})
    return runs


@pytest.fixture(scope="module")
def runs(study, indexed):
    return train(study, indexed, study / "runs")


def test_vectors_of_a_user_become_base_vectors(study, own, indexed):
    index = indexed / "benchmark-toy/candidates"
    found = Vectors.load(index, Store.of(index, study / "store"))
    candidates = pd.read_parquet(study / "benchmarks/toy/candidates.parquet")
    rows = {row["id"]: row for row in map(json.loads, (study / "texts.json").read_text().split("\n")[:-1])}
    by_text = {
        rows[i]["text"]: v
        for i, v in zip((own / "ids.txt").read_text().split(), np.load(own / "vectors.npy"), strict=True)
        if rows[i]["role"] == "passage"
    }
    expected = np.stack([by_text["p: " + text] for text in candidates["text"]])
    assert np.array_equal(found[np.arange(len(found))], expected)


def test_a_point_is_trained_in_one_job_as_each_run_alone(study, indexed, runs, tmp_path):
    for seed, folder in runs.items():
        assert sorted(path.name for path in folder.glob("*.json")) == [
            "exposure.json",
            "last.json",
            "log.json",
        ]
        (alone,) = train(study, indexed, tmp_path / "alone", [seed]).values()
        for name in ("last/adapter.safetensors", "last/adapter.json", "exposure.csv"):
            assert (alone / name).read_bytes() == (folder / name).read_bytes()
    facts = Adapter.load(runs[1] / "last").facts
    assert facts["model"] == "own" and facts["query_prefix"] == "q: " and facts["seed"] == 1


def test_runs_that_were_made_are_left_alone(study, indexed, runs):
    """Snakemake deleted the manifests of a point, to which a replicate was added."""
    before = {seed: (folder / "last/adapter.safetensors").stat().st_mtime_ns for seed, folder in runs.items()}
    for folder in runs.values():
        (folder / "last.json").unlink()
    more = train(study, indexed, study / "runs", [*SEEDS, 3])
    assert all((folder / "last.json").exists() for folder in more.values())
    after = {seed: (folder / "last/adapter.safetensors").stat().st_mtime_ns for seed, folder in runs.items()}
    assert before == after


def score(study, indexed, outputs, checkpoints):
    """Score runs (None: the untrained row) with workflow/scripts/score_adapters.py."""
    inputs = [
        {
            "benchmark": str(study / "benchmarks/toy.json"), "vectors": str(indexed / "benchmark-toy.json"),
            "checkpoint": str(run / "last.json") if run else [],
        }
        for run in checkpoints
    ]  # fmt: skip
    where = {"store": study / "store", "inputs": inputs, "outputs": outputs}
    scores = {"top_k": 100, "controls": True, "code": {}}
    script("score_adapters.py", params={"scores": scores, "where": where}, input={}, output={})


def test_scores_are_ranks_by_loops(study, indexed, runs, tmp_path):
    checkpoints = [None, runs[1]]
    outputs = [{k: str(tmp_path / f"{i}/{k}.json") for k in ("rankings", "scores")} for i in range(2)]
    score(study, indexed, outputs, checkpoints)
    benchmark = Benchmark.load(study / "benchmarks/toy")
    questions, candidates = (
        Vectors.load(
            indexed / f"benchmark-toy/{side}", Store.of(indexed / f"benchmark-toy/{side}", study / "store")
        )
        for side in ("questions", "candidates")
    )
    maps = []
    for i, run in enumerate(checkpoints):
        adapter = Adapter.load(run / "last") if run else Adapter()
        q, c = (v[np.arange(len(v))].astype(float) for v in (questions, candidates))
        if run:
            q, c = (x @ adapter.weights["weight"].astype(float) for x in (q, c))
        cosine = (q / np.linalg.norm(q, axis=1, keepdims=True)) @ (
            c / np.linalg.norm(c, axis=1, keepdims=True)
        ).T
        scores = Scores.load(tmp_path / f"{i}/scores.parquet")
        for row in range(0, len(q), 17):
            for language in range(len(benchmark.languages)):
                relevant = benchmark.relevant[row, language]
                above = (cosine[row] > cosine[row, relevant] + 1e-6).sum()
                near = (abs(cosine[row] - cosine[row, relevant]) <= 1e-6).sum()
                assert above < scores.multi[row, language] <= above + near
        top = np.load(tmp_path / f"{i}/rankings.npy")
        assert top.shape == (len(q), 100)
        maps.append(scores.values("multi", "mAP").mean())
    assert maps[0] != maps[1]


def test_verify_compares_the_shards_of_the_store_with_the_indices(study, indexed, capsys):
    indices = [str(indexed / f"{kind}-toy.json") for kind in ("source", "benchmark")]
    params = {"manifests": indices, "raw": [], "vectors": indices, "store": study / "store"}
    script("verify.py", params=params, input={}, output={})
    files = sum(len(manifests.read(index)) for index in indices)
    shards = sorted((study / "store").rglob("vectors.npy"))
    assert f"verify: {files + len(shards)} files are as they were made" in capsys.readouterr().err
    kept = shards[0].read_bytes()
    shards[0].write_bytes(kept[:-4] + bytes(4))
    try:
        with pytest.raises(UserError, match=rf"^verify: 1 of {files + len(shards)} files are damaged"):
            script("verify.py", params=params, input={}, output={})
    finally:
        shards[0].write_bytes(kept)
    assert f"{shards[0]}: SHA-256 " in capsys.readouterr().err


def cut_scores(study, inputs, folder, dimensions):
    """Scores of one run by workflow/scripts/score_dimensions.py, at each of the dimensions."""
    outputs = [
        {name: str(folder / f"{k}/{name}.json") for name in ("rankings", "scores")} for k in dimensions
    ]
    where = {"store": study / "store", "inputs": [inputs] * len(dimensions), "outputs": outputs}
    scores = {"top_k": 100, "controls": True, "code": {}}
    params = {"scores": scores, "dimensions": dimensions, "where": where}
    script("score_dimensions.py", params=params, input={}, output={})
    return [(folder / f"{k}/scores.parquet") for k in dimensions]


def test_cut_vectors_are_ranked_alike_from_an_adapter_and_from_embeddings(study, indexed, runs, tmp_path):
    adapter, vectors = Adapter.load(runs[1] / "last"), {}
    for side, role in (("questions", "query"), ("candidates", "passage")):
        index = indexed / f"benchmark-toy/{side}"
        base = Vectors.load(index, Store.of(index, study / "store"))
        vectors[side] = adapter.apply(base[np.arange(len(base))], role)
    (tmp_path / "embeddings").mkdir()
    for side, found in vectors.items():
        np.save(tmp_path / f"embeddings/{side}.npy", found)
    manifests.write(tmp_path / "embeddings.json")
    benchmark = {"benchmark": str(study / "benchmarks/toy.json")}
    inner = {"vectors": str(indexed / "benchmark-toy.json"), "checkpoint": str(runs[1] / "last.json")}
    ours = cut_scores(study, benchmark | inner, tmp_path / "adapter", [3, 7])
    theirs = cut_scores(
        study, benchmark | {"embeddings": str(tmp_path / "embeddings.json")}, tmp_path / "full", [3, 7]
    )
    maps = []
    for k, file, other in zip((3, 7), ours, theirs, strict=True):
        assert file.read_bytes() == other.read_bytes()
        q, c = (vectors[side][:, :k].astype(float) for side in ("questions", "candidates"))
        cosine = (q @ c.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(c, axis=1)
        scores, relevant = Scores.load(file), Benchmark.load(study / "benchmarks/toy").relevant
        for row in range(0, len(q), 17):
            for language in range(relevant.shape[1]):
                own = cosine[row, relevant[row, language]]
                above, near = (cosine[row] > own + 1e-6).sum(), (abs(cosine[row] - own) <= 1e-6).sum()
                assert above < scores.multi[row, language] <= above + near
        maps.append(scores.values("multi", "mAP").mean())
    assert maps[0] != maps[1]
    # what was made is left alone, and the manifest is written again
    made = ours[0].stat().st_mtime_ns
    (tmp_path / "adapter/3/scores.json").unlink()
    cut_scores(study, benchmark | inner, tmp_path / "adapter", [3])
    assert (tmp_path / "adapter/3/scores.json").exists() and ours[0].stat().st_mtime_ns == made


def test_a_width_that_only_the_folder_tells_is_checked_before_training(study, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"hidden_size": 12}')

    def width(*dimensions):
        params = {"key": "models.m.dimensions", "dimensions": dimensions}
        script("width.py", params=params, input={"base": tmp_path / "base"}, output={0: tmp_path / "width"})

    width(4, 11)
    assert json.loads((tmp_path / "width.json").read_text()) == {"width": 12}
    with pytest.raises(UserError, match=r"^models\.m\.dimensions: found 12; its vectors have 12 numbers"):
        width(4, 12)


def test_a_store_that_was_deleted_is_named(study, indexed, tmp_path):
    outputs = [{k: str(tmp_path / f"{k}.json") for k in ("rankings", "scores")}]
    kept = study / "store"
    kept.rename(study / "away")
    try:
        with pytest.raises(UserError, match="missing; delete .*, so that its base vectors are made again"):
            score(study, indexed, outputs, [None])
    finally:
        (study / "away").rename(kept)
