import copy
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy_training import (
    MODEL,
    TRAINING,
    data_of,
    equal,
    run,
    sampler_of,
    step_of,
    weights,
    world,
)

from langscale.core.errors import UserError
from langscale.models.encoder import Encoder
from langscale.training import loop as training
from langscale.training.loop import LOG, Recipe, learning_rate, optimiser
from langscale.training.step import examples

TIMES = ["pairs_per_second", "tokens_per_second", "gemm_share"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("training"), hard=2)


def trained(name):
    """Whether the loss reaches a parameter; the pooler is not used."""
    return "pooler" not in name


def test_a_seed_is_a_result(toy, tmp_path):
    before, first, log = run(toy, tmp_path / "first")
    torch.rand(1)
    _, again, relog = run(toy, tmp_path / "again")
    assert equal(weights(first), weights(again))
    pd.testing.assert_frame_equal(log.drop(columns=TIMES), relog.drop(columns=TIMES), check_exact=True)
    for file in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (tmp_path / f"first/last/{file}").read_bytes() == (
            tmp_path / f"again/last/{file}"
        ).read_bytes()
    other_before, other, _ = run(toy, tmp_path / "other", seed=2)
    assert not equal(before, other_before) and not equal(weights(first), weights(other))
    # common random numbers: another sampler starts from the same weights
    kind_before, kind, _ = run(toy, tmp_path / "kind", kind="x-x-mono")
    assert equal(before, kind_before) and not equal(weights(first), weights(kind))
    moved = [n for n in before if not np.array_equal(before[n], weights(first)[n])]
    assert all(n in moved for n in before if trained(n) and before[n].size > 16)
    # what is on disk is what is in memory
    loaded = weights(Encoder.load(tmp_path / "first/last"))
    assert equal(weights(first), loaded)


def test_a_dense_layer_is_trained_and_kept(toy, tmp_path):
    model = MODEL.model_copy(update={"pooling": "cls-dense"})
    dense = world(tmp_path / "world", model)
    encoder, data = Encoder.initial(dense.base, "tiny", model, 1), data_of(toy)
    # what stands below the dense layer starts as without it
    plain = weights(Encoder.initial(toy.base, "tiny", MODEL, 1))
    before, added = weights(encoder), {f"head.1.linear.{name}" for name in ("weight", "bias")}
    assert before.keys() - plain.keys() == added and equal(plain, before)
    step = step_of(encoder, TRAINING, dense, model)
    training.train(Recipe(TRAINING, sampler_of(data), data, 4, 1), step, tmp_path)
    after = weights(encoder)
    assert all((before[name] != after[name]).mean() > 0.9 for name in added)
    assert equal(after, weights(Encoder.load(tmp_path / "last")))


def test_a_declared_size_is_what_the_sampler_is_told(toy):
    data = data_of(toy)[0]
    assert data.index().size is None and data.index(7).size == 7
    assert np.array_equal(data.index(7).has, data.subset.available)


def by_hand(toy, steps, stop, model=None, adam_state=None, first=0, noise=False, hold=None):
    """The training loop written out: steps first..stop of a run of `steps`; `noise` spends random numbers
    between.
    """
    data = data_of(toy)
    sampler = sampler_of(data)
    model = model or Encoder.initial(toy.base, "tiny", MODEL, 1)
    adam = optimiser(model, TRAINING)
    if adam_state:
        adam.load_state_dict(adam_state)
    losses = []
    for step in range(first, stop):
        if noise:
            torch.rand(step + 1)
            sampler.batch(steps - step)
        model.train()
        for group in adam.param_groups:
            group["lr"] = TRAINING.learning_rate * learning_rate(step, steps, TRAINING.warmup)
        loss, _ = step_of(model).loss(data[0], sampler.batch(step), (1, step))
        model.zero_grad()
        loss.backward()
        norm = math.sqrt(
            sum(float((p.grad.double() ** 2).sum()) for p in model.parameters() if p.grad is not None)
        )
        torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING.clip)
        adam.step()
        losses.append((loss.item(), norm))
    return model, adam, losses


def test_train_is_the_loop_written_out(toy, tmp_path):
    """Bit for bit, whatever random numbers are spent between the steps: dropout is of (seed, step)."""
    _, model, log = run(toy, tmp_path / "run")
    for noise in (False, True):
        slow, _, losses = by_hand(toy, 6, 6, noise=noise)
        assert equal(weights(model), weights(slow))
        assert log["loss"].tolist() == [loss for loss, _ in losses]
        assert log["gradient_norm"].tolist() == pytest.approx([norm for _, norm in losses], rel=1e-5)


