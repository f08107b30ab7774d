"""Where files lie, and what the rules ask again and again."""

import shutil

GPU = int(
    shutil.which("nvidia-smi") is not None
)  # jobs ask for a GPU only where there is one


def code(script, *modules):
    """The script and the modules whose change makes a rule's outputs stale, as absolute paths."""
    return [
        ROOT / "workflow/scripts" / script,
        *(ROOT / "src/langscale" / name for name in modules),
    ]


def embeddings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/embeddings/{checkpoint}/{benchmark}"


def rankings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/rankings/{checkpoint}/{benchmark}.npy"


def scores(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/scores/{checkpoint}/{benchmark}.parquet"
