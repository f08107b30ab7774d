"""Every figure of a planted study: bytes, texts, axes."""

from support.rendered_study import figure_tables, logs

from langscale.reporting import wording
from langscale.reporting.contents import figure_names
from langscale.reporting.figures import style as drawing
from langscale.reporting.figures.all_figures import all_figures


def test_the_same_bytes_twice(made, folder, tmp_path):
    again = ["scaling-cross", "matrix", "transfer"]
    for name, figure in all_figures(figure_tables(folder), logs(), made.study.languages.pool, again):
        drawing.save(figure, tmp_path, name)
        for file in (f"{name}.svg", f"{name}.png"):
            assert (tmp_path / file).read_bytes() == (folder / "figures" / file).read_bytes(), file


def test_figures_say_what_they_show(folder):
    """Text stays text in the svg: labels, lines and units can be read and searched."""

    def svg(name):
        return (folder / f"figures/{name}.svg").read_text(encoding="utf-8")

    for text in (
        "training languages",
        "cross mAP (0 to 1)",
        "x-y",
        "hybrid 0.5",
        "untrained",
        "BM25",
    ):
        assert f">{text}<" in svg("scaling-cross"), text
    for pair_set in ("pool", "pool-heldout", "heldout-pool", "heldout"):
        assert f">{wording.PAIR_SETS[pair_set]}<" in svg("scaling-cross")
    for name, counts in {
        "scaling-cross": {
            "24 queries × 3 languages": 2,
            "24 queries × 2 languages": 2,
            "4 replicates": 4,
        },
        # the pool asks on both sides of pool minus pool → held-out; elsewhere all five languages ask
        "gaps": {"24 queries × 3 languages": 1, "24 queries × 5 languages": 3, "4 replicates": 4},
        "transfer": {"24 queries": 1, "24 queries × 3 languages": 1, "4 replicates": 2},
        "preference": {"24 queries × 5 languages": 2, "96 queries": 2},
        "bias": {"24 queries × 5 languages": 2},
        "tradeoff": {"24 queries × 5 languages": 1},
        "training": {"1 run per line": 2},
        "matrix": {"(each cell: 24 queries, 4 replicates)": 2},
    }.items():
        assert {text: svg(name).count(f">{text}<") for text in counts} == counts, name
    assert ">rank distance<" in svg("bias") and ">ranks<" in svg("bias")
    assert ">no preference<" in svg("preference") and ">share (logit scale)<" in svg("preference")
    for text in (
        "Greek script, Greek (el) *",
        "Latin script, Germanic (nl)",
        "hybrid 0.5, 3 languages",
        "1 language",
    ):
        assert f">{text}<" in svg("transfer"), text
    assert ">InfoNCE (nats)<" in svg("training") and svg("training").count(">3 languages<") == 1
    assert ">mono mAP (0 to 1)<" in svg("tradeoff") and ">multi mAP (0 to 1)<" in svg("tradeoff")


def test_every_axis_is_named(made, folder):
    for name, figure in all_figures(
        figure_tables(folder), logs(), made.study.languages.pool, figure_names(made.study)
    ):
        for axes in figure.axes:
            if axes.get_label() != "<colorbar>":
                assert axes.get_xlabel(), name
        assert any(axes.get_ylabel() for axes in figure.axes) or name == "transfer"
        assert figure.get_figwidth() <= 7.01, (
            name
        )  # the text of a page: letters are not made smaller in print
