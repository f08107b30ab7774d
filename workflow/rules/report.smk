"""Figures, report and provenance.

Needs:  tables/*.csv, runs/<run>/log.csv
Makes:  figures/*.svg and .png, report.html (one file, opens offline), provenance.json
"""


report: "../report/study.rst"


HELDOUT_FIGURES = ["gaps", "transfer"] if STUDY.languages.heldout else []
FIGURES = [
    *"scaling-cross scaling-mono scaling-multi tradeoff".split(),
    *HELDOUT_FIGURES,
    *"matrix bias shares training".split(),
]
FIGURE_TABLES = "scaling curves published pairs shares gaps transfer languages".split()


rule figures_of_study:
    """Scaling curves, samplers and alpha, gap and transfer, the language matrix, language bias, training curves."""
    input:
        tables=expand(f"{RESULTS}/tables/{{table}}.csv", table=FIGURE_TABLES),
        logs=[f"{RESULTS}/runs/{run.path}/log.csv" for run in GRID.trained],
        code=code(
            "figures.py",
            "reporting/figures/line_charts.py",
            "reporting/figures/style.py",
            "reporting/figures/dot_plots.py",
            "reporting/figures/language_matrix.py",
            "statistics/curve_fits.py",
            "reporting/tables.py",
            "languages/families.py",
        ),
    output:
        [
            report(
                f"{RESULTS}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": name},
            )
            for name in FIGURES
        ],
        expand(f"{RESULTS}/figures/{{figure}}.png", figure=FIGURES),
    log:
        f"{RESULTS}/logs/figures.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        names=FIGURES,
        tables=FIGURE_TABLES,
        pool=STUDY.languages.pool,
        logs=[
            {
                "model": run.model,
                "sampler": run.sampler,
                "budget": run.budget,
                "n_languages": len(run.languages),
            }
            for run in GRID.trained
        ],
    script:
        "../scripts/figures.py"


rule provenance:
    """Resolved config, git commit, versions, hardware, and the time that training took."""
    input:
        tables=rules.tables.input,
        logs=[f"{RESULTS}/runs/{run.path}/log.csv" for run in GRID.trained],
        code=code("provenance.py", "reporting/provenance.py"),
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/provenance.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        study=STUDY.model_dump(),
    script:
        "../scripts/provenance.py"


rule report_of_study:
    """The story with its tables and figures, in one file."""
    input:
        tables=rules.tables.input,
        figures=rules.figures_of_study.output,
        provenance=rules.provenance.output,
        captions=sorted((ROOT / "workflow/report").glob("*.rst")),
        code=code(
            "report.py",
            "reporting/report.py",
            "reporting/summary.py",
            "reporting/tables.py",
            "reporting/templates/report.html.jinja",
            "reporting/templates/report.css.jinja",
            "reporting/templates/report.js.jinja",
        ),
    output:
        report(
            f"{RESULTS}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"file": "report.html"},
        ),
    log:
        f"{RESULTS}/logs/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        study=STUDY.model_dump(),
    script:
        "../scripts/report.py"


rule figures:
    """All figures."""
    input:
        rules.figures_of_study.output,


rule report:
    """The report, with all that it shows."""
    input:
        rules.report_of_study.output,


rule plan:
    """What the study will cost, printed and as results/<study>/plan.csv; runs every time, and nothing else with it."""
    input:
        code("plan.py", "planning/summary.py", "planning/costs.py", "planning/sizes.py"),
    log:
        f"{RESULTS}/logs/plan.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        study=STUDY.model_dump(),
        results=RESULTS,
    script:
        "../scripts/plan.py"
