"""Adapters: the identity before training, batches of full training, slow twins, the same bits after a
kill.
"""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from support.killed_training import Killed, stopping
from support.toy_training import TRAINING, data_of, run, sampler_of, vector_data_of, world

from langscale.config.model import AdapterOptions
from langscale.config.training import Validation
from langscale.data.vector_store import Store
from langscale.models.adapter import Adapter
from langscale.training.adapter import AdapterModule, AdapterStep
from langscale.training.loop import Recipe, learning_rate, train
from langscale.training.resume import State
from langscale.training.step import compare, examples
from langscale.training.validation import validation_batches, validation_loss

FORMS = {
    "full": AdapterOptions(),
    "bias": AdapterOptions(bias=True),
    "rank": AdapterOptions(rank=3),
    "hidden": AdapterOptions(hidden=5),
    "all": AdapterOptions(hidden=5, bias=True, sides="query"),
}
SETTINGS = TRAINING.model_copy(update={"weight_decay": 0.0})
TIMES = ["pairs_per_second", "tokens_per_second", "gemm_share"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("adapter"), hard=2)


@pytest.fixture(scope="module")
def data(toy, tmp_path_factory):
    return vector_data_of(toy, Store(tmp_path_factory.mktemp("adapter") / "store"))


def module_of(data, options=None, seed=1):
    return AdapterModule(data[0].queries.width, options or AdapterOptions(), "tiny", seed)


def train_adapter(
    data, folder, steps=6, seed=1, kind="hybrid", options=None, validate=None, state=None, **changes
):
    """A short run; the adapter that it stores."""
    settings = SETTINGS.model_copy(update=changes)
    recipe = Recipe(settings, sampler_of(data, kind, seed, settings.batch_size), data, steps, seed, "toy run")
    step = AdapterStep(module_of(data, options, seed), settings, {"model": "tiny"}, CPU)
    train(recipe, step, folder, validate, state)
    return Adapter.load(folder / "last")


