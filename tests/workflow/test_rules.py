"""What every rule has to tell its jobs, by a look at the text of the rules."""

import re

import pytest
from support.project_copy import ROOT

# rules whose jobs run every time and make no data; what `raw` makes is known by the hashes of the files
WITHOUT_CODE = {"raw", "check_registry", "plan", "verify"}


def rules() -> dict[str, str]:
    """Rule -> its text."""
    found = {}
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = file.read_text(encoding="utf-8")
        # a rule for each item of a loop
        text = re.sub(r'^( +)rule:\n +name:\n +f"(\w+)_\{\w+\}"\n', r"\1rule \2:\n", text, flags=re.MULTILINE)
        parts = re.split(r"^\s*(?:use rule \w+ as|rule) (\w+)", text, flags=re.MULTILINE)
        found |= dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


RULES = rules()
EXPENSIVE = {
    "adapters",
    "score",
    "score_adapters",
    "score_cut",
    "score_cut_adapters",
    "overlap",
    "statistics",
}  # and all that ask for a GPU
SCRIPTS = {
    name: found[1] for name, text in RULES.items() if (found := re.search(r'"../scripts/(\w+\.py)"', text))
}


@pytest.mark.parametrize("rule", sorted(SCRIPTS.keys() - WITHOUT_CODE))
def test_a_rule_with_a_script_has_the_code_of_the_script(rule):
    text = RULES[rule]
    if rule in ("train", "embed"):  # whose params are known to the start of a study, too
        assert f'code=of({rule}_params, "code"),' in text
        text = (ROOT / "workflow/rules/params.smk").read_text().partition(f"def {rule}_params")[2]
    assert re.search(r'code\(\s*"(\w+\.py)"', text)[1] == SCRIPTS[rule]


def test_every_script_belongs_to_a_rule():
    assert {file.name for file in (ROOT / "workflow/scripts").glob("*.py")} == set(SCRIPTS.values())


def test_inputs_and_outputs_are_named_and_no_rule_takes_code_as_input():
    """A job knows its inputs by name (langscale.jobs.job)."""
    for rule in sorted(SCRIPTS.keys() - WITHOUT_CODE):
        block = re.search(r"^\s+input:\n(.*?)^\s+(?:output|log):", RULES[rule], re.MULTILINE | re.DOTALL)
        if block is None:
            continue
        assert re.match(r"\s+(#.*\n\s+)*\w+=", block[1]), rule
        assert ".py" not in block[1] and "ROOT" not in block[1], rule


def test_addresses_are_no_params():
    """A param that says where bytes are is a function of `output`, which Snakemake does not compare."""
    for rule, text in RULES.items():
        params = text.partition("params:")[2].partition("script:")[0]
        compared = re.sub(
            r"(?:where|study)=lambda w, output: (?:\{.*?\n        \}|[^\n]*),\n", "", params, flags=re.DOTALL
        )
        assert not re.search(r"mirror|accept_licence|\.path\b", compared.replace("w.path", "")), rule
        assert "STUDY.model_dump()" not in compared or rule == "plan", rule


def test_a_record_of_time_is_beside_the_log():
    """langscale.jobs.times finds it by the name of the log."""
    assert set(RULES) >= EXPENSIVE
    for rule, text in RULES.items():
        assert "benchmark:" in text or not (rule in EXPENSIVE or "gpu=GPU" in text), rule
        if record := re.search(r'benchmark:\n\s+f"(.*)\.tsv"', text):
            assert re.search(r'log:\n\s+f"(.*)\.log"', text)[1] == record[1], rule
