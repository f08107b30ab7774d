"""Dimensions: models with `dimensions`, whose vectors are also evaluated by their first numbers alone.

Needs:  benchmarks/<name>/, runs/<run>/embeddings/<checkpoint>/<name>/; of adapters models/<model>/vectors/ and the
        checkpoint
Makes:  runs/<model>@<k>/.../rankings/ and scores/      of the run of <model> at the same place, with k dimensions
Nothing is trained or embedded here.
"""


rule score_cut:
    """Rankings and scores of a run by the first dimensions of its embeddings."""
    input:
        files=lambda w: cut_files([(GRID.by_path[w.run], w.checkpoint, w.name)]),
        width=[ancient(file) for file in WIDTHS],
    output:
        rankings=f"{RESULTS}/runs/{{run}}/rankings/{{checkpoint}}/{{name}}.json",
        scores=f"{RESULTS}/runs/{{run}}/scores/{{checkpoint}}/{{name}}.json",
    log:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/score/{{run}}-{{checkpoint}}-{{name}}.tsv"
    wildcard_constraints:
        name=one_of(IN_MEMORY),
        run=one_of(run.path for run in GRID.cut if run.whole.model not in ADAPTED),
    conda:
        "../../environment.yml"
    params:
        scores=SCORE_OPTIONS | {"code": code("score_dimensions.py")},
        dimensions=lambda w: [GRID.by_path[w.run].dimensions],
        where=lambda w, output: cut_where([(GRID.by_path[w.run], w.checkpoint, w.name)]),
    script:
        "../scripts/score_dimensions.py"


CUT_ADAPTERS = dict.fromkeys(
    run.whole for run in GRID.cut if run.whole.model in ADAPTED
)

for number, group in enumerate(curves(CUT_ADAPTERS)):
    # all dimensions of a run beside each other, which share its whole vectors
    SCORED_HERE = sorted(
        (
            (run, checkpoint, benchmark)
            for benchmark in IN_MEMORY
            for run, checkpoint in GRID.scored(benchmark)
            if run.dimensions and run.whole in group
        ),
        key=lambda scored: (scored[2], scored[0].whole.path, scored[1]),
    )

    rule:
        name:
            f"score_cut_adapters_{number}"
        input:
            files=cut_files(SCORED_HERE),
            width=[ancient(file) for file in WIDTHS],
        output:
            [where(*scored) for scored in SCORED_HERE for where in (rankings, scores)],
        log:
            f"{RESULTS}/logs/score/{group[0].model}-{group[0].sampler}-{group[0].budget}-cut.log",
        benchmark:
            f"{RESULTS}/logs/score/{group[0].model}-{group[0].sampler}-{group[0].budget}-cut.tsv"
        conda:
            "../../environment.yml"
        params:
            scores=SCORE_OPTIONS | {"code": code("score_dimensions.py")},
            dimensions=[run.dimensions for run, _, _ in SCORED_HERE],
            where=lambda w, output, found=SCORED_HERE: cut_where(found),
        script:
            "../scripts/score_dimensions.py"
