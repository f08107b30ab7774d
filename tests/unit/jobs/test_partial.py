"""Parts of an unfinished output are found again by what they depend on, and by nothing else."""

import json
import shutil

from langscale.jobs import partial as unfinished


def test_the_name_of_a_state_is_all_that_its_output_depends_on(tmp_path, monkeypatch):
    weights, tokens = tmp_path / "w", tmp_path / "t"
    for folder in (weights / "1_Pooling", tokens / "questions", tokens / "candidates"):
        folder.mkdir(parents=True)
    for side in ("questions", "candidates"):
        (tokens / side / "meta.json").write_text(json.dumps({"key": side}))
    (weights / "model.safetensors").write_bytes(b"1")

    def state(values=("tiny", 1), code=("embedding.py",)):
        return unfinished.state(tmp_path / "rankings/miracl.npy", weights, tokens, values, code)

    first = state()
    assert first.parent == tmp_path / "rankings/.unfinished/miracl" and first == state()
    found = {first, state(values=("tiny", 2)), state(code=("embedding.py", "tokens.py"))}
    (weights / "model.safetensors").write_bytes(b"2")
    found.add(state())
    (weights / "1_Pooling/config.json").write_text("{}")
    found.add(state())
    (tokens / "candidates/meta.json").write_text(json.dumps({"key": "others"}))
    found.add(state())
    shutil.copytree(unfinished.__file__.rpartition("/")[0], tmp_path / "code")
    (tmp_path / "code/embedding.py").write_text("# edited\n")
    monkeypatch.setattr(unfinished, "__file__", str(tmp_path / "code/unfinished.py"))
    found.add(state())
    assert len(found) == 7


def test_one_output_is_whole_and_another_is_not(tmp_path):
    for name in ("miracl", "miracl-hard"):
        (tmp_path / ".unfinished" / name / "key").mkdir(parents=True)
    unfinished.remove_states(tmp_path / "miracl.npy")
    assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["miracl-hard"]
    for _ in range(2):
        unfinished.remove_states(tmp_path / "miracl-hard")
        assert not (tmp_path / ".unfinished").exists()
