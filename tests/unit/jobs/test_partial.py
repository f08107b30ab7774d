"""Parts of an unfinished output are found again by what they depend on, and go when it is whole."""

from langscale.jobs import partial


def test_a_state_lies_beside_its_output_and_is_named_by_its_key(tmp_path):
    first = partial.state(tmp_path / "rankings/miracl.json", "aa")
    assert first == tmp_path / "rankings/.unfinished/miracl.json/aa"
    assert first != partial.state(tmp_path / "rankings/miracl.json", "bb")


def test_one_output_is_whole_and_another_is_not(tmp_path):
    for name in ("miracl.json", "miracl-hard.json"):
        partial.state(tmp_path / name, "key").mkdir(parents=True)
    partial.remove_states(tmp_path / "miracl.json")
    assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["miracl-hard.json"]
    for _ in range(2):
        partial.remove_states(tmp_path / "miracl-hard.json")
        assert not (tmp_path / ".unfinished").exists()
