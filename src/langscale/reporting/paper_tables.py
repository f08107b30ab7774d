"""Tables 1-8, 12 and 13 of arXiv:2408.10536, filled by a study, with the published values beside its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.data import Benchmark
from langscale.config.model import Model
from langscale.config.study import Study
from langscale.config.terms import ALL, NONE, UNTRAINED
from langscale.core.csv_tables import write_csv
from langscale.models.known import LABSE
from langscale.published.figures import MEDIAN, PAPER, RANK_DISTANCE, figures
from langscale.reporting import formats
from langscale.reporting.comparison import at_n, checkpoint_rule, own_rows
from langscale.reporting.wording import Record
from langscale.retrieval.measures import MAP, NDCG_AT_10, RECALL_AT_1, RECALL_AT_10, RECALL_AT_100

# alpha, and the superscript of a value significantly better than the sampler's
SAMPLERS: dict[str, tuple[float | None, str]] = {
    "x-x-mono": (None, "m"),
    "x-y": (None, "x"),
    "hybrid": (0.5, "h"),
}

ROWS = ("model", "budget", "n", "quantity", "sampler")

_SUFFIXES = (" published", " better than")


@dataclass(frozen=True)
class Table:
    """A filled layout.

    cells, a row per cell: model, budget, n, quantity, sampler, column, metric, value (NaN: published only),
    published (text, empty: none), rank (1 best, 2 second, 0), better (samplers with significantly worse
    values).
    """

    caption: str
    cells: pd.DataFrame

    def plain(self) -> pd.DataFrame:
        """Numbers: value and published value of every column, and the significantly worse samplers."""
        parts = [self._wide("value"), self._wide("published").add_suffix(" published")]
        if (self.cells["better"] != "").any():
            parts.append(self._wide("better").add_suffix(" better than"))
        wide = pd.concat(parts, axis=1)
        names = [str(column) for column in wide]
        columns = [c for name in parts[0] for c in names if c.removeprefix(str(name)) in ("", *_SUFFIXES)]
        return wide[columns].replace("", np.nan).dropna(axis=1, how="all").reset_index()

    def shown(self) -> pd.DataFrame:
        """Text: value with its marks, and the published value in parentheses."""
        texts = [_text(cell) for cell in self.cells.to_dict("records")]
        wide = self._wide("text", self.cells.assign(text=texts)).fillna("").reset_index()
        names = [name for name in ROWS if name in wide]
        wide[names] = wide[names].astype(str)
        return wide.rename(columns={"n": "training languages"})

    def _wide(self, values: str, cells: pd.DataFrame | None = None) -> pd.DataFrame:
        cells = self.cells if cells is None else cells
        trained = cells[(cells["sampler"] != UNTRAINED) & cells["value"].notna()]
        alike = [name for name in ("budget", "n") if trained[name].nunique() < 2]
        alike += ["quantity"] if cells["quantity"].nunique() < 2 else []
        wide = cells.pivot(index=list(ROWS), columns="column", values=values)
        order = cells[list(ROWS)].drop_duplicates()
        wide = wide.reindex(
            index=pd.MultiIndex.from_frame(order), columns=list(dict.fromkeys(cells["column"]))
        )
        return wide.rename_axis(columns=None).reset_index(alike, drop=True)


def digits(metric: str) -> int:
    """Decimals in print."""
    return 1 if metric == RANK_DISTANCE else 3


def _text(cell: Record) -> str:
    text = ""
    if not np.isnan(cell["value"]):
        text = f"{cell['value']:.{digits(cell['metric'])}f}"
        text = {1: formats.BOLD, 2: formats.UNDERLINED}.get(cell["rank"], "{}").format(text)
    if cell["better"]:
        text += formats.RAISED.format(" ".join(SAMPLERS[name][1] for name in cell["better"].split()))
    return f"{text} ({cell['published']})".strip() if cell["published"] else text


def write(table: Table, folder: str | Path, name: str) -> None:
    """Write folder/name.csv, .md and .tex."""
    write_csv(Path(folder) / f"{name}.csv", table.plain())
    formats.write(folder, name, table.shown(), [table.caption], caption=True)


N = 9  # languages that the paper trains on
LEVEL = 0.05
DETAIL = (
    ("mono", MAP.name),
    ("mono", RECALL_AT_1.name),
    ("cross", MAP.name),
    ("cross", RECALL_AT_1.name),
    ("multi", MAP.name),
    ("multi", RECALL_AT_10.name),
)
MIRACL = (("mono", NDCG_AT_10.name), ("mono", RECALL_AT_100.name))
DISTANCE = (("multi", RANK_DISTANCE),)


@dataclass(frozen=True)
class Layout:
    """The content of one table.

    labse: the paper has one table for LaBSE and one for XLM-R. Other encoders go with XLM-R. None: all.
    """

    title: str
    sets: tuple[str, ...]
    quantities: tuple[tuple[str, str], ...]
    by_language: bool = True
    labse: bool | None = None

    def has(self, model: Model) -> bool:
        """Whether the table has rows for a model."""
        return self.labse is None or (model.hub == LABSE.hub) == self.labse


_BOTH = ("xquad-r", "mlqa-r")
LAYOUTS = {
    1: Layout("mAP by setting", _BOTH, tuple((s, MAP.name) for s in ("mono", "cross", "multi")), False),
    2: Layout("rank distance (lower is better)", _BOTH, DISTANCE, False),
    3: Layout("XQuAD-R by query language", ("xquad-r",), DETAIL, labse=False),
    4: Layout("MLQA-R by query language", ("mlqa-r",), DETAIL, labse=False),
    5: Layout("XQuAD-R by query language, LaBSE", ("xquad-r",), DETAIL, labse=True),
    6: Layout("MLQA-R by query language, LaBSE", ("mlqa-r",), DETAIL, labse=True),
    7: Layout("rank distance on XQuAD-R (lower is better)", ("xquad-r",), DISTANCE),
    8: Layout("rank distance on MLQA-R (lower is better)", ("mlqa-r",), DISTANCE),
    12: Layout("MIRACL by language", ("miracl",), MIRACL, labse=False),
    13: Layout("MIRACL by language, LaBSE", ("miracl",), MIRACL, labse=True),
}


def names(study: Study) -> list[str]:
    """The tables with a benchmark and an encoder of the study."""
    sets = {options.set or name for name, options in study.benchmarks.items()}
    return [
        f"paper-{number}"
        for number, layout in LAYOUTS.items()
        if sets & set(layout.sets) and any(map(layout.has, study.models.values()))
    ]


def fill(
    study: Study, name: str, scaling: pd.DataFrame, languages: pd.DataFrame, contrasts: pd.DataFrame
) -> Table:
    """The table `paper-<number>` from scaling.csv, languages.csv and contrasts.csv.

    The rows are the untrained encoder and the three samplers at nine training languages, else at the largest
    number, of random language orders, at the paper's checkpoint if the study has it.
    """
    number = int(name.removeprefix("paper-"))
    layout, rule = LAYOUTS[number], checkpoint_rule(study)
    rows = own_rows(study, scaling, languages)
    rows = rows[rows["set"].isin(layout.sets) & (rows["checkpoint"] == rule)]
    rows = rows[rows["benchmark"].isin(_benchmarks(study, rows))]
    rows = rows[rows["model"].isin([m for m, options in study.models.items() if layout.has(options)])]
    wanted = [pair in layout.quantities for pair in zip(rows["setting"], rows["metric"], strict=True)]
    rows = rows[np.array(wanted, dtype=bool) & (layout.by_language | (rows["query_language"] == ALL))]
    sampled = [
        _is_shown(sampler, alpha) for sampler, alpha in zip(rows["sampler"], rows["alpha"], strict=True)
    ]
    rows = rows[np.array(sampled, dtype=bool)]
    rows = pd.DataFrame(at_n(rows.to_dict("records"), N), columns=rows.columns)
    rows = rows.drop_duplicates(
        ["set", "model", "budget", "sampler", "alpha", "setting", "metric", "query_language"]
    )
    better = _better(rows, contrasts)
    cells = [_cell(layout, row, better) for row in rows.to_dict("records")]
    if layout.by_language:
        cells += _medians(layout, cells)
    cells += _published(study, layout, number, cells)
    table = pd.DataFrame(cells)
    return Table(_caption(study, number, layout, rows), _sorted(study, layout, number, _ranked(table)))


def _is_shown(sampler: str, alpha: float | None) -> bool:
    if sampler == UNTRAINED:
        return True
    return sampler in SAMPLERS and (SAMPLERS[sampler][0] is None or alpha == SAMPLERS[sampler][0])


def _benchmarks(study: Study, rows: pd.DataFrame) -> list[str]:
    """One benchmark of every data set: the paper's candidate text first, then all queries before a part."""
    texts = rows.drop_duplicates("benchmark").set_index("benchmark")["candidate_text"]

    def key(item: tuple[str, Benchmark]) -> tuple[bool, bool]:
        name, options = item
        return texts[name] in ("sentence+paragraph", "paragraph"), _is_part(options)

    ordered = sorted(((n, o) for n, o in study.benchmarks.items() if n in texts), key=key)
    return list({options.set or name: name for name, options in reversed(ordered)}.values())


