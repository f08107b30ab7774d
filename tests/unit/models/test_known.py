"""Records of known models: no contradictions between them, and the files that they stand for."""

import pytest

from langscale.config.model import Model
from langscale.models import known
from langscale.models.bundled import BUNDLES
from langscale.models.pretrained import entries


def test_a_record_is_found_by_every_name_of_its_model():
    for hub, record in known.ENCODERS.items():
        assert record.hub == hub
        assert all(known.encoder(name) is record for name in (hub, *record.also))
    assert known.encoder("a/b") is None and known.encoder(None) is None and known.translator(None) is None
    names = [name for record in known.ENCODERS.values() for name in (record.hub, *record.also)]
    assert len(names) == len(set(names))
    assert {known.encoder(name).hub for name in BUNDLES} == {known.E5_SMALL.hub}


def test_sizes_of_a_family_differ():
    families = {}
    for record in known.ENCODERS.values():
        families.setdefault(record.family, []).append(record.hidden**2 * record.layers)
    del families[None]
    assert {name: len(sizes) for name, sizes in families.items()} == {"xlm-roberta": 2, "multilingual-e5": 3}
    assert all(len(sizes) == len(set(sizes)) for sizes in families.values())


@pytest.mark.parametrize("hub", ["FacebookAI/xlm-roberta-base", "xlm-roberta-base"])
def test_files_of_a_known_model_are_pinned(hub):
    revision = "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089"
    folder = f"huggingface.co/FacebookAI/xlm-roberta-base/resolve/{revision}"
    found = entries(Model(hub=hub))
    assert [entry.path for entry in found] == [
        f"{folder}/{file}" for file in ("%2A.json", "%2A.model", "%2A.txt", "model.safetensors")
    ]
    assert {entry.licence for entry in found} == {"MIT"}


def test_files_of_another_model_are_those_of_main():
    assert {(entry.revision, entry.licence) for entry in entries(Model(hub="a/b"))} == {("main", None)}
    assert {entry.revision for entry in entries(Model(hub="a/b", revision="abc"))} == {"abc"}
