"""The contents of the report: title, alternative text and source of every figure and table, in order."""

from dataclasses import dataclass
from itertools import product

from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.reporting.budgets import joint_budgets

FIGURE_TABLES = (
    "scaling", "curves", "published", "pairs", "shares", "gaps", "transfer", "languages", "contrasts",
    "seeds", "decomposition", "similarity",
)  # fmt: skip
"""The CSV tables that the figures are drawn from."""


@dataclass(frozen=True)
class FigureRecord:
    """A figure: its title, the kind of picture for readers without it, and the file with its numbers."""

    title: str
    kind: str
    numbers: str
    needs: tuple[str, ...] = ()
    """Needs of the figure, by the names of `lacking`."""

    @property
    def alternative(self) -> str:
        """The alternative text."""
        return f"{self.kind}. The numbers are in {self.numbers}."


N = "the number of training languages"
FIGURES = {
    "gain": FigureRecord(
        "Gain from more training languages",
        f"Line charts of the gain in cross mAP over the smallest number of languages against {N}",
        "tables/contrasts.csv",
        needs=("training",),
    ),
    "gain-split": FigureRecord(
        "The gain from one training language, split",
        "Dot charts of the gain in mAP, of its part at equal rows and of the rest",
        "tables/decomposition.csv",
        needs=("training", "equal rows"),
    ),
    "budgets": FigureRecord(
        "Languages, rows and steps",
        f"Line charts of mAP against {N}, a line for each kind of budget",
        "tables/scaling.csv",
        needs=("training", "joint budgets"),
    ),
    "scaling-cross": FigureRecord(
        "Cross-lingual retrieval",
        f"Line charts of cross mAP against {N}",
        "tables/scaling.csv",
        needs=("training",),
    ),
    "scaling-mono": FigureRecord(
        "Monolingual retrieval",
        f"Line charts of mono mAP against {N}",
        "tables/scaling.csv",
        needs=("training",),
    ),
    "scaling-multi": FigureRecord(
        "Multilingual retrieval",
        f"Line charts of multi mAP against {N}",
        "tables/scaling.csv",
        needs=("training",),
    ),
    "tradeoff": FigureRecord(
        "Monolingual against multilingual retrieval",
        "Scatter plot of multi mAP against mono mAP, a point per sampler and number of training languages",
        "tables/scaling.csv",
    ),
    "alphas": FigureRecord(
        "Monolingual batches in hybrid",
        "Line charts of mAP and of language bias against alpha, a line for each number of training languages",
        "tables/scaling.csv",
        needs=("training", "alphas"),
    ),
    "gaps": FigureRecord(
        "Gap between training and held-out languages",
        f"Line charts of the gap in mAP against {N}",
        "tables/gaps.csv",
        needs=("heldout", "training"),
    ),
    "transfer": FigureRecord(
        "Held-out languages by script and branch",
        "Dot chart of cross mAP by group of languages",
        "tables/transfer.csv",
        needs=("heldout",),
    ),
    "similarity": FigureRecord(
        "Gain of held-out languages against similarity",
        "Scatter plots of the gain in cross mAP against similarity to the nearest training language",
        "tables/similarity.csv",
        needs=("heldout", "training", "several n", "BM25"),
    ),
    "matrix": FigureRecord(
        "Every pair of languages",
        "Two heat maps of query languages by candidate languages",
        "tables/pairs.csv",
    ),
    "preference": FigureRecord(
        "Preference among translations",
        f"Line charts of the preference among translations of the relevant passage against {N}",
        "tables/bias.csv",
        needs=("training",),
    ),
    "bias": FigureRecord(
        "Rank distance and own-language advantage",
        f"Line charts of rank distance and own-language advantage against {N}",
        "tables/bias.csv",
        needs=("training",),
    ),
    "shares": FigureRecord(
        "Languages of the top 10",
        f"Line charts of language shares against {N}",
        "tables/shares.csv",
        needs=("training",),
    ),
    "training": FigureRecord(
        "Training loss",
        f"Line charts of the loss against the training step, a line for each value of {N}",
        "runs/*/log.csv",
        needs=("training",),
    ),
}


def lacking(study: Study) -> set[str]:
    """The needs of figures that a study cannot meet, from its config."""
    kinds = {budget.kind for budget in study.budgets.values()}
    there = {
        "heldout": bool(study.languages.heldout),
        "training": bool(study.grid),
        "equal rows": {"fixed-total", "fixed-rows"} <= kinds,
        "joint budgets": bool(joint_budgets(study)),
        "alphas": _sweeps(study),
        "several n": len({n for arm in study.grid for n in arm.n}) > 1,
        "BM25": study.evaluation.bm25,
    }
    return {need for need, met in there.items() if not met}


def _sweeps(study: Study) -> bool:
    """Whether hybrid has several alphas between 0 and 1 at one n above 1 under one budget."""
    found: dict[tuple[int, str], set[float]] = {}
    for arm in study.grid:
        specs = [Spec.parse(sampler) for sampler in arm.samplers]
        inner = {s.alpha for s in specs if s.sampler == "hybrid" and s.alpha and s.alpha < 1}
        for n, budget in product(arm.n, arm.budgets or study.budgets):
            if n > 1 and arm.ladders == "random":
                found.setdefault((n, budget), set()).update(inner)
    return any(len(alphas) > 1 for alphas in found.values())


def figure_names(study: Study) -> list[str]:
    """The figures of a study, in the order of the report."""
    without = lacking(study)
    return [name for name, figure in FIGURES.items() if not without & set(figure.needs)]


@dataclass(frozen=True)
class TableRecord:
    """A table of the report: its title and the name of its caption in workflow/report."""

    title: str
    caption: str


TABLES = {
    "claims": TableRecord("Claims with verdicts", "claims"),
    "trends": TableRecord("Slope per doubling of the number of training languages", "trends"),
    "curves": TableRecord("Scaling curves", "curves"),
    "main": TableRecord("Samplers at the largest number of training languages", "main"),
    "contrasts": TableRecord("Declared contrasts", "contrasts"),
    "decomposition": TableRecord("The gain from one training language, split", "decomposition"),
    "budgets": TableRecord("Languages, rows and steps", "budgets-table"),
    "gaps": TableRecord("Gap between training and held-out languages", "gaps-table"),
    "transfer": TableRecord("Held-out languages by script and branch", "transfer-table"),
    "generality": TableRecord("Gain of held-out languages, for new languages too", "generality"),
    "similarity": TableRecord("Gain of each held-out language, with its similarity", "similarity-table"),
    "languages": TableRecord("Cross-lingual retrieval by query language", "languages"),
    "entry": TableRecord("Effect of a language's entry into training", "entry"),
    "diversity": TableRecord("Diversity of the training languages, at equal number", "diversity"),
    "components": TableRecord("Components of variance", "components"),
    "bias": TableRecord("Measures of language bias", "bias-table"),
    "sensitivity": TableRecord("Sensitivity to the clustering of queries", "sensitivity"),
    "published": TableRecord("Published values beside this study", "published"),
    "scaling": TableRecord("mAP by number of training languages", "scaling"),
    "data": TableRecord("Training and evaluation data", "data"),
}


def table_record(name: str) -> TableRecord:
    """The record of a table; `paper-<number>` is a table of the paper."""
    return TABLES.get(name) or TableRecord(f"Table {name.removeprefix('paper-')} of the paper", "paper")
