"""Every claim by id, in the order of the ledger, and docs/claims.md, written from the records.

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
CLAIMS = Records("langscale.claims", Claim, (*paper.CLAIMS, *hypotheses.CLAIMS), attrgetter("id"))

HEAD = """# Claims

The claims of arXiv:2408.10536 (C) and the hypotheses of this study (H). `tables/claims.csv` has a verdict on
each claim, for every model and benchmark. `statistics.claims` in the config selects claims by id.
[METHOD.md](METHOD.md), Claims, explains the tests. A claim is supported if every part holds.

`python -m langscale.claims.catalogue` writes this page from the records in `src/langscale/claims`, and a
test compares the two.

| id | source | claim | what must hold | needs |
|---|---|---|---|---|
"""


def declared(study: Study) -> list[Claim]:
    """The claims in the config's list, or all claims, in the order of the ledger.

    Raises UserError for an unknown id.
    """
    wanted = study.statistics.claims
    for i, name in enumerate(wanted or ()):
        if name not in CLAIMS:
            raise UserError(
                f"statistics.claims.{i}: {name} is unknown{nearest(name, CLAIMS)}; docs/claims.md lists all"
            )
    return [claim for claim in CLAIMS.values() if wanted is None or claim.id in wanted]


def manual() -> str:
    """docs/claims.md as Markdown."""
    return HEAD + "".join(
        f"| {c.id} | {c.source} | {c.statement} | {c.holds} | {c.needs} |\n" for c in CLAIMS.values()
    )


if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="utf-8")