def _is_part(options: Benchmark) -> bool:
    return bool(options.every_article or options.every_paragraph or options.questions)


def _cell(layout: Layout, row: Record, better: dict[tuple[Any, ...], list[str]]) -> Record:
    contrasted = row["query_language"] == ALL
    key = tuple(
        row[k] for k in ("benchmark", "model", "budget", "n_languages", "setting", "metric", "sampler")
    )
    place = _place(layout, row["set"], row["setting"], row["metric"], row["query_language"])
    return place | {
        "model": row["model"],
        "budget": row["budget"],
        "n": row["n_languages"],
        "sampler": row["sampler"],
        "value": row["value"],
        "published": "",
        "better": " ".join(better.get(key, [])) if contrasted else "",
    }


def _place(layout: Layout, data_set: str, setting: str, metric: str, language: str) -> Record:
    """The block of rows and the column of a quantity."""
    if layout.by_language:
        several = len(layout.quantities) > 1
        return {
            "quantity": f"{setting} {metric}" if several else metric,
            "metric": metric,
            "column": "mean" if language == ALL else language,
        }
    column = data_set if metric == RANK_DISTANCE else f"{data_set} {setting}"
    return {"quantity": metric, "metric": metric, "column": column}


def _medians(layout: Layout, cells: list[Record]) -> list[Record]:
    """The median over languages of every row of MIRACL, as the paper prints it."""
    if layout.quantities != MIRACL:
        return []
    table = pd.DataFrame([cell for cell in cells if cell["column"] != "mean"])
    if table.empty:
        return []
    keys = ["model", "budget", "n", "quantity", "sampler", "metric", "published", "better"]
    medians = table.groupby(keys, sort=False, as_index=False)["value"].median()
    return medians.assign(column=MEDIAN).to_dict("records")


