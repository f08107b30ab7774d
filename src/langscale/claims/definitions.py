"""Every claim of arXiv:2408.10536 and every hypothesis of this study, each written once as a test.

docs/METHOD.md, Claims, has the list in words. A claim gives the parts that must all hold (langscale.claims.tests) for the
cells of a model (langscale.claims.cells). The paper's claims use its metric, mAP; hypotheses about multi use the primary
endpoint, mAP@20.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from math import log2

from langscale.claims.cells import Design, slope_weights
from langscale.claims.tests import FALL, LESS, MORE, NOT_LESS, WITHIN, Missing, Part, Region, Terms, part
from langscale.config.sampler import Spec
from langscale.config.terms import ALL
from langscale.statistics.intervals import MARGIN, MARGIN_SHARE
from langscale.statistics.panel import Mix, Quantity

MUCH = 0.10  # of the rank distance; the paper's reductions are 13 to 30%
SAMPLERS = ("x-x-mono", "x-y", "hybrid")
TRANSLATED = ("squad", "mmarco")  # sources that are machine translated
ABOVE, BELOW = Region(MORE), Region(LESS)
EQUAL, AS_GOOD = Region(WITHIN, MARGIN), Region(NOT_LESS, MARGIN)


def _turn(ns: Sequence[int]) -> int:
    """The n nearest to 4, from 3 to 6, with a larger one behind it; 0 where there is none."""
    return min((n for n in ns[:-1] if 3 <= n <= 6), key=lambda n: abs(log2(n / 4)), default=0)


def _heldout(d: Design, one: Part) -> Part:
    return one if d.study.languages.heldout else replace(one, terms=(), missing="no language is held out")


def _at(n: int) -> str:
    return f", n = {n}" if n else ""


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def c1(d: Design) -> Iterator[Part]:
    n = d.top("x-x-mono", "x-y")
    for setting, a, b in (("mono", "x-x-mono", "x-y"), ("cross", "x-y", "x-x-mono")):
        yield part(
            ABOVE,
            d.quantity(setting),
            f"{setting} mAP: {a} minus {b}{_at(n)}",
            lambda _, a=a, b=b: d.minus(a, b, n),
        )


def c2(d: Design) -> Iterator[Part]:
    for setting in ("mono", "cross", "multi"):
        yield from _hybrid_against(d, AS_GOOD, d.quantity(setting), f"{setting} mAP")


def c3(d: Design) -> Iterator[Part]:
    yield from _hybrid_against(d, ABOVE, d.quantity("multi"), "multi mAP")


def _hybrid_against(d: Design, region: Region, quantity: Quantity, what: str) -> Iterator[Part]:
    n = d.top(*SAMPLERS)
    for other in ("x-x-mono", "x-y"):
        yield part(
            region,
            quantity,
            f"{what}: hybrid minus {other}{_at(n)}",
            lambda _, o=other: d.minus("hybrid", o, n),
        )


def c4(both: Sequence[Design]) -> Iterator[Part]:
    for d in both:
        for one in (one for claim in (c1, c2, c3) for one in claim(d)):
            yield replace(one, compared=f"{d.model}: {one.compared}")


def c5(d: Design) -> Iterator[Part]:
    n = d.top("hybrid", "x-x-mono")
    text = f"hybrid minus x-x-mono{_at(n)}"
    yield part(
        Region(LESS, MUCH, True), Quantity("multi", "rank distance"), f"rank distance: {text}",
        lambda _: d.minus("hybrid", "x-x-mono", n),
    )  # fmt: skip
    yield part(
        BELOW, Quantity("multi", "own-language advantage"), f"own-language advantage at equal multi mAP: {text}",
        lambda _: d.minus("hybrid", "x-x-mono", n), covariate=d.quantity("multi"),
    )  # fmt: skip


def c6(d: Design) -> Iterator[Part]:
    n = d.top(*SAMPLERS)
    for setting in ("mono", "cross", "multi"):
        yield _heldout(d, part(
            ABOVE, d.heldout(setting), f"{setting} mAP, questions in held-out languages: hybrid{_at(n)}, minus untrained",
            lambda _: ((1.0, d.point("hybrid", n)), (-1.0, d.untrained)),
        ))  # fmt: skip
    for one in _hybrid_against(d, AS_GOOD, d.heldout("multi"), "multi mAP, questions in held-out languages"):
        yield _heldout(d, one)


def c7(d: Design) -> Iterator[Part]:
    alphas = sorted(alpha for alpha in d.alphas if 0.4 <= alpha <= 0.6)
    names = [Spec("hybrid", a).name for a in alphas]
    if len(names) < 2:
        yield Part("", EQUAL, missing="fewer than two alphas from .4 to .6 are in the grid")
    n = d.top(*names)
    for setting in ("mono", "cross", "multi"):
        for a, b in combinations(names, 2):
            yield part(
                EQUAL,
                d.quantity(setting),
                f"{setting} mAP: {b} minus {a}{_at(n)}",
                lambda _, a=a, b=b: d.minus(b, a, n),
            )


def c9(d: Design) -> Iterator[Part]:
    n = d.top("hybrid", "x-x-mono")
    text = f"mono nDCG@10: hybrid minus x-x-mono{_at(n)}"
    yield part(EQUAL, d.quantity("mono", "nDCG@10"), text, lambda _: d.minus("hybrid", "x-x-mono", n))


def h1(d: Design) -> Iterator[Part]:
    sampler, ns = d.curve()
    if not d.fixed_total:
        raise Missing("no budget has a fixed total")
    text = f"mono mAP in {d.study.languages.pool[0]}: slope of {sampler} per doubling of n, {_list(ns)}"
    yield part(Region(FALL, MARGIN), d.first(), text, lambda as_: d.slope(as_(sampler), ns), about_n=True)
    for one in _rise_and_plateau(d, sampler, ns, d.heldout("mono"), "mono mAP in held-out languages"):
        yield _heldout(d, one)


def h2(d: Design) -> Iterator[Part]:
    sampler, ns = d.curve()
    for setting, metric in (("cross", "mAP"), ("multi", "mAP@20")):
        quantity = d.quantity(setting, metric, "pool")
        yield from _rise_and_plateau(d, sampler, ns, quantity, f"{setting} {metric}, pool languages")


def _rise_and_plateau(
    d: Design, sampler: str, ns: Sequence[int], quantity: Quantity, what: str
) -> Iterator[Part]:
    turn = _turn(ns)
    if not turn or ns[0] == turn:
        yield Part(what, EQUAL, missing=f"{sampler} has n = {_list(ns)}: none below, near 4 and above")
        return
    for region, last, first in ((ABOVE, turn, ns[0]), (EQUAL, ns[-1], turn)):
        yield part(
            region, quantity, f"{what}: {sampler}, n = {last} minus {first}",
            lambda as_, last=last, first=first: d.change(as_(sampler), last, first), about_n=True,
        )  # fmt: skip


def h3(d: Design) -> Iterator[Part]:
    for sampler, region in (("x-x-mono", Region(NOT_LESS, MARGIN_SHARE, True)), ("x-y", BELOW)):
        # at n = 1 x-y is mono: that step would compare samplers
        ns = [n for n in d.ns(sampler) if n > 1 or sampler != "x-y"]
        last, first = (ns[-1], ns[0]) if len(ns) > 1 else (0, 0)
        text = f"own-language advantage at equal multi mAP: {sampler}, n = {last} minus {first}"
        if d.ns(sampler) and not last:
            yield Part(text, region, missing=f"{sampler} has fewer than two n to compare")
            continue
        yield part(
            region, Quantity("multi", "own-language advantage"), text,
            lambda as_, s=sampler, last=last, first=first: d.change(as_(s), last, first),
            about_n=True, covariate=d.quantity("multi"),
        )  # fmt: skip


def h4(d: Design) -> Iterator[Part]:
    """Sets of equal n are compared in tables/diversity.csv; langscale.claims.ledger reads the test of these cells from there."""
    sampler, ns = d.curve()
    one = part(
        ABOVE, d.quantity("cross", "mAP", "heldout-pool"),
        f"cross mAP, held-out questions, pool candidates: per script of the set, {sampler}",
        lambda as_: tuple((1.0, d.point(as_(sampler), n)) for n in ns), about_n=True,
    )  # fmt: skip
    yield replace(one, missing="no matched sets: no table compares sets of equal n by their diversity")


def h5(both: Sequence[Design]) -> Iterator[Part]:
    """The slope of XLM-R is above that of LaBSE and above its negative: it rises, and more than LaBSE moves."""
    xlmr, labse = both
    sampler, ns = xlmr.curve(labse)
    for sign, word in ((-1.0, "minus"), (1.0, "plus")):
        yield part(
            ABOVE, xlmr.quantity("multi", "mAP@20", "pool"),
            f"multi mAP@20, pool languages: slope of {sampler} per doubling of n, {_list(ns)}, {xlmr.model} {word} {labse.model}",
            lambda as_, sign=sign: xlmr.slope(as_(sampler), ns) + labse.slope(as_(sampler), ns, sign), about_n=True,
        )  # fmt: skip


def h6(d: Design) -> Iterator[Part]:
    """Concave curves of one curvature have their top further to the right where they are steeper."""
    alphas = {1.0: "x-x-mono", 0.0: "x-y"} | {alpha: Spec("hybrid", alpha).name for alpha in d.alphas}
    at = {
        n: sorted(a for a, name in alphas.items() if n in d.ns(name))
        for n in sorted({n for _, n in d.points})
        if n > 1
    }
    full = [n for n, there in at.items() if len(there) > 2]
    pairs = [(n, m) for n, m in combinations(full, 2) if at[n] == at[m]]
    if not pairs:
        raise Missing("fewer than three alphas (x-y is 0, x-x-mono 1) at two n above 1")
    first, last = max(pairs, key=lambda pair: (pair[1], -pair[0]))
    used = at[first]

    def cells(as_: Callable[[str], str]) -> Terms:
        steep = list(zip(slope_weights(used), (as_(alphas[a]) for a in used), strict=True))
        return tuple((sign * w, d.point(s, n)) for sign, n in ((1.0, last), (-1.0, first)) for w, s in steep)

    text = f"multi mAP@20, pool languages: slope over alpha ({_list(used)}), n = {last} minus {first}"
    yield part(ABOVE, d.quantity("multi", "mAP@20", "pool"), text, cells, about_n=True)


def h7(both: Sequence[Design]) -> Iterator[Part]:
    """The slope of the larger one is above that of the smaller one, which falls: else there is nothing to shrink."""
    small, large = both
    sampler, ns = small.curve(large)
    text = f"mono mAP in {small.study.languages.pool[0]}: slope of {sampler} per doubling of n, {_list(ns)}"
    yield part(
        ABOVE, small.first(), f"{text}, {large.model} minus {small.model}",
        lambda as_: large.slope(as_(sampler), ns) + small.slope(as_(sampler), ns, -1.0), about_n=True,
    )  # fmt: skip
    yield part(
        BELOW, small.first(), f"{text}, {small.model}", lambda as_: small.slope(as_(sampler), ns), about_n=True,
    )  # fmt: skip


def h8(d: Design) -> Iterator[Part]:
    low, pool = ("th", "hi"), d.study.languages.pool
    if not any(source.train and name in TRANSLATED for name, source in d.study.sources.items()):
        raise Missing("the training data are not machine translated")
    if not set(low) < set(pool):
        raise Missing("th and hi are not in the pool")
    n = len(pool)  # all of them are trained
    sampler = next((s for s in ("hybrid", "x-y", "x-x-mono") if n in d.ns(s)), None)
    if not sampler:
        raise Missing(f"no sampler has n = {n}, the whole pool")
    rest = tuple(code for code in pool if code not in low)
    quantity = Mix(((1.0, Quantity("mono", "mAP", ALL, low)), (-1.0, Quantity("mono", "mAP", ALL, rest))))
    text = f"mono mAP: th and hi minus the other pool languages, {sampler}, n = {n}"
    yield part(BELOW, quantity, text, lambda _: ((1.0, d.point(sampler, n)),))


PAPER, OWN = "arXiv:2408.10536", "hypothesis of this study"

STATEMENTS = {
    "C1": (f"{PAPER}, Table 1", "x-x-mono is best only in mono, x-y only in cross: each pays in the other setting"),
    "C2": (f"{PAPER}, Table 1", "hybrid is best or equal in mono, cross and multi at once"),
    "C3": (f"{PAPER}, Table 1", "hybrid is best in multi"),
    "C4": (f"{PAPER}, Table 1", "C1 to C3 hold with XLM-R and with LaBSE as the starting point"),
    "C5": (f"{PAPER}, Table 2", "hybrid lowers language bias much against x-x-mono"),
    "C6": (f"{PAPER}, Tables 3 to 6", "hybrid generalises to languages without training data"),
    "C7": (f"{PAPER}, text", "alpha between .4 and .6 is about equally good"),
    "C8": (f"{PAPER}, text", "training and evaluation data are fully separate"),
    "C9": (f"{PAPER}, Table 12", "in mono retrieval on MIRACL hybrid is close to x-x-mono"),
    "H1": (OWN, "mono falls slowly with n in the first language, and rises, then plateaus, in held-out languages"),
    "H2": (OWN, "cross and multi improve up to n of about 4, then saturate"),
    "H3": (OWN, "more languages do not reduce language bias with x-x-mono, and do with x-y"),
    "H4": (OWN, "diversity of scripts predicts the gain on held-out languages better than n"),
    "H5": (OWN, "LaBSE is flatter in n than XLM-R"),
    "H6": (OWN, "the best alpha moves towards mono as n grows"),
    "H7": (OWN, "dilution shrinks with model size"),
    "H8": (OWN, "machine-translation noise keeps th and hi lower"),
}  # fmt: skip
