"""Figures, report and provenance.

Needs:  tables/*.csv, runs/<run>/log.csv
Makes:  figures/*.svg and .png, report.html (one file, opens offline), provenance.json
"""

from langscale.reporting.budgets import joint_budgets
from langscale.reporting.contents import FIGURE_TABLES, figure_names


report: "../report/study.rst"


FIGURES = figure_names(STUDY)


rule figures_of_study:
    """Gain, scaling curves, samplers and alpha, held-out languages, pairs of languages, language bias, loss."""
    input:
        tables=expand(f"{RESULTS}/tables/{{table}}.csv", table=FIGURE_TABLES),
        logs=[f"{RESULTS}/runs/{run.path}/log.json" for run in GRID.trained],
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
        tables=list(FIGURE_TABLES),
        pool=STUDY.languages.pool,
        joint=joint_budgets(STUDY),
        logs=[
            {
                "model": run.model,
                "sampler": run.sampler,
                "budget": run.budget,
                "n_languages": len(run.languages),
            }
            for run in GRID.trained
        ],
        code=lambda w: code("figures.py"),
    script:
        "../scripts/figures.py"


rule provenance:
    """Resolved config, git commit, versions, hardware, and the time that training took."""
    input:
        tables=rules.tables.input,
        logs=[f"{RESULTS}/runs/{run.path}/log.json" for run in GRID.trained],
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/provenance.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        study=lambda w, output: STUDY.model_dump(),
        identity=identity(title=STUDY.title),
        code=lambda w: code("provenance.py"),
    script:
        "../scripts/provenance.py"


rule report_of_study:
    """The story with its tables and figures, in one file."""
    input:
        tables=rules.tables.input,
        figures=rules.figures_of_study.output,
        provenance=rules.provenance.output,
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
        study=lambda w, output: STUDY.model_dump(),
        identity=identity(title=STUDY.title),
        captions={
            file.stem: file.read_text(encoding="utf-8")
            for file in sorted((ROOT / "workflow/report").glob("*.rst"))
        },
        code=lambda w: code("report.py"),
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
