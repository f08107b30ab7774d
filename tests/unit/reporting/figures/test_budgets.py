"""Languages, rows and steps together, from a planted study."""

from langscale.reporting.budgets import joint_budgets
from langscale.reporting.figures.budgets import budgets


def test_a_line_for_each_kind_of_budget_with_its_intervals(swept):
    scaling = swept.tables["scaling"]
    figure = budgets(scaling, joint_budgets(swept.study))
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert titles == ["mono", "cross, pool → pool", "cross, held-out → pool", "multi"]
    axes = figure.axes[2]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    bars = [tuple(segment[:, 1]) for bar in axes.collections for segment in bar.get_segments()]
    kinds = {
        "fixed-rows": "languages grow",
        "fixed-total": "languages and rows grow",
        "fixed-per-language": "languages, rows and steps grow",
    }
    for kind, name in kinds.items():
        rows = scaling.query(
            f"setting == 'cross' and pair_set == 'heldout-pool' and metric == 'mAP' and budget == '{kind}' "
            "and sampler == 'x-y' and status == 'all' and average == 'macro' and candidate_language == 'all'"
        ).sort_values("n_languages")
        assert lines[name].tolist() == rows["value"].tolist() and len(rows) == 2
        assert set(zip(rows["ci_low"], rows["ci_high"], strict=True)) <= set(bars)
    assert {"untrained", "BM25"} <= {*lines, *(t.get_text().split()[0] for t in axes.texts if t.get_text())}
    assert "x-y" in figure.axes[0].get_ylabel()


def test_a_study_without_such_budgets_is_a_blank(made):
    assert not budgets(made.tables["scaling"], joint_budgets(made.study)).axes
