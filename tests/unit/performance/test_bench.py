"""The benchmarks run at toy size and compare like with like. Speed itself is not tested."""

import importlib
import math
import subprocess
import sys

import pytest
from support.project_copy import ROOT


@pytest.fixture
def benchmark(monkeypatch):
    """Modules of performance/ by name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(ROOT / "performance")
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and "performance/" in sys.modules[name].__file__:
            del sys.modules[name]


@pytest.mark.parametrize(
    "group", ["train_speed", "embed_speed", "rank_speed", "shard_speed", "bootstrap_speed", "plan_speed"]
)
def test_every_group_measures(benchmark, group, tmp_path):
    if group == "train_speed":
        pytest.importorskip("accelerate", reason="the peer's trainer needs it: performance/peers.txt")
    setting = benchmark("material").Setting(tmp_path, quick=True)
    lines = benchmark(group).lines(setting)
    assert lines
    for line in lines:
        assert all(math.isfinite(value) and value > 0 for value in line.values) and len(line.values) == 2
        assert all(isinstance(text, str) for text in benchmark("bench").as_row(line).values())


def test_growth_measures_time_and_memory(benchmark, tmp_path):
    growth = benchmark("growth")
    found, rates = growth.measured(benchmark("material").Setting(tmp_path, quick=True))
    assert {one.what.partition(":")[0] for one in found} == {"pairs", "texts", "corpus", "runs"}
    assert all(min(one.seconds) > 0 and min(one.memory) >= 0 for one in found)
    named = benchmark("rates").NAMES
    assert set(rates) == set(named) and all(math.isfinite(value) for value in rates.values())
    assert all(f"| {name} | " in "".join(benchmark("rates").listed(rates)) for name in named.values())


def test_exponents_are_those_of_the_law(benchmark):
    growth = benchmark("growth")
    sizes = [1000, 2000, 4000, 8000]
    for power in (0, 1, 2):
        made = growth.Growth("made", sizes, [s**power / 7 for s in sizes], [s**power * 2**20 for s in sizes])
        assert made.exponent == pytest.approx(power) and made.memory_exponent == pytest.approx(power)
        assert made.bound == pytest.approx(1 + math.log(math.log(8000) / math.log(1000)) / math.log(8))
        assert made.verdict == ("no: time, memory" if power == 2 else "yes")
    work = [s * math.log(s) for s in (sizes[0], sizes[-1])]
    ends = growth.Growth("made", [sizes[0], sizes[-1]], work, [0, 0])
    assert ends.exponent == pytest.approx(ends.bound)
    seconds, memory = growth._forked(lambda size: lambda: bytearray(size), 1 << 25)
    assert seconds > 0 and memory == pytest.approx(1 << 25, rel=0.1)


def test_rounds_take_turns(benchmark):
    timing = benchmark("timing")
    seen = []
    seconds = timing.interleaved({"a": lambda: seen.append("a") or 2.0, "b": lambda: seen.append("b")}, 3)
    assert seen == ["a", "b", "b", "a", "a", "b"]
    assert seconds["a"] == [2.0] * 3 and all(0 < value < 1 for value in seconds["b"])
    assert timing.ratios([3.0, 4.0], [1.0, 2.0]) == [3.0, 2.0]


def test_a_bar_is_met_by_the_median(benchmark):
    line = benchmark("timing").Line
    assert line("w", "a", [1.0, 1.6, 1.7], "x", 1.5).met == "yes"
    assert line("w", "a", [1.0, 1.4, 1.7], "x", 1.5).met == "no"
    assert line("w", "a", [0.1], "%", 0.2, at_least=False).met == "yes"
    assert line("w", "a", [], "x", 1.5).met == "not measured"
    assert line("w", "a", [1.0], "x", 1.5, remark="r", why="so").remarks == "r; missed: so"
    assert line("w", "a", [1.6], "x", 1.5, remark="r", why="so").remarks == "r"
    assert line("w", "a", [1.0, 1.6, 1.7], "x", 1.5).measured == "1.60x (1.00x to 1.70x)"


def test_a_peer_that_differs_is_found(benchmark, monkeypatch):
    rank = benchmark("rank_speed")
    world = rank.World(2, 6, 9, 8)
    rank.check(world, "pytrec_eval")
    found = rank.by_pytrec_eval
    monkeypatch.setitem(rank.PEERS, "pytrec_eval", ("", lambda *given: found(*given) + 0.01))
    with pytest.raises(SystemExit, match="cannot be compared"):
        rank.check(world, "pytrec_eval")


def test_lines_of_groups_without_a_new_run_stay(benchmark, tmp_path):
    bench, line = benchmark("bench"), benchmark("timing").Line
    old, new = ({"date": date, "commit": date, "machine": f"{date}'s machine"} for date in ("old", "new"))
    row = bench.as_row(line("w, x", "a|b", [2.0], "x", 1.0))
    rows = [{"group": group} | row | origin for group, origin in (("embed_speed", new), ("rank_speed", old))]
    grown = {"what": "g", "sizes": [100, 200, 400, 800], "seconds": [1.0, 2, 4, 8], "memory": [1, 2, 4, 8]}
    growth = {"growth": [grown], "rates": {"step": 0.5}} | new
    bench._write(tmp_path, rows, growth)
    assert bench._kept(tmp_path) == (rows, growth)
    text = (tmp_path / "results.md").read_text()
    assert "2.00x" in text and "| 1.00 |" in text and "| 0.5 |" in text
    assert "- embed_speed, growth: new, commit new, on new's machine\n- rank_speed: old, commit old" in text


def test_toy_sizes_need_a_folder_of_their_own(benchmark, tmp_path, capsys):
    bench = benchmark("bench")
    with pytest.raises(SystemExit):
        bench.main(["--quick"])
    assert "--output" in capsys.readouterr().err
    options = bench._options(["--quick", "--output", str(tmp_path)])
    assert "overhead" not in options.only and options.only == [g for g in bench.GROUPS if g != "overhead"]
    assert bench._options([]).only == list(bench.GROUPS) and bench._options([]).output == bench.HERE


def test_the_commit_says_whether_code_changed(benchmark, tmp_path):
    commit = benchmark("timing").commit
    assert commit(tmp_path) == ""

    def git(*words):
        own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *own, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("1")
    (tmp_path / "notes").write_text("1")
    git("add", ".")
    git("commit", "-qm", "one")
    clean = commit(tmp_path)
    (tmp_path / "notes").write_text("2")
    assert len(clean) >= 7 and commit(tmp_path) == clean
    (tmp_path / "src/a.py").write_text("2")
    assert commit(tmp_path) == f"{clean}+"
