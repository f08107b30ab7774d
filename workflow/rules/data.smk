"""Data: training pairs, benchmarks, language subsets.

Needs:  nothing but the config, and raw/ for data that is downloaded
Makes:  data/<source>/{train,validation}/{pairs,passages}   Arrow tables
        benchmarks/<name>/{questions,candidates,qrels}.parquet
        subsets/n<k>-<set>/                                 rows of every pair in these languages
        tables/audit.csv, tables/leaks.csv                  with `audit`: overlap of training and evaluation
        tables/data.csv                                     counts per language
"""


rule source:
    """The parts of one source that the study uses, the same ids in every language."""
    input:
        raw=lambda w: raw("source", w.name),
        code=lambda w: code(
            "source.py",
            *(f"data/sources/{name}.py" for name in sources.modules(w.name)),
        ),
    output:
        directory(f"{RESULTS}/data/{{name}}"),
    log:
        f"{RESULTS}/logs/source-{{name}}.log",
    wildcard_constraints:
        name=one_of(name for name in SOURCES if name not in TRANSLATED),
    conda:
        "../../environment.yml"
    params:
        name="{name}",
        parts=lambda w: STUDY.sources[w.name].parts,
        pairs=lambda w: STUDY.sources[w.name].pairs,
        seed=lambda w: STUDY.sources[w.name].seed,
        languages=lambda w: languages_of("source", w.name),
    script:
        "../scripts/source.py"


rule benchmark:
    """Questions, candidate pools and relevance of one benchmark."""
    input:
        raw=lambda w: raw("benchmark", w.name),
        code=lambda w: code("benchmark.py", *benchmarks.modules(set_of(w.name))),
    output:
        directory(f"{RESULTS}/benchmarks/{{name}}"),
    log:
        f"{RESULTS}/logs/benchmark-{{name}}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        set=lambda w: set_of(w.name),
        languages=lambda w: languages_of("benchmark", w.name),
        questions=lambda w: STUDY.benchmarks[w.name].questions,
        options=lambda w: STUDY.benchmarks[w.name].model_dump(
            include={"candidate_text", "every_article"}, exclude_none=True
        ),
    script:
        "../scripts/benchmark.py"


rule audit:
    """Overlap of every training and validation set with every benchmark's questions and passages."""
    input:
        sources=expand(f"{RESULTS}/data/{{name}}", name=SOURCES),
        benchmarks=expand(f"{RESULTS}/benchmarks/{{name}}", name=BENCHMARKS),
        code=code("audit.py", "data/leakage.py"),
    output:
        summary=f"{RESULTS}/tables/audit.csv",
        offending=f"{RESULTS}/tables/leaks.csv",
    log:
        f"{RESULTS}/logs/audit.log",
    conda:
        "../../environment.yml"
    params:
        containment=STUDY.audit.containment if STUDY.audit else None,
    script:
        "../scripts/audit.py"


rule subset:
    """Where every pair stands in one set of training languages; stops where the audit found too much."""
    input:
        sources=expand(f"{RESULTS}/data/{{name}}", name=SOURCES),
        audit=rules.audit.output if STUDY.audit else [],
        code=code("subset.py", "data/subsets.py", "data/tokens.py"),
    output:
        directory(f"{RESULTS}/subsets/{{subset}}"),
    log:
        f"{RESULTS}/logs/subset-{{subset}}.log",
    conda:
        "../../environment.yml"
    params:
        sources={name: STUDY.sources[name].parts for name in SOURCES},
        languages=lambda w: GRID.subsets[w.subset],
        pool=STUDY.languages.pool,
        audit=(
            STUDY.audit.model_dump(include={"allowed", "drop"})
            if STUDY.audit
            else None
        ),
        hard_negatives=STUDY.training.hard_negatives,
    script:
        "../scripts/subset.py"


rule data_table:
    """Pairs, passages, questions and candidates per language."""
    input:
        sources=expand(f"{RESULTS}/data/{{name}}", name=SOURCES),
        benchmarks=expand(f"{RESULTS}/benchmarks/{{name}}", name=BENCHMARKS),
        code=code("data_table.py"),
    output:
        f"{RESULTS}/tables/data.csv",
    log:
        f"{RESULTS}/logs/data_table.log",
    conda:
        "../../environment.yml"
    params:
        pool=STUDY.languages.pool,
        heldout=STUDY.languages.heldout,
    script:
        "../scripts/data_table.py"


rule data:
    """All data that the study needs, and the models that it downloads; then nothing needs a network."""
    input:
        [raw("model", name) for name in STUDY.models],
        expand(f"{RESULTS}/subsets/{{subset}}", subset=GRID.subsets),
        rules.data_table.output,
