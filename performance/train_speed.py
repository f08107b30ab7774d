"""Training pairs per second, compared with sentence-transformers' trainer and its multiple-negatives loss.

The same model, weights, pairs, batch size, float32, dropout, learning rate and schedule, one thread. The peer
gets the pairs of our batches and shuffles them into its own batches of the same size. Ours starts from tokens
on disk, as in the workflow. Theirs tokenises every batch in its loop. Start-up and saving do not count, nor
the log row that ours adds between two steps. The peer has one maximal length for all texts, so queries are
cut to their length before.
"""

import math
import tempfile
from pathlib import Path
from types import SimpleNamespace

import material
import pandas as pd
import torch
from timing import Line, clock, interleaved, left_out, rate, ratios

from langscale.config.sampler import Spec
from langscale.config.study import Training
from langscale.models.encoder import Encoder
from langscale.training import loop as training_loop
from langscale.training.batches import Sampler
from langscale.training.encoder import EncoderStep

WHAT = "training, {}, NTREX x-y pairs, batch {}, float32"
AGAINST = "sentence-transformers' trainer, MultipleNegativesRankingLoss"
BAR = 1.5
# measured by torch's profiler
WHY = (
    "a third of our step is matrix products and a sixth attention, by the same operators of torch as the "
    "peer's. Ours saves padding and tokenising, and texts of one batch need little padding"
)


def lines(setting: material.Setting) -> list[Line]:
    """One line for a large model and one for a small one."""
    quick = setting.quick
    size, steps = (8, 1) if quick else (32, 20)
    cases = [("small", "the one-layer model of config/scratch.yaml", size, steps, WHY)]
    if not quick:
        cases.insert(0, ("e5", "multilingual-e5-small", 32, 2))
    return [_line(setting, 2 if quick else 3, *case) for case in cases]


def _line(
    setting: material.Setting, rounds: int, kind: str, name: str, batch: int, steps: int, why: str = ""
) -> Line:
    what = WHAT.format(name, batch)
    try:
        from sentence_transformers import SentenceTransformer  # noqa: F401

        found = material.pairs(setting, kind)
    except (ImportError, material.Missing) as error:
        return left_out(what, AGAINST, BAR, str(error))
    training = Training(batch_size=batch, precision="float32")
    shares, seeds = [], {"ours": 0, "theirs": 0}

    def mine() -> float:
        seeds["ours"] += 1
        seconds, share = ours(found, training, steps, seeds["ours"])
        shares.append(share)
        return seconds

    def theirs() -> float:
        seeds["theirs"] += 1
        return _theirs(found, training, steps, seeds["theirs"])

    interleaved({"ours": mine, "theirs": theirs}, 1)  # warm
    shares.clear()
    seconds = interleaved({"ours": mine, "theirs": theirs}, rounds)
    count = batch * steps
    return Line(
        what,
        AGAINST,
        ratios(seconds["theirs"], seconds["ours"]),
        "x",
        BAR,
        ours=rate(count, seconds["ours"], "pairs"),
        theirs=rate(count, seconds["theirs"], "pairs"),
        limit=f"{sum(shares) / len(shares):.0%} of a square matrix product",
        remark=f"{rounds} rounds of {steps} steps; theirs tokenises in the timed loop, ours before it, as in "
        "the workflow; our log row is written between the steps and not counted",
        why=why,
    )


def step_seconds(found: material.Pairs, training: Training, steps: int) -> float:
    """Seconds of a step, from the log of a run."""
    ours(found, training, 1, 1)  # warm
    return ours(found, training, steps, 2)[0] / steps


def sampler(found: material.Pairs, training: Training, seed: int) -> Sampler:
    """The x-y sampler of the pairs."""
    return Sampler(Spec.parse("x-y"), found.languages, [found.data.index()], training.batch_size, seed)


def ours(found: material.Pairs, training: Training, steps: int, seed: int) -> tuple[float, float]:
    """(seconds of all steps, share of a matrix product's speed), from the log of our training."""
    training_loop.time = SimpleNamespace(perf_counter=clock)  # CPU time in the log
    encoder = Encoder.initial(found.base, "bench", found.model, 0)
    batches = sampler(found, training, seed)
    with tempfile.TemporaryDirectory() as folder:
        step = EncoderStep(encoder, training, lambda place: encoder.save(place, found.base))
        training_loop.train(training_loop.Recipe(training, batches, [found.data], steps, seed), step, folder)
        log = pd.read_csv(Path(folder) / "log.csv")
    torch.use_deterministic_algorithms(False)  # on in our training, off for the peer
    return float((training.batch_size / log["pairs_per_second"]).sum()), float(log["gemm_share"].mean())


def _theirs(found: material.Pairs, training: Training, steps: int, seed: int) -> float:
    """Seconds of the trainer's loop over the same pairs."""
    import logging

    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        Encoder.initial(found.base, "bench", found.model, 0).save(folder, found.base)
        model = SentenceTransformer(folder, device="cpu", local_files_only=True)
        arguments = SentenceTransformerTrainingArguments(
            output_dir=f"{folder}/out",
            max_steps=steps,
            per_device_train_batch_size=training.batch_size,
            learning_rate=training.learning_rate,
            weight_decay=training.weight_decay,
            max_grad_norm=training.clip,
            warmup_steps=math.ceil(training.warmup * steps),
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            seed=seed,
        )
        clock = _clock()
        SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(_texts(found, training, steps, seed)),
            loss=MultipleNegativesRankingLoss(model, scale=training.scale),
            callbacks=[clock],
        ).train()
    return clock.seconds


def _clock():
    """A callback of the trainer for the time of its loop."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        seconds = 0.0

        def on_train_begin(self, *_, **__):
            self.seconds = -clock()

        def on_train_end(self, *_, **__):
            self.seconds += clock()

    return Clock()


def _texts(found: material.Pairs, training: Training, steps: int, seed: int) -> dict[str, list[str]]:
    """Anchors and positives of our batches, with prefixes, the anchors cut to their length."""
    from langscale.models.pretrained import tokenizer

    model, subset, batches = found.model, found.data.subset, sampler(found, training, seed)
    cut = tokenizer(found.base)
    anchors, positives = [], []
    for batch in map(batches.batch, range(steps)):
        for row in subset.queries[batch.pairs, batch.query_language]:
            text = model.query_prefix + found.queries[row]
            places = cut(text, truncation=True, max_length=model.query_length, return_offsets_mapping=True)
            anchors.append(text[: max(end for _, end in places["offset_mapping"])])
        positives += [
            model.passage_prefix + found.passages[row]
            for row in subset.positives[batch.pairs, batch.passage_language]
        ]
    return {"anchor": anchors, "positive": positives}