def test_a_run_continues_from_weights_and_optimiser_alone(toy, tmp_path):
    _, model, _ = run(toy, tmp_path / "run")
    half, adam, _ = by_hand(toy, 6, 3)
    state, moments = copy.deepcopy(half.state_dict()), copy.deepcopy(adam.state_dict())
    torch.manual_seed(1234)
    other = Encoder.initial(toy.base, "tiny", MODEL, 2)
    other.load_state_dict(state)
    resumed, _, _ = by_hand(toy, 6, 6, other, moments, first=3)
    assert equal(weights(model), weights(resumed))


def test_dropout_of_a_step_does_not_depend_on_earlier_steps(toy, tmp_path):
    """With a rate of 0 the weights stand still: a step's loss is then of its batch and its dropout alone."""
    data, losses = data_of(toy), []
    for steps in (range(6), (5, 3), (3,)):
        model = Encoder.initial(toy.base, "tiny", MODEL, 1).train()
        found = {}
        for step in steps:
            one = step_of(model)
            found[step] = one.loss(data[0], sampler_of(data).batch(step), (1, step))[0].item()
        losses.append(found)
    _, _, log = run(toy, tmp_path / "run", learning_rate=1e-30, weight_decay=0.0)
    assert losses[0] == dict(enumerate(log["loss"]))
    assert losses[1] == {step: losses[0][step] for step in (5, 3)} and losses[2] == {3: losses[0][3]}
    # and there is dropout: the same batch under another step's masks
    one = step_of(model)
    assert one.loss(data[0], sampler_of(data).batch(3), (1, 0))[0].item() != losses[2][3]


def test_loss_goes_down(toy, tmp_path):
    _, _, log = run(toy, tmp_path / "run", steps=60, kind="x-y", batch_size=16)
    assert log["loss"].tail(10).mean() < 0.3 * log["loss"].head(5).mean()


def test_log_is_complete(toy, tmp_path):
    _, model, log = run(toy, tmp_path / "run")
    assert tuple(log.columns) == LOG and log["step"].tolist() == list(range(6))
    assert log["validation_loss"].isna().all()
    assert log.drop(columns="validation_loss").notna().all().all()
    assert set(log["source"]) == {"toy"} and set(log["kind"]) == {"mono", "cross"}
    rates = [TRAINING.learning_rate * learning_rate(step, 6, 0.1) for step in range(6)]
    assert log["learning_rate"].tolist() == pytest.approx(rates)
    assert (
        log[["masked", "query_language_negatives", "passage_language_negatives"]].stack().between(0, 1).all()
    )
    mono = log[log["kind"] == "mono"]
    assert (mono[["query_language_negatives", "passage_language_negatives"]] == 1).all().all()
    assert (log[["loss", "gradient_norm", *TIMES]] > 0).all().all()
    # the same machine speed divides every line: 6 operations per parameter and token
    speed = 6 * model.matrix_parameters() * log["tokens_per_second"] / log["gemm_share"]
    assert speed.tolist() == pytest.approx([speed[0]] * 6)
    tokens = log["tokens_per_second"] / log["pairs_per_second"] * 8
    data = data_of(toy)[0]
    for step, found in enumerate(tokens):
        e = examples(data, sampler_of([data]).batch(step), 1)
        expected = data.queries.lengths[e.queries].sum() + data.passages.lengths[e.documents].sum()
        assert found == pytest.approx(expected)


def test_gradient_is_clipped(toy, tmp_path):
    for clip in (1e-3, 1e3):
        _, model, log = run(toy, tmp_path / f"{clip}", steps=1, clip=clip)
        norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters() if p.grad is not None))
        assert norm == pytest.approx(min(clip, log["gradient_norm"][0]), rel=1e-3)
        assert 1e-3 < log["gradient_norm"][0] < 1e3


def test_bf16_trains_in_float32_weights(toy, tmp_path):
    _, _, exact = run(toy, tmp_path / "float32", steps=4)
    _, model, half = run(toy, tmp_path / "bf16", steps=4, precision="bf16")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert exact["loss"][0] != half["loss"][0]
    assert half["loss"].tolist() == pytest.approx(exact["loss"].tolist(), rel=0.05)
    auto = run(toy, tmp_path / "auto", steps=4, precision="auto")[2]
    assert auto["loss"].tolist() == (half if torch.cuda.is_available() else exact)["loss"].tolist()


