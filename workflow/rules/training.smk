"""Training and embedding; `train` and `embed` are the rules that need a GPU.

Needs:  subsets/, models/<model>/
Makes:  runs/<run>/last/  (and best/)             transformers checkpoints
        runs/<run>/log.csv                        one line per step
        runs/<run>/exposure.csv                   examples and distinct texts per direction
        runs/<run>/embeddings/<checkpoint>/<benchmark>/{questions,candidates}.npy
Training leaves the embeddings of its benchmarks beside the checkpoint, where `reuse` finds them without a GPU.
"""


rule train:
    """One run: (model, sampler, budget, languages, seed)."""
    input:
        subset=of(train_inputs, "subset"),
        base=of(train_inputs, "base"),
        tokens=of(train_inputs, "tokens"),
        validation=of(train_inputs, "validation"),
        gate=[ancient(file) for file in GATES],
    output:
        **{c: f"{RESULTS}/runs/{{run}}/{c}.json" for c in GRID.checkpoints},
        log=f"{RESULTS}/runs/{{run}}/log.json",
        exposure=f"{RESULTS}/runs/{{run}}/exposure.json",
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    benchmark:
        f"{RESULTS}/logs/train/{{run}}.tsv"
    wildcard_constraints:
        run=ENCODED_RUN,
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        run=of(train_params, "run"),
        model=of(train_params, "model"),
        training=of(train_params, "training"),
        validation_languages=of(train_params, "validation_languages"),
        validation_sources=of(train_params, "validation_sources"),
        code=of(train_params, "code"),
        # the embeddings that it leaves; those of a benchmark whose tokens are not there yet are made later
        where=lambda w, output: {
            "embed": embed_params(GRID.by_path[w.run]),
            "tokens": {
                name: tokens_of(GRID.by_path[w.run], f"benchmark-{name}")
                for name in IN_MEMORY
            },
        },
    script:
        "../scripts/train.py"


rule embed:
    """All queries and candidates of a benchmark, in all languages, by one checkpoint."""
    input:
        checkpoint=lambda w: (
            f"{RESULTS}/runs/{w.run}/{w.checkpoint}.json"
            if GRID.by_path[w.run].steps
            else []
        ),
        base=lambda w: (
            base_of(GRID.by_path[w.run]) if needs_base(GRID.by_path[w.run]) else []
        ),
        tokens=lambda w: tokens_of(GRID.by_path[w.run], f"benchmark-{w.name}"),
    output:
        data=f"{RESULTS}/runs/{{run}}/embeddings/{{checkpoint}}/{{name}}.json",
    log:
        f"{RESULTS}/logs/embed/{{run}}-{{checkpoint}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/embed/{{run}}-{{checkpoint}}-{{name}}.tsv"
    wildcard_constraints:
        name=one_of(IN_MEMORY),
        run=one_of(unembedded()),
    conda:
        "../../environment.yml"
    resources:
        gpu=GPU,
    params:
        model=of(embed_params, "model"),
        initial=of(embed_params, "initial"),
        threads=of(embed_params, "threads"),
        code=of(embed_params, "code"),
    script:
        "../scripts/embed.py"


use rule embed as reuse with:
    # what training left, which needs no GPU and no time
    wildcard_constraints:
        name=one_of(IN_MEMORY),
        run=ENCODED_RUN,
    resources:
        gpu=0,


ruleorder: embed > reuse


rule embeddings:
    """The embeddings of every run and benchmark."""
    input:
        [
            embeddings(run, checkpoint, benchmark)
            for benchmark in IN_MEMORY
            for run, checkpoint in GRID.scored(benchmark)
            if run in GRID.encoded and run.model not in ADAPTED
        ],


if workflow.is_main_process:
    AGAIN = again((train_job(run) for run in GRID.trained), "trainings")
    if AGAIN:
        print(f"langscale: {AGAIN}", file=sys.stderr)
