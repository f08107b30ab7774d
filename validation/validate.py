"""Coverage of intervals and levels of tests in simulated studies with a known truth: `make validate`.

python validation/validate.py [--studies N] [--curve-studies N] [--ledgers N]

Writes docs/validation.md and three CSV files beside it in about 25 minutes on one core, without torch. Each
finished setting is kept in results/validation/, keyed by the code, so a stopped run resumes.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import simulated_curves
import simulated_ledgers
import simulated_studies as simulation

from langscale.claims import parts, testability, verdicts
from langscale.core import random as streams
from langscale.core.files import atomic
from langscale.languages import families as languages
from langscale.statistics import curve_fits as curves
from langscale.statistics import intervals as statistics
from langscale.statistics import scaling_curves as scaling

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "results/validation"
RESAMPLES = 400
BARS = {"coverage": (0.93, 0.98)} | dict.fromkeys(("rejected", "equivalent", "equivalent_share"), (0, 0.055))
WRONG = 0.05  # at most so many ledgers with a wrong verdict
TEXT = """\
# Validation of the statistics

`make validate` writes this page from {total:,} simulated studies: {settings} settings, {studies:,} studies
each{more}. A study has three trained cells and two rows without training randomness. It is drawn cluster by
cluster, with the real sizes of the query clusters (`validation/simulated_studies.py`). Every study passes
through the function behind the tables, `langscale.statistics.intervals.estimate`. It has {resamples}
bootstrap resamples instead of 10,000, so its intervals are slightly less stable. The row "10,000 resamples"
has the full number.

Limits: 95% confidence intervals over runs and queries cover the truth in 93 to 98% of the studies. Tests of
no effect reject at most 5.5%. Equivalence (two one-sided tests, margin {margin} mAP) is claimed in at most
5.5% of the studies if the true difference is the margin itself. The Monte Carlo error of a rate of 5% is
{error:.2%} (one standard error). {verdict}

Worlds, with standard deviations in mAP of runs (half of it shared by the cells of a replicate), queries,
cell x query and run x query:

{worlds}

Balanced ladders: the training languages are those of the real random ladders, rows of a Latin square, and
the truth is the mean over the training languages of the study. Such ladders balance each other, and the
interval takes them as independent. So it is too wide, most of all with few replicates.

## Intervals over runs and queries: coverage by number of replicates

Cells: the mean of a cell. Contrasts: paired differences of two trained cells, {kinds}.

{coverage}

## Tests of no effect: share of p < .05

{rejected}

## Equivalence claimed at a true difference of the margin

With intervals wider than the margin, equivalence can hardly be claimed. It can be claimed in the worlds
"small differences" and "equal cells".

{equivalent}

The same with a margin of {share:.0%} of the reference's measured mean, as for the rank distance:

{equivalent_share}

## Verdicts: tables of claims

{ledger_draws:,} simulated tables of claims in each world (`validation/simulated_ledgers.py`). The study is
the default study: its cells, runs and claims but H4, whose test is a permutation of another table, in the
default sequence (H0 first). A table passes through the functions behind `tables/claims.csv`, with
{ledger_resamples} bootstrap resamples. `wrong`:
share of tables with a wrong verdict: a claim that is not true and is supported, or one that is true and is
contradicted. An effect on the bound of a claim is neither. `decided`: mean number of claims with a verdict in
a table. Limit: a wrong verdict in at most {ledger_limit:.0%} of the tables, with two standard errors
({ledger_error:.3f}) allowed for the simulation. {ledger_verdict}

{ledgers}

## Intervals over queries

These percentile intervals hold for the given runs. The table has their coverage of the truth of these runs
over all queries. They are slightly too narrow for few or uneven clusters. They have no limit, because the
headline is the interval over runs and queries.

{runs}

## Curves over n

{curve_studies} studies for each known curve, with the queries of XQuAD-R ({curve_noise}), fitted as in the
tables. Few studies, because each refits every bootstrap resample. `chosen`: share of studies with the known
curve as the chosen one, if there are enough n for it and for another curve. Then the coverage of the 95%
interval of each parameter. An end that is not identified counts as open. Brackets: share of studies with
both ends identified, if below 1 (an n beyond the largest n has none). Two standard errors of a coverage of
.95 are {curve_error:.3f}. Slope: per doubling of n, for any number of n. For a constant curve, its test of
no slope rejects in 1 - coverage of the studies. The curves:

{truths}

