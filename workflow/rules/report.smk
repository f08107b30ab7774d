"""Figures, report and provenance.

Needs:  tables/*.csv, runs/<run>/log.csv
Makes:  figures/*.svg and .png, report.html (one file, opens offline), provenance.json
"""

FIGURES = [
    "scaling-mono",
    "scaling-cross",
    "scaling-multi",
    *(["transfer"] if STUDY.languages.heldout else []),
    "bias",
    "training",
]


rule figures_of_study:
    """Scaling curves, transfer, language bias and training curves."""
    input:
        tables=expand(f"{RESULTS}/tables/{{table}}.csv", table=["scaling", "transfer"]),
        logs=[f"{RESULTS}/runs/{run.path}/log.csv" for run in GRID.trained],
        code=code("figures.py", "figures.py"),
    output:
        expand(
            f"{RESULTS}/figures/{{figure}}.{{kind}}",
            figure=FIGURES,
            kind=["svg", "png"],
        ),
    log:
        f"{RESULTS}/logs/figures.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        names=FIGURES,
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
        code=code("provenance.py", "provenance.py"),
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
        code=code("report.py", "report.py", "report.html.jinja"),
    output:
        f"{RESULTS}/report.html",
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
        code("plan.py", "plan.py", "costs.py", "sizes.py"),
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
