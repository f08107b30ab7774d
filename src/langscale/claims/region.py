"""Where a claim says that an effect lies, and the tests of whether it does."""

from typing import NamedTuple

import numpy as np
from scipy import stats

MORE, LESS, WITHIN, NOT_LESS, FALL = "above", "below", "within", "not below", "falling"


class Region(NamedTuple):
    """Where an effect lies, as a claim has it.

    above: over the margin (or 0); below: under -margin; within: between -margin and margin; not below: over -margin;
    falling: between -margin and 0. With `share` the margin is a share of the reference's value (the mean of the cells with negative weight).
    """

    kind: str
    margin: float = 0.0
    share: bool = False

    def __str__(self) -> str:
        size = f"{100 * self.margin:g}% of the reference" if self.share else f"{self.margin:g}"
        if self.kind == FALL:
            return f"from -{size} to 0"
        sign = {WITHIN: "+-", MORE: ""}.get(self.kind, "-") if self.margin else ""
        return f"{MORE if self.kind == NOT_LESS else self.kind} {sign}{size}"

    @property
    def sides(self) -> int:
        """Of the test that supports the claim: two against 0 or a least size, one against a margin."""
        return 1 if self.kind in (WITHIN, NOT_LESS) else 2

    def p(self, mean: float, se: float, df: float, reference: float = 1.0) -> tuple[float, float]:
        """(p of "the effect does not lie there", p of "it does"): small ones support and contradict the claim.

        Against 0, or a least size, p is two-sided: the same test finds the opposite. Against a margin it is one-sided:
        within it, two one-sided tests (Schuirmann 1987) as `statistics.equivalence_p`. What contradicts is two-sided
        everywhere: the 95% interval lies outside. nan where se is.
        """
        margin = self.margin * (abs(reference) if self.share else 1.0)
        low = {MORE: margin, LESS: -np.inf}.get(self.kind, -margin)
        high = {LESS: -margin, WITHIN: margin, FALL: 0.0}.get(self.kind, np.inf)
        above, below = (mean - low) / se, (high - mean) / se
        inside = max(
            stats.t.sf(above, df) * (2 if self.kind == MORE else 1),
            stats.t.sf(below, df) * (2 if self.kind in (LESS, FALL) else 1),
        )
        outside = 2 * min(stats.t.cdf(above, df), stats.t.cdf(below, df))
        return min(float(inside), 1.0), min(float(outside), 1.0)
