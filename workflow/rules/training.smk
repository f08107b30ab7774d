"""Training and embedding; `train` and `embed` are the rules that need a GPU.

Needs:  subsets/, models/<model>/
Makes:  runs/<run>/last/  (and best/)             transformers checkpoints
        runs/<run>/log.csv                        one line per step
        runs/<run>/exposure.csv                   examples and distinct texts per direction
        runs/<run>/embeddings/<checkpoint>/<benchmark>/{questions,candidates}.npy
"""


rule train:
    """One run: (model, sampler, budget, languages, seed)."""
    input:
        subset=lambda w: f"{RESULTS}/subsets/{GRID.by_path[w.run].subset}",
        base=lambda w: f"{RESULTS}/models/{GRID.by_path[w.run].model}/base",
        tokens=lambda w: expand(
            f"{RESULTS}/models/{GRID.by_path[w.run].model}/tokens/source-{{name}}",
            name=SOURCES,
        ),
        validation=lambda w: (
            f"{RESULTS}/subsets/{subset_name(GRID.validation_languages)}"
            if STUDY.training.validation
            else []
        ),
        code=code(
            "train.py",
            "training/loop.py",
            "training/step.py",
            "training/examples.py",
            "training/validation.py",
            "training/loss.py",
            "training/batches.py",
            "models/encoder.py",
            "data/tokens.py",
            "data/subsets.py",
            "core/random.py",
        ),
    output:
        *[directory(f"{RESULTS}/runs/{{run}}/{c}") for c in GRID.checkpoints],
        log=f"{RESULTS}/runs/{{run}}/log.csv",
        exposure=f"{RESULTS}/runs/{{run}}/exposure.csv",
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        run=lambda w: GRID.by_path[w.run].recipe(),
        model=lambda w: encoding(
            GRID.by_path[w.run].model,
            "query_prefix",
            "passage_prefix",
            "passage_length",
        ),
        training=STUDY.training.model_dump(),
        validation_languages=(
            GRID.validation_languages if STUDY.training.validation else []
        ),
        validation_sources=[name for name in SOURCES if STUDY.sources[name].validation],
    script:
        "../scripts/train.py"


rule embed:
    """All questions and candidates of a benchmark, in all languages, by one checkpoint."""
    input:
        checkpoint=lambda w: (
            f"{RESULTS}/runs/{w.run}/{w.checkpoint}"
            if GRID.by_path[w.run].steps
            else []
        ),
        base=lambda w: f"{RESULTS}/models/{GRID.by_path[w.run].model}/base",
        tokens=lambda w: f"{RESULTS}/models/{GRID.by_path[w.run].model}/tokens/benchmark-{w.name}",
        code=code(
            "embed.py", "retrieval/embedding.py", "models/encoder.py", "data/tokens.py"
        ),
    output:
        directory(f"{RESULTS}/runs/{{run}}/embeddings/{{checkpoint}}/{{name}}"),
    log:
        f"{RESULTS}/logs/embed/{{run}}-{{checkpoint}}-{{name}}.log",
    wildcard_constraints:
        name=one_of(IN_MEMORY),
        run=one_of(
            [run.path for run in GRID.encoded if not run.steps] + [*unembedded()]
        ),
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        run=lambda w: GRID.by_path[w.run].recipe(),
        model=lambda w: encoding(GRID.by_path[w.run].model),
        threads=STUDY.training.threads,
    script:
        "../scripts/embed.py"


use rule embed as take with:
    # what training left, which needs no GPU and no time
    wildcard_constraints:
        name=one_of(IN_MEMORY),
    resources:
        gpu=0,


ruleorder: embed > take


rule embeddings:
    """The embeddings of every run and benchmark."""
    input:
        [
            embeddings(run, checkpoint, benchmark)
            for benchmark in IN_MEMORY
            for run, checkpoint in GRID.scored(benchmark)
            if run in GRID.encoded
        ],
