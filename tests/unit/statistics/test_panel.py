"""The panel of runs."""

from support import synthetic_study as synthetic

from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics.intervals import cell_units
from langscale.statistics.panel import Panel


def test_seeds_of_one_ladder_are_one_unit_if_only_some_seeds_are_scored(tmp_path):
    """Seeds 5 and 7 share ladder 1, seeds 6 and 8 ladder 2; the grid has more runs than the panel."""
    study = synthetic.study(
        replicates=8, ladder_count=2, grid=[{"samplers": ["x-y"], "n": [2]}], statistics={"resamples": 100}
    )
    grid, files = Grid(study), synthetic.write(tmp_path, study)
    scored = [run for run in grid.runs if run.seed in (0, 5, 6, 7, 8)]
    panel = Panel(study, grid, {run.path: Scores.load(files[run.path, "last", "cldr"]) for run in scored})
    (point,) = [point for point in panel.points if point.trained]
    columns = panel.columns(point)
    units = panel.independent(cell_units(columns))
    assert units == [{columns[5]: 0.5, columns[7]: 0.5}, {columns[6]: 0.5, columns[8]: 0.5}]
