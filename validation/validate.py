"""Do the intervals and tests keep their promises? Simulated studies with a planted truth; `make validate`.

python validation/validate.py [--studies N] writes docs/validation.md and docs/validation.csv. Each setting is kept in
results/validation/ as soon as it is done, so a run that was stopped goes on where it was; what is kept is used only for
the same code. Torch is not needed; about 20 minutes on one core.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import simulated_curves
import simulated_studies as simulation

from langscale.core import random as streams
from langscale.core.files import atomic
from langscale.languages import families as languages
from langscale.statistics import curve_fits as curves
from langscale.statistics import intervals as statistics
from langscale.statistics import trends as scaling

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "results/validation"
RESAMPLES = 400
BARS = {"coverage": (0.93, 0.98)} | dict.fromkeys(("rejected", "equivalent", "equivalent_share"), (0, 0.055))
TEXT = """\
# Validation of the statistics

Made by `make validate` from {total:,} simulated studies: {settings} settings, {studies:,} studies each{more}. A study
has three trained cells and two rows without training randomness, drawn question cluster by question cluster with the real cluster sizes;
`validation/simulated_studies.py` says how. Every study goes through the function that makes the tables
(`langscale.statistics.intervals.estimate`), with {resamples} bootstrap resamples instead of 10,000, which makes its intervals a
little less steady than those of the tables. The row "10,000 resamples" has as many as they have.

The bars: 95% procedure intervals hold the truth in 93 to 98% of the studies; tests of no effect reject at most 5.5%;
equivalence (two one-sided tests, margin {margin} mAP) is claimed for at most 5.5% where the truth is the margin itself.
Monte Carlo error of a rate of 5%: {error:.2%} (one standard error). {verdict}

