"""The hypotheses of this study. Those about multi use the primary endpoint, mAP@20."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import log2

import pandas as pd

from langscale.claims.claim import Claim, Entry
from langscale.claims.model_cells import Design, needs_heldout, part
from langscale.claims.paper import starting_points
from langscale.claims.parts import (
    ABOVE,
    AS_GOOD,
    BELOW,
    EQUAL,
    NAN,
    SLOWLY,
    Measured,
    Missing,
    Part,
)  # fmt: skip
from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.data import catalogue
from langscale.models.known import encoder
from langscale.retrieval.measures import MAP, MAP_AT_20
from langscale.statistics.diversity import SETS, number
from langscale.statistics.quantities import LANGUAGE_BIAS, Mix, Quantity
from langscale.statistics.scaling_curves import slope_weights

OWN = "hypothesis of this study"


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _turn(ns: Sequence[int]) -> int:
    """The n nearest to 4, from 3 to 6, with a larger n in the curve. 0: none."""
    return min((n for n in ns[:-1] if 3 <= n <= 6), key=lambda n: abs(log2(n / 4)), default=0)


def _rise_and_plateau(
    d: Design, sampler: str, ns: Sequence[int], quantity: Quantity, what: str
) -> Iterator[Part]:
    turn = _turn(ns)
    if not turn or ns[0] == turn:
        yield Part(what, EQUAL, missing=f"{sampler} has n = {_list(ns)}: none below, near 4 and above")
        return
    for region, last, first in ((ABOVE, turn, ns[0]), (EQUAL, ns[-1], turn)):
        text = f"{what}: {sampler}, n = {last} minus {first}"
        yield part(region, quantity, text, d.change(sampler, last, first), about_n=True)


def _question(d: Design) -> Iterator[Part]:
    """The question of the study, with more rows and at equal rows."""
    if not d.fixed_total:
        raise Missing("no budget has a fixed total")
    sampler, ns = d.curve()
    heldout = [code for code in d.languages if code in d.study.languages.heldout]
    pair_set = "heldout" if len(heldout) > 1 else "heldout-pool"
    where = {"heldout": "between held-out languages", "heldout-pool": "held-out queries, pool candidates"}
    what, quantity = f"cross mAP, {where[pair_set]}: {sampler}", d.quantity("cross", MAP.name, pair_set)
    cells = d.change(sampler, ns[-1], 1)
    yield needs_heldout(d, part(ABOVE, quantity, f"{what}, n = {ns[-1]} minus 1", cells, about_n=True))
    try:
        rows = d.equal_rows()
        n = rows.point(sampler, max(rows.ns(sampler), default=0)).n_languages
        cells = rows.change(sampler, n if n > 1 else ns[-1], 1)
    except Missing as reason:
        yield Part(f"{what}, at equal rows", ABOVE, missing=str(reason))
        return
    text = f"{what}, n = {n} minus 1, at equal rows"
    yield needs_heldout(d, part(ABOVE, quantity, text, cells, about_n=True))


def _dilution(d: Design) -> Iterator[Part]:
    sampler, ns = d.curve()
    if not d.fixed_total:
        raise Missing("no budget has a fixed total")
    text = f"mono mAP in {d.study.languages.pool[0]}: slope of {sampler} per doubling of n, {_list(ns)}"
    yield part(SLOWLY, d.first(), text, d.slope(sampler, ns), about_n=True)
    for one in _rise_and_plateau(d, sampler, ns, d.heldout("mono"), "mono mAP in held-out languages"):
        yield needs_heldout(d, one)


def _saturation(d: Design) -> Iterator[Part]:
    sampler, ns = d.curve()
    for setting, metric in (("cross", MAP.name), ("multi", MAP_AT_20.name)):
        quantity = d.quantity(setting, metric, "pool")
        yield from _rise_and_plateau(d, sampler, ns, quantity, f"{setting} {metric}, pool languages")


def _bias_along_n(d: Design) -> Iterator[Part]:
    for sampler, region in (("x-x-mono", AS_GOOD), ("x-y", BELOW)):
        # at n = 1 x-y is x-x-mono: that step would compare samplers
        ns = [n for n in d.ns(sampler) if n > 1 or not Spec.parse(sampler).crosses]
        last, first = (ns[-1], ns[0]) if len(ns) > 1 else (0, 0)
        for quantity in LANGUAGE_BIAS:
            text = f"{quantity.metric}: {sampler}, n = {last} minus {first}"
            if d.ns(sampler) and not last:
                yield Part(text, region, missing=f"{sampler} has fewer than two n to compare")
                continue
            yield part(region, quantity, text, d.change(sampler, last, first), about_n=True)


def _scripts(d: Design) -> Iterator[Part]:
    """The cells of the curve. tables/diversity.csv compares sets of equal n, and `_scripts_test` reads its
    test.
    """
    sampler, ns = d.curve()
    cells = [d.cell(1.0, sampler, n) for n in ns]
    sets = {n: d.language_sets(sampler, n) for n in ns if 1 < n < len(d.study.languages.pool)}
    sets = {n: its for n, its in sets.items() if len(its) >= SETS}
    if not sets:
        raise Missing(f"needs {SETS} distinct sets of languages at an n between 1 and the whole pool")
    if all(len({number(codes, "script") for codes in its}) == 1 for its in sets.values()):
        raise Missing("the sets of equal n have the same number of scripts")
    text = f"cross mAP, held-out queries, pool candidates: per script of the set, {sampler}"
    one = part(ABOVE, d.quantity("cross", MAP.name, "heldout-pool"), text, cells, about_n=True)
    yield needs_heldout(d, one)


def _scripts_test(entry: Entry, tables: Mapping[str, pd.DataFrame]) -> list[Measured]:
    """At equal n, held-out mAP against the number of scripts of the set; p by permutation of the ladders.

    The permutation test has no interval. With a control, p is the larger of the two.
    """
    diversity, (one,) = tables.get("diversity"), entry.parts
    if diversity is None:
        return [Measured(replace(one, missing="no table compares sets of equal n by their diversity"))]
    wanted = {"benchmark": entry.benchmark, "model": entry.model, "budget": entry.budget, "ladder": ALL}
    wanted |= {"checkpoint": "last"}
    here = diversity[(diversity[[*wanted]] == pd.Series(wanted)).all(axis=1)]
    tested = {"setting": "cross", "pair_set": "heldout-pool", "predictor": "scripts", "average": "macro"}
    found, notes = [], dict[str, None]()
    for terms in filter(None, (one.terms, one.control)):
        point = terms[0][1]
        alpha = here["alpha"].isna() if point.alpha is None else here["alpha"].eq(point.alpha)
        its = here[(here["sampler"] == point.sampler) & alpha]
        notes |= dict.fromkeys(note for note in its["note"].fillna("") if note)
        its = its[(its[[*tested]] == pd.Series(tested)).all(axis=1) & its["p"].notna()]
        found += its.to_dict("records")
    if len(found) < 1 + bool(one.control):
        return [Measured(replace(one, missing="; ".join(notes) or "no test of sets of equal n"))]
    row, p_for, p_against = found[0], NAN, NAN
    if not one.uncontrolled:
        p = [(row["p"], 1.0) if row["slope"] > 0 else (1.0, row["p"]) for row in found]
        p_for, p_against = (max(side) for side in zip(*p, strict=True))
    made = replace(one, compared=f"{one.compared}, n = {row['n_values']}")
    return [Measured(made, row["slope"], NAN, NAN, row["n_sets"], p_for, p_against)]


def _flatter(xlmr: Design, labse: Design) -> Iterator[Part]:
    """The slope of XLM-R is above the slope of LaBSE and above its negative: LaBSE moves less."""
    sampler, ns = xlmr.curve(labse)
    text = f"multi mAP@20, pool languages: slope of {sampler} per doubling of n, {_list(ns)}, {xlmr.model}"
    for sign, word in ((-1.0, "minus"), (1.0, "plus")):
        cells = xlmr.slope(sampler, ns) + labse.slope(sampler, ns, sign)
        quantity = xlmr.quantity("multi", MAP_AT_20.name, "pool")
        yield part(ABOVE, quantity, f"{text} {word} {labse.model}", cells, about_n=True)


def _best_alpha(d: Design) -> Iterator[Part]:
    """Of concave curves of one curvature, the steeper one has its top further to the right."""
    alphas = {1.0: "x-x-mono", 0.0: "x-y"} | {alpha: Spec("hybrid", alpha).name for alpha in d.alphas}
    for controlled in (True, False):  # alphas with their control in the grid, if there are three
        at = {
            n: sorted(a for a, name in alphas.items() if d.has(name, n, controlled))
            for n in sorted({n for _, n in d.points})
            if n > 1
        }
        full = [n for n, there in at.items() if len(there) > 2]
        pairs = [(n, m) for n, m in combinations(full, 2) if at[n] == at[m]]
        if pairs:
            break
    else:
        raise Missing("fewer than three alphas (x-y is 0, x-x-mono 1) at two n above 1")
    first, last = max(pairs, key=lambda pair: (pair[1], -pair[0]))
    used = at[first]
    steep = list(zip(slope_weights(used).tolist(), (alphas[a] for a in used), strict=True))
    cells = [d.cell(sign * w, s, n) for sign, n in ((1.0, last), (-1.0, first)) for w, s in steep]
    text = f"multi mAP@20, pool languages: slope over alpha ({_list(used)}), n = {last} minus {first}"
    yield part(ABOVE, d.quantity("multi", MAP_AT_20.name, "pool"), text, cells, about_n=True)


def sizes(study: Study) -> tuple[str, str]:
    """The smallest and the largest model of one family: a known family, or architectures of one type.

    Raises Missing if the study has no two sizes of a family.
    """
    families: dict[str, list[tuple[float, str]]] = {}
    for name, model in study.models.items():
        if (known := encoder(model.hub)) and known.family:
            families.setdefault(known.family, []).append((known.hidden**2 * known.layers, name))
        if model.architecture:
            its = model.architecture
            parameters = its.get("hidden_size", 0) ** 2 * its.get("num_hidden_layers", 0)
            families.setdefault(its["model_type"], []).append((parameters, name))
    for found in families.values():
        (small, a), (large, b) = min(found), max(found)
        if small < large:
            return a, b
    raise Missing("no two sizes of one model are in the study")


def _dilution_by_size(small: Design, large: Design) -> Iterator[Part]:
    """The larger model's slope is above the smaller model's slope, and this one is below 0."""
    sampler, ns = small.curve(large)
    text = f"mono mAP in {small.study.languages.pool[0]}: slope of {sampler} per doubling of n, {_list(ns)}"
    cells = large.slope(sampler, ns) + small.slope(sampler, ns, -1.0)
    yield part(ABOVE, small.first(), f"{text}, {large.model} minus {small.model}", cells, about_n=True)
    yield part(BELOW, small.first(), f"{text}, {small.model}", small.slope(sampler, ns), about_n=True)


def _translation_noise(d: Design) -> Iterator[Part]:
    low, pool = ("th", "hi"), d.study.languages.pool
    trained = [catalogue.source(name, source) for name, source in d.study.sources.items() if source.train]
    if not any(source.machine_translated for source in trained):
        raise Missing("the training data are not machine translated")
    if not set(low) < set(pool):
        raise Missing("th and hi are not in the pool")
    n = len(pool)  # every language is trained
    sampler = next((s for s in ("hybrid", "x-y", "x-x-mono") if n in d.ns(s)), None)
    if not sampler:
        raise Missing(f"no sampler has n = {n}, the whole pool")
    rest = tuple(code for code in pool if code not in low)
    quantity = Mix(
        ((1.0, Quantity("mono", MAP.name, ALL, low)), (-1.0, Quantity("mono", MAP.name, ALL, rest)))
    )
    text = f"mono mAP: th and hi minus the other pool languages, {sampler}, n = {n}"
    yield part(BELOW, quantity, text, [d.cell(1.0, sampler, n)])


CLAIMS = (
    Claim(
        id="H0",
        source=OWN,
        statement="cross-lingual retrieval of held-out languages improves with n, at equal rows too",
        holds="cross, pairs of held-out languages (held-out queries on pool candidates if the benchmark has "
        "one held-out language): the largest n above n = 1 with a fixed total, and the largest n of the arm "
        "at equal rows above n = 1",
        needs="held-out languages, a budget with a fixed total and one of kind fixed-rows, a sampler with "
        "n = 1 and larger n in both",
        parts=_question,
    ),
    Claim(
        id="H1",
        source=OWN,
        statement="mono falls slowly with n in the first language, and rises, then plateaus, in held-out "
        "languages",
        holds="mono in the first language of the ladders: slope per doubling of n from minus the margin to "
        "0. Queries in held-out languages: n = 4 above the smallest n, the largest n within the margin of"
        " n = 4 (or the nearest to 4, from 3 to 6)",
        needs="a budget with a fixed total, held-out languages, a sampler with n below 4, near 4 and above",
        parts=_dilution,
    ),
    Claim(
        id="H2",
        source=OWN,
        statement="cross and multi improve up to n of about 4, then saturate",
        holds="cross and multi, pool languages: n = 4 above the smallest n, the largest n within the margin "
        "of n = 4 (or the nearest to 4, from 3 to 6)",
        needs="a sampler with n below 4, near 4 and above",
        parts=_saturation,
    ),
    Claim(
        id="H3",
        source=OWN,
        statement="more languages do not reduce language bias with x-x-mono, and do with x-y",
        holds="both measures of preference among translations (own before other, own first), largest against "
        "smallest n: x-x-mono not lower by the margin, x-y (from n = 2) lower",
        needs="x-x-mono at two n, x-y and x-y-batch at two n above 1",
        parts=_bias_along_n,
    ),
    Claim(
        id="H4",
        source=OWN,
        statement="diversity of scripts predicts the gain on held-out languages better than n",
        holds="cross, queries in held-out languages on pool candidates: rises with the number of scripts "
        "among training sets of equal n (`diversity.csv`, permutation of ladders, no interval)",
        needs="held-out languages, and four sets of equal n with different numbers of scripts",
        parts=_scripts,
        test=_scripts_test,
    ),
    Claim(
        id="H5",
        source=OWN,
        statement="LaBSE is flatter in n than XLM-R",
        holds="multi, pool languages: the slope of XLM-R per doubling of n is above the slope of LaBSE, and "
        "above its negative",
        needs="XLM-R base and LaBSE, one sampler of both at two n",
        parts=_flatter,
        models=starting_points,
    ),
    Claim(
        id="H6",
        source=OWN,
        statement="the best alpha moves towards mono as n grows",
        holds="multi, pool languages: the slope over alpha (x-y is 0, x-x-mono 1) is higher at the largest n"
        " than at the smallest n above 1. For curves of equal curvature, the best alpha then lies "
        "further towards mono",
        needs="three alphas at two n above 1",
        parts=_best_alpha,
    ),
    Claim(
        id="H7",
        source=OWN,
        statement="dilution shrinks with model size",
        holds="mono in the first language: slope per doubling of n higher in the larger of two sizes of one "
        "model, and below 0 in the smaller (dilution)",
        needs="two sizes of one model, one sampler of both at two n",
        parts=_dilution_by_size,
        models=sizes,
    ),
    Claim(
        id="H8",
        source=OWN,
        statement="machine-translation noise keeps th and hi lower",
        holds="mono in th and hi below the mean of the other pool languages. Other differences between "
        "languages contribute",
        needs="training on machine translations, th and hi in the pool, a sampler at n = the whole pool",
        parts=_translation_noise,
    ),
)
