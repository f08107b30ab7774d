"""Translation of what a source lacks, for sources with `translate: true`; a study without them has none of these rules.

Needs:  raw/model-translation.json, or the folder that translation.path names
Makes:  untranslated/<source>/                        the source as its reader gives it
        data/<source>/                                the same with translated rows, which the column translated marks
        resources/translations/<model>/<from>-<to>/   pieces of text and their translations, shared by studies
"""

if TRANSLATED:

    use rule source as untranslated with:
        output:
            data=f"{RESULTS}/untranslated/{{name}}.json",
            census=f"{RESULTS}/census/source-{{name}}.json",
        log:
            f"{RESULTS}/logs/untranslated-{{name}}.log",
        wildcard_constraints:
            name=one_of(TRANSLATED),

    rule translate:
        """A source with the pool languages that it lacks, translated; what was translated before is not again."""
        input:
            source=f"{RESULTS}/untranslated/{{name}}.json",
            raw=raw("model", TRANSLATION),
            files=files_of(TRANSLATION),
        output:
            data=f"{RESULTS}/data/{{name}}.json",
        log:
            f"{RESULTS}/logs/translate-{{name}}.log",
        benchmark:
            f"{RESULTS}/logs/translate-{{name}}.tsv"
        wildcard_constraints:
            name=one_of(TRANSLATED),
        conda:
            "../../environment.yml"
        resources:
            gpu=GPU,
        params:
            model=origin(TRANSLATION),
            origin=STUDY.translation.origin,
            languages=sorted(STUDY.languages.pool),
            max_tokens=STUDY.translation.max_tokens,
            batch_tokens=STUDY.translation.batch_tokens,
            threads=STUDY.training.threads,
            code=lambda w: code("translate.py"),
            where=lambda w, output: {"path": STUDY.translation.path},
        script:
            "../scripts/translate.py"
