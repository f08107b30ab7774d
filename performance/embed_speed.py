"""Embedded texts per second, compared with SentenceTransformer.encode and with the matrix products alone.

Sentences of XQuAD-R in all languages, one thread, from text to vector. Both sides tokenise. The limit runs
only the linear layers, on the same blocks as ours and in the same rounds. The first line compares it with all
of our time, the second line with the time from tokens to vectors.
"""

import statistics
import tempfile
from pathlib import Path

import material
import numpy as np
import torch
from timing import Line, clock, interleaved, left_out, rate, ratios
from torch import nn
from torch.nn import functional

from langscale.data.tokens import Tokens, tokenise
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder
from langscale.retrieval import embedding

WHAT, AGAINST, BAR, LIMIT = "embedding, {}, mixed scripts, float32", "SentenceTransformer.encode", 1.3, 0.6


def lines(setting: material.Setting) -> list[Line]:
    """The ratio to the peer, and the share of the linear layers."""
    name = "toy model" if setting.quick else "multilingual-e5-small"
    what, own = WHAT.format(name), f"{WHAT.format(name)}, tokens at hand"
    try:
        from sentence_transformers import SentenceTransformer

        texts = _texts(setting)
        folder, model = material.small(setting, texts) if setting.quick else material.e5(setting)
    except (ImportError, material.Missing) as error:
        return [left_out(what, AGAINST, BAR, str(error))]
    torch.set_num_threads(1)
    encoder = Encoder.initial(folder, "bench", model, 0)
    tokenizer = base.tokenizer(folder)
    rounds = 2 if setting.quick else 5
    with tempfile.TemporaryDirectory() as scratch:
        encoder.save(f"{scratch}/model", folder)
        peer = SentenceTransformer(f"{scratch}/model", device="cpu", local_files_only=True)
        tokens = Path(scratch) / "tokens"
        vectors: dict[str, np.ndarray] = {}
        ours_only: list[float] = []

        def ours() -> None:
            tokenise(tokens, texts, tokenizer, model.passage_prefix, model.passage_length)
            start = clock()
            vectors["ours"] = embedding.embed(encoder, Tokens.load(tokens))
            ours_only.append(clock() - start)

        def theirs() -> None:
            vectors["theirs"] = peer.encode_document(texts, show_progress_bar=False)

        ours()
        theirs()
        if np.abs(vectors["ours"] - vectors["theirs"]).max() > 1e-4:
            raise SystemExit("the vectors differ from the peer's: the times cannot be compared")
        ours_only.clear()
        linear = _linear(encoder, Tokens.load(tokens))
        works = {"ours": ours, "theirs": theirs, "linear": linear}
        seconds = interleaved(works, rounds)
    shares, whole = ratios(seconds["linear"], ours_only), ratios(seconds["linear"], seconds["ours"])
    remark = f"{rounds} rounds of {len(texts)} texts, {statistics.mean(map(len, texts)):.0f} characters each"
    return [
        Line(
            what,
            AGAINST,
            ratios(seconds["theirs"], seconds["ours"]),
            "x",
            BAR,
            ours=rate(len(texts), seconds["ours"], "texts"),
            theirs=rate(len(texts), seconds["theirs"], "texts"),
            limit=f"{statistics.median(whole):.0%} of F.linear",
            remark=f"{remark}; both tokenise and add the passage prompt; the peer's batch size is 32",
            why="F.linear alone, without attention, norms or tokenising, would be "
            f"{statistics.median(ratios(seconds['theirs'], seconds['linear'])):.2f}x",
        ),
        Line(
            own,
            "F.linear at the same shapes",
            shares,
            "%",
            LIMIT,
            ours=rate(len(texts), ours_only, "texts"),
            theirs=rate(len(texts), seconds["linear"], "texts"),
            remark=remark,
        ),
    ]


def _texts(setting: material.Setting) -> list[str]:
    """The first distinct candidates. Their order is by hash, so all languages and scripts occur."""
    texts = material.xquad(setting)[1]["text"].drop_duplicates()
    return list(texts[: 30 if setting.quick else 400])


def _linear(encoder: Encoder, tokens: Tokens):
    """A function that runs the linear layers of the transformer on blocks of the same shapes as `embed`."""
    layers = [m for m in encoder.transformer.modules() if isinstance(m, nn.Linear)]
    shapes = [int(lengths.max()) * len(lengths) for lengths in _blocks(tokens)]
    inputs = {n: {w: torch.randn(n, w) for w in {m.in_features for m in layers}} for n in set(shapes)}

    def run() -> None:
        with torch.inference_mode():
            for size in shapes:
                for layer in layers:
                    functional.linear(inputs[size][layer.in_features], layer.weight, layer.bias)

    return run


def _blocks(tokens: Tokens) -> list[np.ndarray]:
    """Lengths of the texts in each block of `embed`."""
    first = tokens.distinct()[0]
    return [tokens.lengths[rows] for rows in embedding.blocks(tokens, first, embedding.BLOCK)]
