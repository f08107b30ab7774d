import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from support.job_scripts import script
from support.toy_training import (
    LANGUAGES,
    LENGTH,
    MODEL,
    TRAINING,
    data_of,
    equal,
    run,
    sampler_of,
    step_of,
    tables,
    weights,
    world,
)

from langscale.config.training import Validation
from langscale.core.errors import UserError
from langscale.data import subsets
from langscale.data.subsets import build
from langscale.data.tokens import Tokens, tokenise
from langscale.jobs import manifests
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder
from langscale.training.step import Data
from langscale.training.validation import validation_batches, validation_loss


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("training"), hard=2)


class Losses:
    """Stands for a validation: gives the losses one by one, and keeps the weights that it saw."""

    def __init__(self, *values):
        self.values, self.seen = list(values), []

    def __call__(self, step):
        step.module.eval()
        self.seen.append(weights(step.module))
        return self.values[len(self.seen) - 1]


def test_patience_ends_early_and_best_is_kept(toy, tmp_path):
    losses = Losses(3.0, 2.0, 4.0, 2.0)
    validation = Validation(every=2, patience=2)
    _, model, log = run(toy, tmp_path / "run", steps=20, validate=losses, validation=validation)
    assert len(losses.seen) == 4 and log["step"].tolist() == list(range(8))
    assert log["validation_loss"].dropna().to_dict() == {1: 3.0, 3: 2.0, 5: 4.0, 7: 2.0}
    assert equal(weights(Encoder.load(tmp_path / "run/best")), losses.seen[1])
    assert equal(weights(Encoder.load(tmp_path / "run/last")), losses.seen[3])
    assert not equal(losses.seen[1], losses.seen[3])
    # up to its end the run is the one that has no validation
    assert log["loss"].tolist() == run(toy, tmp_path / "plain", steps=20)[2]["loss"].tolist()[:8]


def test_without_patience_a_run_goes_to_its_end(toy, tmp_path):
    losses = Losses(3.0, 4.0, 5.0, 1.0)
    _, _, log = run(toy, tmp_path / "run", steps=7, validate=losses, validation=Validation(every=2))
    assert log["validation_loss"].dropna().to_dict() == {1: 3.0, 3: 4.0, 5: 5.0, 6: 1.0}
    assert equal(weights(Encoder.load(tmp_path / "run/best")), losses.seen[3])


def test_validation_loss_is_a_mean_without_dropout(toy):
    data = data_of(toy)
    validation = Validation(languages="pool", pairs=40)
    batches = validation_batches(data, LANGUAGES, validation, 8)
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    step = step_of(encoder.train(), TRAINING)
    value = validation_loss(data, batches)
    first = value(step)
    assert value(step) == first and not encoder.training
    with torch.no_grad():
        slow = [step.loss(data[0], batch)[0].item() for batch in batches]
    assert first == np.mean(slow) and len(set(slow)) == len(slow)


@pytest.mark.parametrize(
    "pairs, size, expected", [(48, 8, 6), (40, 8, 6), (2, 8, 6), (1000, 8, 126), (300, 500, 6)]
)
def test_pool_validation_is_balanced(toy, pairs, size, expected):
    data = data_of(toy)
    batches = validation_batches(data, LANGUAGES, Validation(languages="pool", pairs=pairs), size)
    kinds = [batch.kind for batch in batches]
    assert len(batches) == expected and kinds.count("mono") == kinds.count("cross") == expected / 2
    mono = [batch for batch in batches if batch.kind == "mono"]
    turns = [int(batch.query_language[0]) for batch in mono]
    assert [turns.count(i) for i in range(3)] == [expected / 6] * 3
    for batch in batches:
        assert len(batch.pairs) == len(set(batch.pairs)) == min(size, 60)
        assert ((batch.query_language == batch.passage_language) == (batch.kind == "mono")).all()
    for one, two in zip(batches[::2], batches[1::2], strict=True):
        assert np.array_equal(one.pairs, two.pairs)


def test_validation_is_the_same_for_every_run(toy):
    """It is drawn from a stream of its own: neither the run's seed nor its languages enter."""
    made = [
        validation_batches(data_of(toy), LANGUAGES, Validation(languages="pool", pairs=60), 8)
        for _ in range(2)
    ]
    for one, two in zip(*made, strict=True):
        assert all(np.array_equal(getattr(one, f), getattr(two, f)) for f in ("pairs", "query_language"))
    train = [sampler_of(data_of(toy), "x-y", seed).batch(0).pairs.tolist() for seed in (1, 2)]
    assert made[0][0].pairs.tolist() not in train


