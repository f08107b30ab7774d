"""The claims of arXiv:2408.10536. They use the paper's metric, mAP."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import pandas as pd

from langscale.claims.claim import Claim, Setup
from langscale.claims.model_cells import Design, needs_heldout, part
from langscale.claims.parts import ABOVE, AS_GOOD, BELOW, EQUAL, Missing, Part, Region
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED
from langscale.config.data import Audit
from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, SETTINGS, UNTRAINED
from langscale.models.known import LABSE, XLM_R, encoder
from langscale.published.figures import PAPER, TRAININGS
from langscale.retrieval.measures import NDCG_AT_10
from langscale.statistics.quantities import LANGUAGE_BIAS, Quantity

SAMPLERS = ("x-x-mono", "x-y", "hybrid")
ENCODERS = ((XLM_R, LABSE), "the paper's encoders are XLM-R and LaBSE")
LAREQA = Setup(("xquad-r", "mlqa-r"), "the paper's are XQuAD-R and MLQA-R", *ENCODERS)
MIRACL = Setup(("miracl",), "the paper's is MIRACL", *ENCODERS)


def starting_points(study: Study) -> tuple[str, str]:
    """The names of XLM-R base and LaBSE in a study. Raises Missing if it lacks one."""
    found = [
        next((name for name, model in study.models.items() if encoder(model.hub) == record), None)
        for record in (XLM_R, LABSE)
    ]
    if found[0] is None or found[1] is None:
        raise Missing("XLM-R and LaBSE are not both in the study")
    return found[0], found[1]


def _at(n: int) -> str:
    return f", n = {n}" if n else ""


def _mono_and_cross(d: Design) -> Iterator[Part]:
    n = d.top("x-x-mono", "x-y")
    for setting, a, b in (("mono", "x-x-mono", "x-y"), ("cross", "x-y", "x-x-mono")):
        text = f"{setting} mAP: {a} minus {b}{_at(n)}"
        yield part(ABOVE, d.quantity(setting), text, d.minus(a, b, n))


def _hybrid_against(d: Design, region: Region, quantity: Quantity, what: str) -> Iterator[Part]:
    n = d.top(*SAMPLERS)
    for other in ("x-x-mono", "x-y"):
        yield part(region, quantity, f"{what}: hybrid minus {other}{_at(n)}", d.minus("hybrid", other, n))


def _hybrid_as_good(d: Design) -> Iterator[Part]:
    for setting in SETTINGS:
        yield from _hybrid_against(d, AS_GOOD, d.quantity(setting), f"{setting} mAP")


def _hybrid_best_in_multi(d: Design) -> Iterator[Part]:
    yield from _hybrid_against(d, ABOVE, d.quantity("multi"), "multi mAP")


def _with_both(*both: Design) -> Iterator[Part]:
    for d in both:
        for parts in (_mono_and_cross, _hybrid_as_good, _hybrid_best_in_multi):
            for one in parts(d):
                yield replace(one, compared=f"{d.model}: {one.compared}")


def _less_bias(d: Design) -> Iterator[Part]:
    n = d.top("hybrid", "x-x-mono")
    for quantity in LANGUAGE_BIAS:
        text = f"{quantity.metric}: hybrid minus x-x-mono{_at(n)}"
        yield part(BELOW, quantity, text, d.minus("hybrid", "x-x-mono", n))


def _heldout_languages(d: Design) -> Iterator[Part]:
    n = d.top(*SAMPLERS)
    cells, where = [d.cell(1.0, "hybrid", n), d.cell(-1.0, UNTRAINED)], "queries in held-out languages"
    for setting in SETTINGS:
        text = f"{setting} mAP, {where}: hybrid{_at(n)}, minus untrained"
        yield needs_heldout(d, part(ABOVE, d.heldout(setting), text, cells))
    for one in _hybrid_against(d, AS_GOOD, d.heldout("multi"), f"multi mAP, {where}"):
        yield needs_heldout(d, one)


def _alphas_equal(d: Design) -> Iterator[Part]:
    names = [Spec("hybrid", alpha).name for alpha in d.alphas if 0.4 <= alpha <= 0.6]
    if len(names) < 2:
        yield Part("", EQUAL, missing="fewer than two alphas from .4 to .6 are in the grid")
    n = d.top(*names)
    for setting in SETTINGS:
        for a, b in combinations(names, 2):
            text = f"{setting} mAP: {b} minus {a}{_at(n)}"
            yield part(EQUAL, d.quantity(setting), text, d.minus(b, a, n))


def _miracl(d: Design) -> Iterator[Part]:
    n = d.top("hybrid", "x-x-mono")
    text = f"mono nDCG@10: hybrid minus x-x-mono{_at(n)}"
    yield part(EQUAL, d.quantity("mono", NDCG_AT_10.name), text, d.minus("hybrid", "x-x-mono", n))


def _separation(study: Study, tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row for every benchmark of the audit: the share of pairs of any part of any source that overlap with
    it.
    """
    audit = tables.get("audit")
    if audit is None or study.audit is None:
        return [{"benchmark": ALL, "verdict": NOT_TESTED, "reason": "the study has no audit"}]
    rows = []
    for benchmark, its in audit[audit["language"] == ALL].groupby("benchmark", sort=True):
        sources = ", ".join(dict.fromkeys(its["source"]))
        row = {
            "benchmark": benchmark,
            "compared": f"share of the pairs of {sources} with a text that is, or mostly is, in {benchmark}",
            "claimed": "equal to 0",
            "effect": its["offending"].sum() / max(its["pairs"].sum(), 1),
        }
        rows.append(row | _overlap(study, study.audit, its))
    return rows