{curves}
"""


def kept(identity: tuple, make: Callable[[], list[dict]]) -> list[dict]:
    """The result of `make`, from results/validation/ if it exists there."""
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


def ledger_setting(world: simulated_ledgers.World, ledgers: int, code: str) -> dict:
    """The row of one world of ledgers, kept or made."""
    (row,) = kept(
        (world.name, "ledgers", ledgers, code), lambda: [simulated_ledgers.validate(world, ledgers)]
    )
    return {"world": world.name, "ledgers": ledgers} | row


def shown_ledgers(table: pd.DataFrame) -> str:
    """A row per world. Rates beyond the limit are bold."""
    wrong = [
        f"{v:.3f}" if v <= ledger_bar(n) else f"**{v:.3f}**"
        for v, n in zip(table["wrong"], table["ledgers"], strict=True)
    ]
    decided = table["decided"].map("{:.1f}".format)
    return (
        table[["world"]].assign(wrong=wrong, decided=decided).to_markdown(index=False, disable_numparse=True)
    )


def ledger_bar(ledgers: int) -> float:
    """The largest share of wrong ledgers within the limit: WRONG and two standard errors."""
    return float(WRONG + 2 * (WRONG * (1 - WRONG) / ledgers) ** 0.5)


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
    """World and kind against replicates. Rates beyond the limit are bold."""
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
    parser.add_argument("--ledgers", type=int, default=1000, help="of each world of claims")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    code = "".join(Path(m.__file__).read_text() for m in (simulation, statistics, streams, languages))
    settings = [(w, r, options.studies, RESAMPLES) for w in simulation.WORLDS for r in simulation.REPLICATES]
    slow = simulation.World("10,000 resamples", *list(vars(simulation.WORLDS[1]).values())[1:])
    settings.append((slow, 4, max(options.studies // 10, 1), 10_000))
    table = pd.concat([setting(*s, code) for s in settings], ignore_index=True)
    code += "".join(Path(m.__file__).read_text() for m in (scaling, curves, simulated_curves))
    planted = [curve_setting(p, options.curve_studies, code) for p in simulated_curves.SETTINGS]
    of_curves = pd.concat(planted, ignore_index=True)
    modules = (simulated_ledgers, statistics, streams, parts, testability, verdicts)
    code = "".join(Path(str(m.__file__)).read_text() for m in modules)
    of_ledgers = pd.DataFrame(
        [ledger_setting(world, options.ledgers, code) for world in simulated_ledgers.WORLDS]
    )
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
        f"{worst['rejected'][1]:.3f}, false claims of equivalence up to {wrong:.3f}. "
        + ("All are" if beyond.empty else f"All but {len(beyond)} rates, in bold, are")
        + " within the limits."
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
        total=sum(s[2] for s in settings),
        settings=len(settings),
        studies=options.studies,
        resamples=RESAMPLES,
        more=f" ({settings[-1][2]:,} in the last)",
        margin=statistics.MARGIN,
        verdict=verdict,
        error=(0.05 * 0.95 / options.studies) ** 0.5,
        worlds=worlds.to_markdown(index=False, disable_numparse=True),
        kinds="equal or .01 apart, and of a trained cell and a fixed row, or of two fixed rows",
        coverage=shown(table, "coverage", list(simulation.KINDS)),
        rejected=shown(table, "rejected", contrasts),
        equivalent=shown(table, "equivalent", contrasts),
        equivalent_share=shown(table, "equivalent_share", contrasts),
        share=statistics.MARGIN / simulation.MEAN,
        curve_error=2 * (0.05 * 0.95 / options.curve_studies) ** 0.5,
        runs=shown(table, "runs_coverage", list(simulation.KINDS)),
        ledgers=shown_ledgers(of_ledgers),
        ledger_draws=options.ledgers,
        ledger_resamples=simulated_ledgers.RESAMPLES,
        ledger_limit=WRONG,
        ledger_error=ledger_bar(options.ledgers) - WRONG,
        ledger_verdict=f"Found: at most {of_ledgers['wrong'].max():.3f}.",
        curves=shown_curves(of_curves),
        curve_studies=options.curve_studies,
        truths=truths.to_markdown(disable_numparse=True),
        curve_noise=f"standard deviations: runs {noise[0]}, queries {noise[1]}, query x n {noise[2]}, "
        f"run x query {noise[3]}",
    )
    for name, written in (
        ("validation.md", text),
        ("validation.csv", table.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
        ("validation-ledgers.csv", of_ledgers.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
        ("validation-curves.csv", of_curves.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
    ):
        with atomic(options.folder / name) as partial:
            partial.write_text(written, encoding="utf-8")
    print(verdict)


if __name__ == "__main__":
    main()
