"""A world small enough to train in a second: pairs that exist in several made-up languages, a one-layer
model.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from langscale.config.model import Model
from langscale.config.sampler import Spec
from langscale.config.training import Training
from langscale.data import subsets
from langscale.data.tokens import Tokens, tokenise
from langscale.data.vector_store import Store, Vectors, token_keys, write_index
from langscale.models import pretrained as base
from langscale.training.batches import Sampler

ROOT = Path(__file__).parents[2]
LANGUAGES = ("de", "en", "es")
LENGTH = 16
MODEL = Model(
    architecture={
        "model_type": "bert",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "initializer_range": 0.2,  # large, so that vectors of different texts differ before training too
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    },
    vocabulary=400,
    query_prefix="Query: ",
    passage_prefix="Passage: ",
    query_length=LENGTH,
    passage_length=LENGTH,
)
TRAINING = Training(batch_size=8, learning_rate=1e-2, scale=20, precision="float32")


def tables(pairs: int = 60, hard: int = 0, languages=LANGUAGES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(pairs, passages) as a source gives them. Texts open with their language: "de a3" asks for "de a3 c3
    d d d ".
    """
    asked, given = [], []
    for language in languages:
        for i in range(pairs):
            negatives = [f"p{(i + j + 1) % pairs:02}" for j in range(hard)]
            asked.append((f"q{i:02}", language, f"{language} a{i}", f"p{i:02}", negatives))
            given.append((f"p{i:02}", language, f"{language} a{i} c{i % 7} {'d ' * (i % 5)}"))
    return (
        pd.DataFrame(asked, columns=["pair_id", "language", "query", "passage_id", "negative_ids"]),
        pd.DataFrame(given, columns=["passage_id", "language", "text"]),
    )


@dataclass(frozen=True)
class World:
    """Folders of a model's base, its tokens and the subset of all languages, as the workflow lays them
    out.
    """

    base: Path
    tokens: Path
    subset: Path
    pairs: pd.DataFrame
    passages: pd.DataFrame


def world(folder: Path, model: Model = MODEL, hard: int = 0) -> World:
    """The toy source `toy`, whose two parts are the same, and a benchmark `benchmark-toy` of all its
    texts.
    """
    pairs, passages = tables(hard=hard)
    texts = {"queries": pairs["query"], "passages": passages["text"]}
    prefixed = [model.query_prefix + texts["queries"], model.passage_prefix + texts["passages"]]
    base.make(folder / "base", model, pd.concat(prefixed))
    tokenizer = base.tokenizer(folder / "base")
    for part in ("train", "validation"):
        for side, prefix in (("queries", model.query_prefix), ("passages", model.passage_prefix)):
            tokenise(folder / "tokens/source-toy" / part / side, texts[side], tokenizer, prefix, LENGTH)
    for side, name in (("questions", "queries"), ("candidates", "passages")):
        tokenise(folder / "tokens/benchmark-toy" / side, texts[name], tokenizer, "", LENGTH)
    built = subsets.build("toy", pairs, passages, LANGUAGES, LANGUAGES, hard)
    subsets.write(folder / "subset", {("toy", part): built for part in ("train", "validation")}, LANGUAGES)
    return World(folder / "base", folder / "tokens", folder / "subset", pairs, passages)


def data_of(toy: World, **take) -> list:
    """The toy source as `steps.load_data` gives it."""
    from langscale.training.step import load_data

    def read(source: str, side: str) -> Tokens:
        return Tokens.load(toy.tokens / f"source-{source}/train/{side}")

    return load_data(toy.subset, ["toy"], "train", {"whole_pool": True} | take, read)


def sampler_of(data: list, kind: str = "hybrid", seed: int = 1, size: int = TRAINING.batch_size) -> Sampler:
    """A sampler of all toy languages."""
    return Sampler(Spec.parse(kind), LANGUAGES, [d.index() for d in data], size, seed)


def step_of(encoder, settings: Training = TRAINING, toy: World | None = None, model: Model = MODEL):
    """The step of an encoder on the CPU; checkpoints need the `toy` that has the tokenizer."""
    import torch  # the job that takes embeddings runs without it

    from langscale.training.encoder import EncoderStep

    return EncoderStep(encoder, settings, lambda folder: encoder.save(folder, toy.base), torch.device("cpu"))


def vector_data_of(toy: World, store: Store, **take) -> list:
    """The toy source with base vectors of the untrained encoder, which `store` gets where it lacks them."""
    from langscale.models.encoder import Encoder
    from langscale.retrieval.base_vectors import embed_missing
    from langscale.training.step import load_data

    texts = {side: Tokens.load(toy.tokens / f"source-toy/train/{side}") for side in ("queries", "passages")}
    embed_missing(Encoder.initial(toy.base, "tiny", MODEL, 1), list(texts.values()), store, positions=LENGTH)

    def read(source: str, side: str) -> Vectors:
        index = store.folder / ".index" / side
        write_index(index, token_keys(texts[side]), texts[side].fingerprints, store, {})
        return Vectors.load(index, store)

    return load_data(toy.subset, ["toy"], "train", {"whole_pool": True} | take, read)


def run(
    toy: World, folder: Path, steps: int = 6, seed: int = 1, kind: str = "hybrid", validate=None, **changes
):
    """(weights before, encoder, log) of a short training with some settings changed."""
    from langscale.models.encoder import Encoder
    from langscale.training.loop import Recipe, train

    settings, data = TRAINING.model_copy(update=changes), data_of(toy)
    encoder = Encoder.initial(toy.base, "tiny", MODEL, seed)
    before = weights(encoder)
    sampler = sampler_of(data, kind, seed, settings.batch_size)
    train(
        Recipe(settings, sampler, data, steps, seed, "toy run"),
        step_of(encoder, settings, toy),
        folder,
        validate,
    )
    return before, encoder, pd.read_csv(folder / "log.csv")


def equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    """Bit for bit."""
    return all(np.array_equal(one[name], two[name]) for name in one)


def weights(encoder) -> dict[str, np.ndarray]:
    """A copy of all parameters by name."""
    return {name: value.detach().numpy().copy() for name, value in encoder.state_dict().items()}