def test_hard_only_needs_hard_negatives(toy, tmp_path):
    assert run(toy, tmp_path / "with", steps=2, negatives="hard-only")[2]["loss"].between(0.01, 99).all()
    with pytest.raises(UserError, match="training.negatives: hard-only needs hard negatives; toy has none"):
        run(toy, tmp_path / "without", negatives="hard-only", hard_negatives=0)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_ends_the_run(toy, tmp_path, where):
    data = data_of(toy)
    model = Encoder.initial(toy.base, "tiny", MODEL, 1)
    matrix = model.transformer.encoder.layer[0].attention.self.query.weight
    if where == "loss":
        with torch.no_grad():
            matrix[0, 0] = math.nan
    else:
        matrix.register_hook(lambda gradient: gradient / 0)
    before = weights(model)
    found = "loss nan" if where == "loss" else r"loss \d\S* and gradient norm (nan|inf)"
    with pytest.raises(
        FloatingPointError, match=f"toy run: {found}.* at step 0; lower training.learning_rate"
    ) as error:
        recipe = Recipe(TRAINING, sampler_of(data), data, 1, 1, "toy run")
        training.train(recipe, step_of(model), tmp_path / "run")
    batch = sampler_of(data).batch(0)
    rows = data[0].subset.queries[batch.pairs, batch.query_language]
    assert str(error.value).endswith(f"rows {' '.join(map(str, rows))} of toy's pairs")
    assert all(np.array_equal(before[n], weights(model)[n], equal_nan=True) for n in before)
    assert not (tmp_path / "run/last").exists()


def test_exposure_counts_every_example_and_distinct_text(toy, tmp_path):
    data = data_of(toy)
    sampler = sampler_of(data)
    rows = {(r["query_language"], r["passage_language"]): r for r in training.exposure(sampler, data, 7)}
    counted, asked, offered = {}, {}, {}
    for step in range(7):
        batch = sampler.batch(step)
        for pair, q, p in zip(batch.pairs, batch.query_language, batch.passage_language, strict=True):
            direction = sampler.languages[q], sampler.languages[p]
            counted[direction] = counted.get(direction, 0) + 1
            asked.setdefault(direction, set()).add(int(data[0].subset.queries[pair, q]))
            offered.setdefault(direction, set()).add(int(data[0].subset.positives[pair, p]))
    assert {d: r["examples"] for d, r in rows.items()} == counted
    assert {d: r["distinct_queries"] for d, r in rows.items()} == {d: len(s) for d, s in asked.items()}
    assert {d: r["distinct_passages"] for d, r in rows.items()} == {d: len(s) for d, s in offered.items()}
    assert sum(counted.values()) == 7 * sampler.batch(0).pairs.size


def test_schedule_known_values():
    assert [learning_rate(step, 20, 0.1) for step in range(20)] == pytest.approx(
        [0.5, 1.0] + [float(Fraction(k, 18)) for k in range(18, 0, -1)]
    )
    rates = [learning_rate(step, 20000, 0.1) for step in range(20000)]
    assert (
        rates[0] == 1 / 2000
        and rates[1999] == rates[2000] == 1
        and rates[10999] == pytest.approx(9001 / 18000)
    )
    assert [learning_rate(step, 4, 0.0) for step in range(4)] == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert [learning_rate(step, 4, 1.0) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(0, 1, 0.1) == 1


@given(st.integers(1, 500), st.floats(0, 1))
def test_schedule_rises_then_falls_and_never_stands_still(steps, warmup):
    rates = [learning_rate(step, steps, warmup) for step in range(steps)]
    assert min(rates) > 0 and max(rates) == pytest.approx(1)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)


def test_schedule_stretches_with_the_steps():
    for step in range(200):
        assert abs(learning_rate(step, 200, 0.1) - learning_rate(10 * step + 5, 2000, 0.1)) < 0.03


def test_decay_spares_biases_and_norms(toy):
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    adam = optimiser(encoder, TRAINING.model_copy(update={"weight_decay": 0.3}))
    assert [group["weight_decay"] for group in adam.param_groups] == [0.3, 0.0]
    decayed, spared = ({id(p) for p in group["params"]} for group in adam.param_groups)
    named = dict(encoder.named_parameters())
    assert len(named) == len(decayed) + len(spared) and not decayed & spared
    for name, parameter in named.items():
        assert (id(parameter) in spared) == (name.endswith("bias") or "LayerNorm" in name)


def test_optimiser_is_adamw(toy):
    """Loshchilov and Hutter 2019, algorithm 2: decay is apart from the moments; bias-corrected, eps 1e-8."""
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    settings = TRAINING.model_copy(update={"weight_decay": 0.1, "learning_rate": 0.01})
    adam = optimiser(encoder, settings)
    named = dict(encoder.named_parameters())
    names = [n for n in named if n.endswith(("query.weight", "query.bias", "word_embeddings.weight"))]
    slow = {n: (named[n].detach().double().clone(), 0.0, 0.0) for n in names}
    draw = torch.Generator().manual_seed(0)
    for t in range(1, 6):
        for n in names:
            named[n].grad = torch.randn(named[n].shape, generator=draw)
            value, m, v = slow[n]
            g = named[n].grad.double()
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            decay = 0.1 if named[n].ndim == 2 else 0.0
            move = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            slow[n] = value - 0.01 * decay * value - 0.01 * move, m, v
        adam.step()
    for n in names:
        torch.testing.assert_close(named[n].detach().double(), slow[n][0], atol=1e-6, rtol=1e-5)