Worlds (standard deviations in mAP of: runs, half of it shared by a replicate's cells; questions; cell x question; run x question):

{worlds}

Balanced ladders: the training languages are those of the real random ladders, rows of a Latin square, and the truth is
the mean over the pool. Such ladders balance each other, the interval takes them as independent: it is on the wide
side, most with few replicates.

## Procedure intervals: coverage by number of replicates

Cells: the mean of a cell. Contrasts: paired differences of two trained cells, {kinds}.

{coverage}

## Tests of no effect: share of p < .05

{rejected}

## Equivalence claimed where the truth is the margin

Where intervals are wider than the margin, equivalence can hardly be claimed at all; "small differences" and "equal
cells" are the worlds where it can.

{equivalent}

The same with a margin that is {share:.0%} of the reference's mean as the study found it, as the margin of the rank distance is:

{equivalent_share}

## Intervals of these runs

These percentile intervals speak about the runs as they are; coverage of the truth of the same runs over all questions. They are
somewhat too narrow where clusters are few or uneven, and have no bar: the headline is the procedure interval.

{runs}

## Curves over n

{curve_studies} studies each (a fit on every bootstrap resample makes them slow) of a planted curve with the questions of XQuAD-R ({curve_noise}), fitted as in the tables.
Chosen: share of studies in which the planted curve is the one that is believed, where there are n enough for it and another.
Then, of the 95% interval of each parameter of the planted curve, the coverage, an end that is "not identified" being open, and
in brackets the share with both ends, where not all have them (an n beyond the largest one has none). Two standard errors of a
coverage of .95 are {curve_error:.3f}. Slope: per doubling of n,
which any number of n allows; its test of no slope rejects 1 - coverage where the curve is constant. The curves:

{truths}

{curves}
"""


def kept(identity: tuple, make: Callable[[], list[dict]]) -> list[dict]:
    """What `make` returns, from results/validation/ if it was made before."""
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    file = KEPT / f"{name}.json"
    if not file.exists():
        rows = make()
        with atomic(file) as partial:
            partial.write_text(json.dumps(rows))
        print(*identity[:2], flush=True)
    return json.loads(file.read_text())


def setting(
    world: simulation.World, replicates: int, studies: int, resamples: int, code: str
) -> pd.DataFrame:
    """The rows of one setting, kept or made."""
    identity = (world, replicates, studies, resamples, code)
    rows = kept(identity, lambda: list(simulation.validate(world, replicates, studies, resamples)))
    known = {"world": world.name, "clusters": world.sizes, "replicates": replicates}
    known |= {"studies": studies, "resamples": resamples}
    return pd.DataFrame(rows).assign(**known)


def curve_setting(planted: simulated_curves.Planted, studies: int, code: str) -> pd.DataFrame:
    """The rows of one planted curve, kept or made."""
    rows = kept(
        (planted, studies, RESAMPLES, code),
        lambda: list(simulated_curves.validate_curves(planted, studies, RESAMPLES)),
    )
    n = " ".join(map(str, planted.n))
    known = {"curve": planted.curve, "n": n, "replicates": planted.replicates, "studies": studies}
    return pd.DataFrame(rows).assign(**known)


def shown_curves(table: pd.DataFrame) -> str:
    """A row per curve and design: chosen, then coverage (share identified) of each parameter."""
    share = table["identified"].map(lambda v: "" if v == 1 else f" ({v:.2f})")
    table = table.assign(text=table["coverage"].map("{:.3f}".format) + share)
    wide = table.pivot_table(
        index=["curve", "n", "replicates"], columns="parameter", values="text", aggfunc="first", sort=False
    )
    chosen = table.groupby(["curve", "n", "replicates"], sort=False)["chosen"].first()
    wide.insert(0, "chosen", chosen.map(lambda v: "" if pd.isna(v) else f"{v:.3f}"))
    return (
        wide.fillna("")
        .reset_index()
        .rename_axis(columns=None)
        .to_markdown(index=False, disable_numparse=True)
    )


def shown(table: pd.DataFrame, column: str, kinds: list[str]) -> str:
    """World and kind against replicates, rates beyond the bar marked."""
    rows = table[table["kind"].isin(kinds)].dropna(subset=column)
    low, high = BARS.get(column, (0, 1))
    text = (
        rows[column]
        .map("{:.3f}".format)
        .where(rows[column].between(low, high), rows[column].map("**{:.3f}**".format))
    )
    wide = rows.assign(text=text).pivot_table(
        index=["world", "kind"], columns="replicates", values="text", aggfunc="first", sort=False
    )
    return (
        wide.fillna("")
        .reset_index()
        .rename_axis(columns=None)
        .to_markdown(index=False, disable_numparse=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=10_000, help="of each setting")
    parser.add_argument("--curve-studies", type=int, default=400, help="of each planted curve")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs")
    asked = parser.parse_args()
    code = "".join(Path(m.__file__).read_text() for m in (simulation, statistics, streams, languages))
    settings = [(w, r, asked.studies, RESAMPLES) for w in simulation.WORLDS for r in simulation.REPLICATES]
    slow = simulation.World("10,000 resamples", *list(vars(simulation.WORLDS[1]).values())[1:])
    settings.append((slow, 4, max(asked.studies // 10, 1), 10_000))
    table = pd.concat([setting(*s, code) for s in settings], ignore_index=True)
    code += "".join(Path(m.__file__).read_text() for m in (scaling, curves, simulated_curves))
    planted = [curve_setting(p, asked.curve_studies, code) for p in simulated_curves.SETTINGS]
    of_curves = pd.concat(planted, ignore_index=True)
    contrasts = [kind for kind in simulation.KINDS if "contrast" in kind]
    beyond = pd.concat(
        [
            table.loc[~table[c].between(*bar) & table[c].notna(), ["world", "replicates", "kind", c]]
            for c, bar in BARS.items()
        ]
    )
    worst = {name: (table[name].min(), table[name].max()) for name in BARS}
    wrong = max(worst["equivalent"][1], worst["equivalent_share"][1])
    verdict = (
        f"Found: coverage {worst['coverage'][0]:.3f} to {worst['coverage'][1]:.3f}, rejections up to "
        f"{worst['rejected'][1]:.3f}, wrong claims of equivalence up to {wrong:.3f}; "
        + ("all within the bars." if beyond.empty else f"{len(beyond)} rates, in bold, are beyond the bars.")
    )
    worlds = pd.DataFrame([vars(w) for w in simulation.WORLDS]).rename(
        columns={"name": "world", "sizes": "clusters"}
    )
    truths = (
        pd.DataFrame(simulated_curves.TRUTHS, index=list("abc")).T.rename_axis("curve").map("{:g}".format)
    )
    noise = (
        simulated_curves.RUN,
        simulated_curves.QUESTION,
        simulated_curves.AT_N,
        simulated_curves.INTERACTION,
    )
    text = TEXT.format(
        total=sum(s[2] for s in settings), settings=len(settings), studies=asked.studies, resamples=RESAMPLES,
        more=f" ({settings[-1][2]:,} in the last)", margin=statistics.MARGIN, verdict=verdict,
        error=(0.05 * 0.95 / asked.studies) ** 0.5, worlds=worlds.to_markdown(index=False, disable_numparse=True),
        kinds="equal or .01 apart, and of a trained cell and a fixed row, or of two fixed rows",
        coverage=shown(table, "coverage", list(simulation.KINDS)), rejected=shown(table, "rejected", contrasts),
        equivalent=shown(table, "equivalent", contrasts), equivalent_share=shown(table, "equivalent_share", contrasts),
        share=statistics.MARGIN / simulation.MEAN, curve_error=2 * (0.05 * 0.95 / asked.curve_studies) ** 0.5, runs=shown(table, "runs_coverage", list(simulation.KINDS)),
        curves=shown_curves(of_curves), curve_studies=asked.curve_studies, truths=truths.to_markdown(disable_numparse=True),
        curve_noise=f"standard deviations: runs {noise[0]}, questions {noise[1]}, question x n {noise[2]}, run x question {noise[3]}",
    )  # fmt: skip
    for name, written in (
        ("validation.md", text),
        ("validation.csv", table.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
        ("validation-curves.csv", of_curves.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
    ):
        with atomic(asked.folder / name) as partial:
            partial.write_text(written, encoding="utf-8")
    print(verdict)


if __name__ == "__main__":
    main()
