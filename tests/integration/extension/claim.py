"""A claim: training helps."""

from langscale.claims.claim import Claim
from langscale.claims.model_cells import part
from langscale.claims.parts import ABOVE
from langscale.config.terms import UNTRAINED


def _better(d):
    cells = [d.cell(1.0, "x-first", 2), d.cell(-1.0, UNTRAINED)]
    yield part(ABOVE, d.quantity("multi", "RR"), "multi RR: x-first minus untrained", cells)


TRAINING_HELPS = Claim(
    id="X1",
    source="a colleague",
    statement="training with x-first helps",
    holds="multi: RR of x-first above that of the untrained encoder",
    needs="x-first at n = 2",
    parts=_better,
)
