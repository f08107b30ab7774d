"""langscale: how the number of training languages changes multilingual dense retrieval. See README.md."""

import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.20")

ROOT = Path(workflow.snakefile).resolve().parent
if ROOT.name == "workflow":
    ROOT = ROOT.parent
sys.path.insert(0, str(ROOT / "src"))
# for the scripts of the jobs
PATHS = [str(ROOT / "src"), *dict(os.environ).get("PYTHONPATH", "").split(os.pathsep)]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, dict.fromkeys(PATHS))))

from langscale.config.files import errors_of, load_files
from langscale.config.study import load
from langscale.config.terms import BM25
from langscale.core.errors import UserError
from langscale.planning.preflight import check, formable, matched, notes
from langscale.design.grid import Grid, subset_name
from langscale.jobs.times import restore

# a study replaces the default config, it does not extend it
if not workflow.overwrite_configfiles:

    configfile: ROOT / "config/config.yaml"


try:
    if workflow.modifier.skip_configfile:  # a module: its user gives the config
        STUDY = load(config)
    else:
        STUDY = load_files(workflow.configfiles, workflow.config_settings.config)
    with errors_of(workflow.configfiles):
        STUDY = matched(STUDY)
        check(STUDY)
        GRID = Grid(STUDY)
        formable(STUDY, GRID)
except UserError as error:
    sys.exit(str(error))  # one line, without Snakemake's frames
RESULTS = f"results/{STUDY.study}"
BENCHMARKS = sorted(STUDY.benchmarks)
SOURCES = sorted(STUDY.sources)


onstart:
    for note in notes(STUDY):
        print(note, file=sys.stderr)
    # The limit on jobs a second makes Snakemake 9 start a timer at every event, which comes back each second as long as
    # jobs wait; with hundreds of finished jobs it does little else. Local jobs need no such limit. No value of
    # --max-jobs-per-timespan does the same: Snakemake ends only after its last timer.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    restore(f"{RESULTS}/logs")
    print(answer(), end="")


onerror:
    restore(f"{RESULTS}/logs")


wildcard_constraints:
    run=r"[^/]+/[^/]+/[^/]+/n\d+-[0-9a-f]{8}/seed\d+",
    subset=r"n\d+-[0-9a-f]{8}",
    name=r"[A-Za-z0-9._-]+",
    checkpoint="last|best",


include: "workflow/rules/common.smk"
include: "workflow/rules/params.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/translation.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/adapters.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/retrieval.smk"
include: "workflow/rules/dimensions.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/verify.smk"


rule study:
    """Everything: tables, figures, report and provenance."""
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.report.input,