def _published(study: Study, layout: Layout, number: int, cells: list[Record]) -> list[Record]:
    """Put the published values into the cells of the same encoder. Further cells for values without one."""
    table = figures()
    table = table[(table["source"] == PAPER) & (table["table"] == f"Table {number}")]
    sets = {options.set or name for name, options in study.benchmarks.items()}
    further = []
    for row in table[table["benchmark"].isin(sets)].to_dict("records"):
        place = _place(layout, row["benchmark"], row["setting"], row["metric"], row["query_language"])
        key = place | {"sampler": row["sampler"]}
        own = [name for name, options in study.models.items() if options.hub == row["model"]]
        found = [c for c in cells if c["model"] in own and all(c[k] == v for k, v in key.items())]
        for cell in found:
            cell["published"] = row["value"]
        if not found:
            text = {"model": f"{row['model']}, published", "budget": NONE, "n": N, "published": row["value"]}
            further.append(key | text | {"value": np.nan, "better": ""})
    return further


def _better(rows: pd.DataFrame, contrasts: pd.DataFrame) -> dict[tuple[Any, ...], list[str]]:
    """Samplers with a significantly worse value: paired contrasts over all languages, adjusted p < LEVEL."""
    found: dict[tuple[Any, ...], list[str]] = {}
    checkpoints = set(rows["checkpoint"])
    whole = (
        (contrasts["pair_set"] == ALL)
        & (contrasts["candidate_language"] == ALL)
        & (contrasts["average"] == "macro")
    )
    same = [
        contrasts[f"cell_{k}"] == contrasts[f"reference_{k}"]
        for k in ("model", "budget", "n_languages", "ladder")
    ]
    whole &= (
        np.logical_and.reduce(same)
        & (contrasts["cell_ladder"] == ALL)
        & contrasts["checkpoint"].isin(checkpoints)
    )
    for row in contrasts[whole & (contrasts["p_adjusted"] < LEVEL)].to_dict("records"):
        sides = [(row[f"{side}_sampler"], row[f"{side}_alpha"]) for side in ("cell", "reference")]
        if not all(_is_shown(*side) for side in sides):
            continue
        first = (row["difference"] > 0) != (row["metric"] == RANK_DISTANCE)
        winner, loser = sides if first else sides[::-1]
        key = tuple(
            row[k]
            for k in ("benchmark", "cell_model", "cell_budget", "cell_n_languages", "setting", "metric")
        )
        found.setdefault((*key, winner[0]), []).append(loser[0])
    return {key: sorted(losers, key=list(SAMPLERS).index) for key, losers in found.items()}


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Best and second of the trained samplers of a model, as rounded in print; 0 for a sampler alone."""
    table = table.assign(rank=0)
    trained = table[(table["sampler"] != UNTRAINED) & table["value"].notna()]
    for (*_, metric, _), group in trained.groupby(
        ["model", "budget", "n", "quantity", "metric", "column"], sort=False
    ):
        if len(group) > 1:
            # the digits that are shown: .6475 is printed .647, while rounding half to even gives .648
            values = group["value"].map(f"{{:.{digits(str(metric))}f}}".format).astype(float)
            rank = values.rank(method="dense", ascending=metric == RANK_DISTANCE).astype(int)
            table.loc[group.index, "rank"] = rank.where(rank <= 2, 0)
    return table


def _sorted(study: Study, layout: Layout, number: int, table: pd.DataFrame) -> pd.DataFrame:
    """Models as in the config, then published ones. Samplers and columns as in the paper, untrained first."""

    def order(known: Sequence[str], values: pd.Series) -> pd.Series:
        known = list(dict.fromkeys([*known, *values]))
        return values.map({value: i for i, value in enumerate(known)})

    printed = figures()
    printed = printed[(printed["source"] == PAPER) & (printed["table"] == f"Table {number}")]
    places = [
        _place(layout, *values)
        for values in printed[["benchmark", "setting", "metric", "query_language"]].itertuples(index=False)
    ]
    last = ["mean", MEDIAN]
    columns = [p["column"] for p in places if p["column"] not in last]
    columns = [*columns, *(c for c in dict.fromkeys(table["column"]) if c not in last), *last]
    quantities = [f"{setting} {metric}" for setting, metric in layout.quantities]
    orders = [
        order(list(study.models), table["model"]),
        order(quantities, table["quantity"]),
        order([NONE], table["budget"]),
        order([UNTRAINED, *SAMPLERS], table["sampler"]),
        order(columns, table["column"]),
    ]
    return table.iloc[np.lexsort(orders[::-1])].reset_index(drop=True)


def _caption(study: Study, number: int, layout: Layout, rows: pd.DataFrame) -> str:
    """The table's number and title, the study's conditions, and the meaning of the marks."""
    trained = rows.loc[rows["n_languages"] > 0, "n_languages"]
    n = " and ".join(str(v) for v in sorted(set(trained))) or "none"
    texts = " and ".join(dict.fromkeys(rows["candidate_text"]))
    parts = " and ".join(b for b in dict.fromkeys(rows["benchmark"]) if _is_part(study.benchmarks[b]))
    part = f"; only a part of {parts}" if parts else ""
    return (
        f"Table {number} of {PAPER}: {layout.title}. Number of training languages: {n}; checkpoint: "
        f"{' and '.join(dict.fromkeys(rows['checkpoint']))}; candidate text: {texts}{part}. Bold: best, "
        "underlined: second of the trained samplers. Superscripts: better than x-x-mono (m), x-y (x), hybrid "
        "(h) in the paired contrast over all languages, adjusted p < .05. In parentheses: published; "
        "published.md states which can be compared."
    )
