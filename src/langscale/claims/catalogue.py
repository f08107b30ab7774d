"""Every claim by id, in the order of the table of claims, and docs/claims.md, written from the records.

`python -m langscale.claims.catalogue` writes docs/claims.md.
"""

from operator import attrgetter
from pathlib import Path

from langscale.claims import hypotheses, paper
from langscale.claims.claim import Claim
from langscale.config.fields import nearest
from langscale.config.study import Study
from langscale.core.entry_points import Records
from langscale.core.errors import UserError

PAGE = Path(__file__).parents[3] / "docs/claims.md"
SEQUENCE = ("H0", "H1", "H2", "C1", "C2", "C3", "C5", "C6")
"""The order of the tests by default, the question of the study first. The other claims follow."""
CLAIMS = Records("langscale.claims", Claim, (*paper.CLAIMS, *hypotheses.CLAIMS), attrgetter("id"))

HEAD = """# Claims

The claims of arXiv:2408.10536 (C) and the hypotheses of this study (H). `tables/claims.csv` has a verdict on
each claim. `statistics.claims` in the config selects claims by id, `statistics.sequence` orders their tests.
[METHOD.md](METHOD.md), Claims, explains the tests. A claim is supported if every part holds.

`python -m langscale.claims.catalogue` writes this page from the records in `src/langscale/claims`, and a
test compares the two.

| id | source | claim | what must hold | needs |
|---|---|---|---|---|
"""


def declared(study: Study) -> list[Claim]:
    """The claims in the config's list, or all claims, in the order of the tests.

    Raises UserError for an unknown id, and for a claim in the sequence that is not in the list.
    """
    options = study.statistics
    for key, names in (("claims", options.claims), ("sequence", options.sequence)):
        for i, name in enumerate(names or ()):
            if name not in CLAIMS:
                close = nearest(name, CLAIMS)
                raise UserError(f"statistics.{key}.{i}: {name} is unknown{close}; docs/claims.md lists all")
    wanted = list(CLAIMS) if options.claims is None else options.claims
    for i, name in enumerate(options.sequence or ()):
        if name not in wanted:
            raise UserError(f"statistics.sequence.{i}: {name} is not in statistics.claims; add it there")
    order = dict.fromkeys([*(options.sequence or ()), *SEQUENCE, *CLAIMS])
    return [CLAIMS[name] for name in order if name in wanted]


def manual() -> str:
    """docs/claims.md as Markdown."""
    return HEAD + "".join(
        f"| {c.id} | {c.source} | {c.statement} | {c.holds} | {c.needs} |\n" for c in CLAIMS.values()
    )


if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="utf-8")