def english_only(toy):
    """The validation set of the paper is in English alone, so that none of its pairs is in the whole pool."""
    pairs, passages = tables(languages=["en"])
    subset = build("squadshifts", pairs, passages, ["en"], LANGUAGES, 0)
    assert not subset.whole.any()
    return [Data(subset.take(whole_pool=False), None, None)]


def test_english_validation(toy):
    batches = validation_batches(english_only(toy), ["en"], Validation(pairs=40), 8)
    assert [batch.kind for batch in batches] == ["mono"] * 5
    assert all((batch.query_language == 0).all() and len(set(batch.pairs)) == 8 for batch in batches)
    assert len(validation_batches(english_only(toy), ["en"], Validation(pairs=40), 500)) == 1


def test_validation_without_pairs_is_refused(toy):
    pairs, passages = tables(languages=["en"])
    data = [Data(build("squadshifts", pairs, passages, LANGUAGES, LANGUAGES, 0), None, None)]
    message = "training.validation: squadshifts has 0 validation pairs in de, en, es; it needs 2"
    with pytest.raises(UserError, match=message):
        validation_batches(data, LANGUAGES, Validation(languages="pool"), 8)


def test_load_data_takes_the_budget(toy):
    whole, part = data_of(toy)[0], data_of(toy, pairs=30, share=3)[0]
    assert len(whole.subset.queries) == 60 and len(part.subset.queries) == 10
    assert np.array_equal(part.subset.queries, whole.subset.queries[:10])
    assert isinstance(part.queries, Tokens) and len(part.queries) == len(toy.pairs)
    assert len(part.passages) == len(toy.passages)


def test_the_train_job_validates_on_english_and_leaves_embeddings(toy, tmp_path, monkeypatch):
    """workflow/scripts/train.py with a validation source that exists in English alone, as SQuADShifts
    does.
    """
    pairs, passages = tables(languages=["en"])
    tokens, tokenizer = tmp_path / "tokens", base.tokenizer(toy.base)
    shutil.copytree(toy.tokens, tokens)
    for side, texts in (("queries", pairs["query"]), ("passages", passages["text"])):
        tokenise(tokens / "source-english/validation" / side, texts, tokenizer, "", LENGTH)
    built = build("english", pairs, passages, ["en"], LANGUAGES, 0)
    subsets.write(tmp_path / "validation", {("english", "validation"): built}, ["en"])
    settings = TRAINING.model_copy(update={"validation": Validation(every=2, pairs=16)})
    embedded = {"model": MODEL.model_dump(include={"architecture", "pooling"}), "initial": None, "threads": 1}
    manifests.write(tokens / "benchmark-toy.json")
    script(
        "train.py",
        params={
            "run": {
                "model": "tiny", "sampler": "x-y", "languages": LANGUAGES, "seed": 1, "steps": 3,
                "sources": ["toy"], "path": "toy run", "take": {"whole_pool": True},
            },
            "model": MODEL.model_dump(),
            "training": settings.model_dump(),
            "validation_languages": ("en",),
            "validation_sources": ["english"],
            "where": {"embed": embedded, "tokens": {"toy": tokens / "benchmark-toy.json"}},
        },
        input={
            "subset": toy.subset, "validation": tmp_path / "validation", "base": toy.base,
            "tokens": [tokens / "source-toy", tokens / "source-english"],
        },
        output={name: tmp_path / "run" / name for name in ("last", "best", "log", "exposure")},
    )  # fmt: skip
    losses = pd.read_csv(tmp_path / "run/log.csv")["validation_loss"].dropna()
    assert losses.index.tolist() == [1, 2] and losses.between(0.01, 99).all()
    # the state that was validated best, and the embeddings of both
    best = weights(Encoder.load(tmp_path / "run/best"))
    last = weights(Encoder.load(tmp_path / "run/last"))
    assert equal(best, last) == (losses.idxmin() == 2)
    assert not (tmp_path / "run/.state").exists()
    # the embed jobs of both find their embeddings made, and those are what a loaded checkpoint gives
    for name in ("last", "best"):
        left = tmp_path / "run/embeddings" / name / "toy"
        made = {file.name: file.read_bytes() for file in left.iterdir()}
        assert len(made) == 2 and not left.with_suffix(".json").exists()
        read = {"checkpoint": tmp_path / f"run/{name}.json", "tokens": tokens / "benchmark-toy.json"}
        with monkeypatch.context() as patch:
            patch.setattr(Encoder, "ready", None)
            script("embed.py", embedded, read, {"data": left})
        assert left.with_suffix(".json").exists()
        again = left.with_name("again")
        script("embed.py", embedded, read, {"data": again})
        assert {file.name: file.read_bytes() for file in again.iterdir()} == made
