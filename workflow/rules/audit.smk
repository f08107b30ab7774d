"""Leakage audit: overlap of training and evaluation data, of a study with the section `audit`.

Needs:  data/, benchmarks/
Makes:  audit/<source>/<benchmark>/{summary,leaks}.csv   of one source and one benchmark
        tables/audit.csv, tables/leaks.csv               of all
        audit/passed.json                                the gate that training waits for
        audit/dropped.json                               with `drop: true`: ids of the pairs that are left out
Training waits for the gate and does not read it. So another benchmark is audited, and no finished run is trained again.
"""

AUDITED = [(s, b) for s in SOURCES for b in BENCHMARKS] if STUDY.audit else []
OVERLAPS = [f"{RESULTS}/audit/{source}/{name}.json" for source, name in AUDITED]
GATE = f"{RESULTS}/audit/passed.json"


rule overlap:
    """Overlap of the training and validation set of one source with one benchmark's queries and passages."""
    input:
        source=f"{RESULTS}/data/{{source}}.json",
        benchmark=f"{RESULTS}/benchmarks/{{name}}.json",
    output:
        data=f"{RESULTS}/audit/{{source}}/{{name}}.json",
    log:
        f"{RESULTS}/logs/overlap-{{source}}-{{name}}.log",
    benchmark:
        f"{RESULTS}/logs/overlap-{{source}}-{{name}}.tsv"
    wildcard_constraints:
        source=one_of(SOURCES),
    conda:
        "../../environment.yml"
    params:
        containment=STUDY.audit.containment if STUDY.audit else None,
        code=lambda w: code("overlap.py"),
    script:
        "../scripts/overlap.py"


rule audit:
    """The overlaps of all sources and benchmarks in two tables."""
    input:
        overlaps=OVERLAPS,
    output:
        summary=f"{RESULTS}/tables/audit.csv",
        leaks=f"{RESULTS}/tables/leaks.csv",
    log:
        f"{RESULTS}/logs/audit.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        pairs=AUDITED,
        code=lambda w: code("audit.py"),
    script:
        "../scripts/audit.py"


rule gate:
    """Stops a study whose audit found more overlap than the config allows."""
    input:
        summary=rules.audit.output.summary,
    output:
        GATE,
    log:
        f"{RESULTS}/logs/gate.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        allowed=STUDY.audit.allowed if STUDY.audit else None,
        code=lambda w: code("gate.py"),
    script:
        "../scripts/gate.py"


rule dropped:
    """Ids of the pairs that overlap with a benchmark."""
    input:
        leaks=rules.audit.output.leaks,
    output:
        f"{RESULTS}/audit/dropped.json",
    log:
        f"{RESULTS}/logs/dropped.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=lambda w: code("dropped.py"),
    script:
        "../scripts/dropped.py"


GATES = [GATE] if STUDY.audit and not STUDY.audit.drop else []


rule data:
    """All data that the study needs, and the models that it downloads; then nothing needs a network."""
    input:
        [raw("model", name) for name in STUDY.models],
        expand(f"{RESULTS}/subsets/{{subset}}.json", subset=GRID.subsets),
        GATES,
        rules.data_table.output,
