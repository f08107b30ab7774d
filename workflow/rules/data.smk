"""Data: training pairs, benchmarks, language subsets.

Needs:  nothing but the config, and raw/ for data that is downloaded
Makes:  data/<source>/{train,validation}/{pairs,passages}   Arrow tables
        benchmarks/<name>/{questions,candidates,qrels}.parquet
        census/{source,benchmark}-<name>.csv                records of every file that was read
        subsets/n<k>-<set>/                                 rows of every pair in these languages
        tables/data.csv                                     counts per language
        tables/census.csv                                   counts per file: empty, repeated, repaired records
"""

ALL_SOURCES = expand(f"{RESULTS}/data/{{name}}.json", name=SOURCES)
ALL_BENCHMARKS = expand(f"{RESULTS}/benchmarks/{{name}}.json", name=BENCHMARKS)


rule source:
    """The parts of one source that the study uses, the same ids in every language."""
    input:
        raw=lambda w: raw("source", w.name),
        own=lambda w: own_files("source", w.name),
    output:
        data=f"{RESULTS}/data/{{name}}.json",
        census=f"{RESULTS}/census/source-{{name}}.json",
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
        section=lambda w: own_section("source", w.name),
        code=lambda w: code(
            "source.py", catalogue.module_of(record_of("source", w.name))
        ),
        where=lambda w, output: place_of("source", w.name),
    script:
        "../scripts/source.py"


rule benchmark:
    """Queries, candidates and relevance of one benchmark."""
    input:
        raw=lambda w: raw("benchmark", w.name),
        own=lambda w: own_files("benchmark", w.name),
    output:
        data=f"{RESULTS}/benchmarks/{{name}}.json",
        census=f"{RESULTS}/census/benchmark-{{name}}.json",
    log:
        f"{RESULTS}/logs/benchmark-{{name}}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        name="{name}",
        section=lambda w: own_section("benchmark", w.name),
        languages=lambda w: languages_of("benchmark", w.name),
        questions=lambda w: STUDY.benchmarks[w.name].questions,
        options=lambda w: STUDY.benchmarks[w.name].model_dump(
            include={"candidate_text", "every_article", "every_paragraph"},
            exclude_none=True,
        ),
        code=lambda w: code(
            "benchmark.py",
            catalogue.module_of(record_of("benchmark", w.name)),
        ),
        where=lambda w, output: place_of("benchmark", w.name),
    script:
        "../scripts/benchmark.py"


rule subset:
    """Where every pair stands in one set of training languages."""
    input:
        sources=ALL_SOURCES,
        dropped=(
            f"{RESULTS}/audit/dropped.json" if STUDY.audit and STUDY.audit.drop else []
        ),
    output:
        data=f"{RESULTS}/subsets/{{subset}}.json",
    log:
        f"{RESULTS}/logs/subset-{{subset}}.log",
    conda:
        "../../environment.yml"
    params:
        sources={name: STUDY.sources[name].parts for name in SOURCES},
        languages=lambda w: GRID.subsets[w.subset],
        pool=sorted(STUDY.languages.pool),
        hard_negatives=STUDY.training.hard_negatives,
        code=lambda w: code("subset.py"),
    script:
        "../scripts/subset.py"


rule data_table:
    """Pairs, passages, queries and candidates per language, and records per file."""
    input:
        sources=ALL_SOURCES,
        benchmarks=ALL_BENCHMARKS,
        census=[
            *expand(f"{RESULTS}/census/source-{{name}}.json", name=SOURCES),
            *expand(f"{RESULTS}/census/benchmark-{{name}}.json", name=BENCHMARKS),
        ],
    output:
        data=f"{RESULTS}/tables/data.csv",
        census=f"{RESULTS}/tables/census.csv",
    log:
        f"{RESULTS}/logs/data_table.log",
    conda:
        "../../environment.yml"
    params:
        pool=sorted(STUDY.languages.pool),
        heldout=sorted(STUDY.languages.heldout),
        code=lambda w: code("data_table.py"),
    script:
        "../scripts/data_table.py"