def same_files(one, two):
    """Weights, exposure and log, but for its times."""
    for name in ("last/adapter.safetensors", "last/adapter.json", "exposure.csv"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    logs = [pd.read_csv(folder / "log.csv").drop(columns=TIMES) for folder in (one, two)]
    pd.testing.assert_frame_equal(*logs, check_exact=True)


@pytest.mark.parametrize("form", FORMS)
def test_before_training_it_changes_no_bit(data, form):
    base = data[0].passages.table
    module = module_of(data, FORMS[form])
    assert np.array_equal(module(torch.from_numpy(base)).detach().numpy(), base)
    for side in ("query", "passage"):
        untrained = Adapter().apply(base, side)
        assert np.array_equal(module.stored({}).apply(base, side), untrained)
        np.testing.assert_allclose(np.linalg.norm(untrained, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_stored_is_what_was_trained(data, tmp_path, form):
    """numpy against torch, and the chain of layers against both."""
    options = FORMS[form]
    adapter = train_adapter(data, tmp_path, steps=8, options=options)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e-2})
    module = module_of(data, options)
    step = AdapterStep(module, settings, {}, CPU)
    train(Recipe(settings, sampler_of(data), data, 8, 1), step, tmp_path / "again")
    base = data[0].queries.table
    y = module(torch.from_numpy(base)).detach()
    assert (y - torch.from_numpy(base)).abs().max() > 0.01
    unit = torch.nn.functional.normalize(y).numpy()
    np.testing.assert_allclose(adapter.apply(base, "query"), unit, atol=1e-6)
    chain = base
    for matrix, bias, relu in adapter.layers():
        chain = chain @ matrix + (0 if bias is None else bias)
        chain = np.maximum(chain, 0) if relu else chain
    chain /= np.linalg.norm(chain, axis=1, keepdims=True)
    np.testing.assert_allclose(chain, unit, atol=1e-6)
    passages = Adapter() if options.sides == "query" else adapter
    assert np.array_equal(adapter.apply(base, "passage"), passages.apply(base, "query"))
    assert adapter.facts == {"model": "tiny"}


@pytest.mark.parametrize("kind", ["x-x-mono", "x-y", "hybrid", "x-y-batch"])
def test_batches_masks_and_schedule_are_those_of_full_training(toy, data, tmp_path, kind):
    run(toy, tmp_path / "full", kind=kind)
    train_adapter(data, tmp_path / "adapter", kind=kind)
    full, adapter = (pd.read_csv(tmp_path / mode / "log.csv") for mode in ("full", "adapter"))
    assert full.columns.tolist() == adapter.columns.tolist()
    same = ["step", "source", "kind", "learning_rate", "masked", "query_language_negatives"]
    same.append("passage_language_negatives")
    pd.testing.assert_frame_equal(full[same], adapter[same], check_exact=True)
    exposures = [(tmp_path / mode / "exposure.csv").read_bytes() for mode in ("full", "adapter")]
    assert exposures[0] == exposures[1]
    # no dropout: the first loss is that of the untrained encoder, in evaluation mode
    first = AdapterStep(module_of(data), SETTINGS, {}, CPU).loss(data[0], sampler_of(data, kind).batch(0))
    assert adapter["loss"][0] == first[0].item()


def slow_loss(settings, data, batch, change):
    """(loss, its gradient) of W = I + change, by loops over queries and documents in float64."""
    e = examples(data, batch, settings.hard_negatives)
    x, y = data.queries[e.queries].astype(float), data.passages[e.documents].astype(float)
    w = np.eye(len(change)) + change
    queries, documents = x @ w, y @ w
    loss, gradient, size = 0.0, np.zeros_like(w), len(x)
    for i in range(size):
        kept = [
            j
            for j in range(len(y))
            if j == i
            or (
                e.passages[j] != e.passages[i]
                and data.passages.fingerprints[e.documents[j]] != data.passages.fingerprints[e.documents[i]]
            )
        ]
        q, ds = queries[i], [documents[j] for j in kept]
        cosine = np.array([q @ d / np.linalg.norm(q) / np.linalg.norm(d) for d in ds])
        p = np.exp(settings.scale * cosine)
        p /= p.sum()
        loss -= math.log(p[kept.index(i)]) / size
        for j, d, c, chance in zip(kept, ds, cosine, p, strict=True):
            by_cosine = settings.scale * (chance - (j == i)) / size
            lq, ld = np.linalg.norm(q), np.linalg.norm(d)
            gradient += by_cosine * np.outer(x[i], d / lq / ld - c * q / lq**2)
            gradient += by_cosine * np.outer(y[j], q / lq / ld - c * d / ld**2)
    return loss, gradient


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_of_adamw_by_loops(data, tmp_path, decay):
    """Loss, clipping and AdamW (Loshchilov and Hutter 2019, algorithm 2) in float64; decay is towards y
    = x.
    """
    settings = SETTINGS.model_copy(update={"weight_decay": decay, "clip": 0.05, "hard_negatives": 1})
    sampler, steps = sampler_of(data, "hybrid"), 5
    d = data[0].queries.width
    change, m, v = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    losses, norms = [], []
    for t in range(steps):
        loss, gradient = slow_loss(settings, data[0], sampler.batch(t), change)
        norm = np.linalg.norm(gradient)
        losses.append(loss)
        norms.append(norm)
        gradient *= min(1, settings.clip / norm)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = settings.learning_rate * learning_rate(t, steps, settings.warmup)
        change -= rate * decay * change
        change -= rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
    adapter = train_adapter(data, tmp_path, steps, weight_decay=decay, clip=0.05)
    log = pd.read_csv(tmp_path / "log.csv")
    np.testing.assert_allclose(log["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(log["gradient_norm"], norms, rtol=1e-4)
    assert max(norms) > 0.05
    np.testing.assert_allclose(adapter.weights["weight"], np.eye(d) + change, atol=1e-4)
    assert abs(change).max() > 0.01


@pytest.mark.parametrize("form", FORMS)
def test_gradients_of_every_form_by_finite_differences(data, form):
    draw = torch.Generator().manual_seed(2)
    module = module_of(data, FORMS[form]).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
    batch = sampler_of(data, "x-y").batch(0)
    e = examples(data[0], batch, 1)

    def value():
        queries, documents = (
            torch.from_numpy(side[rows].astype(float))
            for side, rows in ((data[0].queries, e.queries), (data[0].passages, e.documents))
        )
        queries = module(queries)
        documents = documents if module.sides == "query" else module(documents)
        queries, documents = (torch.nn.functional.normalize(x) for x in (queries, documents))
        return compare(data[0], batch, e, queries, documents, SETTINGS)[0]

    value().backward()
    for parameter in module.parameters():
        place = tuple(0 for _ in parameter.shape)
        with torch.no_grad():
            around = []
            for sign in (1, -1):
                parameter[place] += sign * 1e-5
                around.append(value().item())
                parameter[place] -= sign * 1e-5
        assert parameter.grad[place].item() == pytest.approx(
            (around[0] - around[1]) / 2e-5, rel=1e-3, abs=1e-7
        )


@pytest.mark.parametrize("minutes", [0, math.inf])
@pytest.mark.parametrize("at", [1, 2, 6])
@pytest.mark.parametrize("form", ["full", "all"])
def test_killed_at_any_step_it_ends_in_the_same_bits(data, tmp_path, monkeypatch, form, at, minutes):
    options = FORMS[form]
    train_adapter(data, tmp_path / "whole", 7, options=options)
    stopping(monkeypatch, at)
    with pytest.raises(Killed):
        train_adapter(
            data, tmp_path / "killed", 7, options=options, state=State(tmp_path / "state", "k", minutes)
        )
    monkeypatch.undo()
    state = State(tmp_path / "state", "k", minutes)
    train_adapter(data, tmp_path / "killed", 7, options=options, state=state)
    assert state.kept == (minutes == 0)
    same_files(tmp_path / "killed", tmp_path / "whole")


def test_runs_do_not_depend_on_the_runs_before_them_in_a_process(data, tmp_path):
    runs = [("x-y", 1), ("hybrid", 2), ("x-x-mono", 1)]
    for order in (runs, runs[::-1]):
        folder = tmp_path / order[0][0]
        for kind, seed in order:
            torch.manual_seed(seed + len(kind))
            np.random.default_rng(0).random(3)
            train_adapter(data, folder / kind, seed=seed, kind=kind, options=FORMS["hidden"])
    for kind, seed in runs:
        train_adapter(data, tmp_path / "alone" / kind, seed=seed, kind=kind, options=FORMS["hidden"])
        for folder in ("x-y", "x-x-mono"):
            same_files(tmp_path / folder / kind, tmp_path / "alone" / kind)
    weights = [Adapter.load(tmp_path / "alone" / kind / "last").weights["up"] for kind, _ in runs]
    assert not np.array_equal(weights[0], weights[1]) and not np.array_equal(weights[0], weights[2])


def test_query_side_leaves_documents_alone(data):
    """The gradient is that of a loss whose documents are fixed."""
    options = AdapterOptions(sides="query")
    step = AdapterStep(module_of(data, options), SETTINGS, {}, CPU)
    batch = sampler_of(data, "x-y").batch(0)
    loss, _ = step.backward(data[0], batch)
    e = examples(data[0], batch, 1)
    w = torch.eye(data[0].queries.width, requires_grad=True)
    queries, documents = (
        torch.from_numpy(data[0].queries[e.queries]),
        torch.from_numpy(data[0].passages[e.documents]),
    )
    unit = torch.nn.functional.normalize
    slow, _ = compare(data[0], batch, e, unit(queries @ w), unit(documents), SETTINGS)
    slow.backward()
    assert loss.item() == slow.item()
    torch.testing.assert_close(step.adapter.change.grad, w.grad)
    both = AdapterStep(module_of(data), SETTINGS, {}, CPU)
    both.backward(data[0], batch)
    assert not torch.allclose(both.adapter.change.grad, w.grad)


@pytest.mark.parametrize("sign", [1, -1])
def test_validation_chooses_the_best(data, tmp_path, sign):
    """By the loss, which is lowest at the end, and by its negative, which is lowest before."""
    settings = Validation(every=2, pairs=16, languages="pool")
    batches = validation_batches(data, ("de", "en", "es"), settings, 8)
    loss = validation_loss(data, batches)
    train_adapter(
        data, tmp_path, 12, validate=lambda step: sign * loss(step), validation=settings, learning_rate=0.3
    )
    losses = sign * pd.read_csv(tmp_path / "log.csv")["validation_loss"].dropna()
    assert losses.index.tolist() == [1, 3, 5, 7, 9, 11]
    for checkpoint, step in (("best", (sign * losses).idxmin()), ("last", 11)):
        stored = Adapter.load(tmp_path / checkpoint).weights["weight"]
        module = module_of(data)
        with torch.no_grad():
            module.change += torch.from_numpy(stored) - torch.eye(len(stored))
        assert loss(AdapterStep(module, SETTINGS, {}, CPU)) == pytest.approx(losses[step], rel=1e-4)
    assert losses.idxmin() == 11 > losses.idxmax()


def test_loss_goes_down_and_seeds_matter_only_where_something_is_drawn(data, tmp_path):
    train_adapter(data, tmp_path / "run", 60, kind="x-y", batch_size=16, learning_rate=3e-2)
    log = pd.read_csv(tmp_path / "run/log.csv")
    assert log["loss"].tail(10).mean() < 0.5 * log["loss"].head(5).mean()
    for name, form in FORMS.items():
        one, two, again = (dict(module_of(data, form, seed).named_parameters()) for seed in (1, 2, 1))
        assert all(torch.equal(one[n], again[n]) for n in one)
        assert all(torch.equal(one[n], two[n]) for n in one) == (name in ("full", "bias"))


def test_a_job_needs_no_transformers():
    code = (
        "import sys; from langscale.training import adapter, loop, validation; "
        "print(sorted({'transformers', 'pandas', 'datasets', 'tokenizers'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": sys.path[0]},
    )
    assert found.stdout == "[]\n"


def test_texts_of_full_training_and_of_base_vectors_are_the_same_rows(toy, data):
    tokens = data_of(toy)[0]
    assert np.array_equal(tokens.queries.fingerprints, data[0].queries.fingerprints)
    assert np.array_equal(tokens.passages.fingerprints, data[0].passages.fingerprints)