def _overlap(study: Study, audit: Audit, its: pd.DataFrame) -> dict[str, str]:
    """Verdict and reason from the rows of a benchmark in the audit."""
    if its["offending"].sum() > 0:
        left = "left out before training" if audit.drop else "in the training data"
        return {"verdict": CONTRADICTED, "reason": f"{its['offending'].sum()} pairs overlap; they are {left}"}
    if (its["benchmark_texts"] == 0).any():
        return {"verdict": NOT_TESTED, "reason": "a source has no language in common: nothing to compare"}
    own = [name for name, source in study.sources.items() if source.train]
    lack = ", ".join(sorted(TRAININGS["mmarco+8"].sources - set(own)))
    reason = f"containment of 13-grams is below {audit.containment:g} everywhere; about this study's own "
    reason += f"training data ({', '.join(own)})" + (f", without the paper's {lack}" if lack else "")
    return {"verdict": SUPPORTED, "reason": reason}


CLAIMS = (
    Claim(
        id="C1",
        source=f"{PAPER}, Table 1",
        statement="x-x-mono is best only in mono, x-y only in cross: each pays in the other setting",
        holds="mono: x-x-mono above x-y. cross: x-y above x-x-mono",
        needs="x-x-mono and x-y at one n above 1",
        parts=_mono_and_cross,
        setup=LAREQA,
    ),
    Claim(
        id="C2",
        source=f"{PAPER}, Table 1",
        statement="hybrid is best or equal in mono, cross and multi at once",
        holds="mono, cross and multi: hybrid not below x-x-mono and not below x-y",
        needs="x-x-mono, x-y and hybrid at one n above 1",
        parts=_hybrid_as_good,
        setup=LAREQA,
    ),
    Claim(
        id="C3",
        source=f"{PAPER}, Table 1",
        statement="hybrid is best in multi",
        holds="multi: hybrid above x-x-mono and above x-y",
        needs="x-x-mono, x-y and hybrid at one n above 1",
        parts=_hybrid_best_in_multi,
        setup=LAREQA,
    ),
    Claim(
        id="C4",
        source=f"{PAPER}, Table 1",
        statement="C1 to C3 hold with XLM-R and with LaBSE as the starting point",
        holds="all parts of C1, C2 and C3 with XLM-R base, and with LaBSE",
        needs="XLM-R base and LaBSE, each with x-x-mono, x-y and hybrid at one n above 1",
        parts=_with_both,
        models=starting_points,
        setup=LAREQA,
    ),
    Claim(
        id="C5",
        source=f"{PAPER}, Table 2",
        statement="hybrid lowers language bias much against x-x-mono",
        holds="hybrid below x-x-mono in both measures of preference among translations: own before other, "
        "own first. The paper's rank distance falls whenever accuracy rises, so it is described only",
        needs="x-x-mono and hybrid at one n above 1",
        parts=_less_bias,
        setup=LAREQA,
    ),
    Claim(
        id="C6",
        source=f"{PAPER}, Tables 3 to 6",
        statement="hybrid generalises to languages without training data",
        holds="queries in held-out languages: hybrid above the untrained encoder in mono, cross and multi. "
        "In multi not below x-x-mono and not below x-y",
        needs="held-out languages, x-x-mono, x-y and hybrid at one n above 1",
        parts=_heldout_languages,
        setup=LAREQA,
    ),
    Claim(
        id="C7",
        source=f"{PAPER}, text",
        statement="alpha between .4 and .6 is about equally good",
        holds="mono, cross and multi: every two alphas from .4 to .6 within the margin",
        needs="two alphas of hybrid from .4 to .6 at one n above 1",
        parts=_alphas_equal,
        setup=LAREQA,
    ),
    Claim(
        id="C8",
        source=f"{PAPER}, text",
        statement="training and evaluation data are fully separate",
        holds="no pair of a training or validation set overlaps with the benchmark, by the audit. A count, "
        "without p",
        needs="an audit",
        count=_separation,
    ),
    Claim(
        id="C9",
        source=f"{PAPER}, Table 12",
        statement="in mono retrieval on MIRACL hybrid is close to x-x-mono",
        holds="mono, nDCG@10: hybrid within the margin of x-x-mono",
        needs="the benchmark miracl, x-x-mono and hybrid at one n above 1",
        parts=_miracl,
        large_corpora=True,
        setup=MIRACL,
    ),
)
