"""Every figure of a study."""

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from langscale.reporting.figures.dot_plots import tradeoff
from langscale.reporting.figures.language_matrix import matrix
from langscale.reporting.figures.line_charts import bias, comparable, gaps, scaling, shares, training
from langscale.reporting.figures.style import asked, of_gaps
from langscale.reporting.figures.transfer import transfer


def all_figures(
    tables: Mapping[str, pd.DataFrame], logs: pd.DataFrame, pool: list[str], names: list[str]
) -> Iterator[tuple[str, Figure]]:
    """(name, figure) of every figure in `names`. tables: scaling, curves, published, pairs, shares, gaps, transfer, languages."""
    t = dict(tables)
    t |= {name: asked(t[name], t["languages"], pool) for name in ("scaling", "transfer", "shares")}
    t["gaps"] = of_gaps(t["gaps"], t["scaling"])
    draw = {
        **{
            f"scaling-{setting}": lambda s=setting: scaling(t["scaling"], t["curves"], t["published"], s)
            for setting in ("mono", "cross", "multi")
        },
        "tradeoff": lambda: tradeoff(
            t["scaling"], *(comparable(t["published"], s) for s in ("mono", "multi"))
        ),
        "gaps": lambda: gaps(t["gaps"]),
        "transfer": lambda: transfer(t["transfer"]),
        "matrix": lambda: matrix(t["pairs"], pool),
        "bias": lambda: bias(t["scaling"]),
        "shares": lambda: shares(t["shares"]),
        "training": lambda: training(logs),
    }
    for name in names:
        yield name, draw[name]()
