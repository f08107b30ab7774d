"""The declarations of a checkpoint folder in sentence-transformers' files: modules, prompts and length.

`complete` merges the folder, the config and the record of the model. Explicit values of the config come
first, then those of the folder, then the record, then defaults. The result is an ordinary
sentence-transformers folder, so that every later job reads one place. The modules are those of
sentence-transformers.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langscale.config.model import PASSAGE_LENGTH, QUERY_LENGTH, Model
from langscale.core.errors import UserError
from langscale.core.files import write_json
from langscale.data.remote_files import CONVERT
from langscale.models import known
from langscale.models.loading import LOCAL, NO_DEVICE, quiet

if TYPE_CHECKING:
    from torch import nn

MODULES, OPTIONS, TRANSFORMER = (
    "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json",
)  # fmt: skip
READING = "reading.json"
# names in the config -> modes of sentence-transformers' Pooling
MODES = {
    "mean": "mean",
    "cls": "cls",
    "last": "lasttoken",
    "weighted-mean": "weightedmean",
    "max": "max",
    "mean-sqrt": "mean_sqrt_len_tokens",
    "cls-dense": "cls",
}
KINDS = ("Transformer", "Pooling", "Dense", "LayerNorm", "Dropout", "Normalize")
PASSAGES = ("document", "passage", "corpus")  # prompts of candidates, in sentence-transformers' order
TEXT = {"method": "forward", "method_output_name": "last_hidden_state"}
KNOWN_OPTIONS = {  # of sentence_bert_config.json; the old names of the last three are *_args
    "max_seq_length", "do_lower_case", "query_length", "document_length", "unpad_inputs", "transformer_task",
    "modality_config", "module_output_name", "query_expansion", "processing_kwargs",
    *(f"{of}_{end}" for of in ("model", "tokenizer", "processor", "config") for end in ("args", "kwargs")),
}  # fmt: skip
OWN_CHOICE = ("dtype", "torch_dtype", "attn_implementation")  # model_args that are set here


@dataclass(frozen=True)
class Part:
    """A module of a folder: its kind, a name of `KINDS`, and its subfolder, empty for the root."""

    kind: str
    path: str


@dataclass(frozen=True)
class Reading:
    """How texts are read: prefixes, and lengths in tokens with prefix and special tokens."""

    query_prefix: str
    passage_prefix: str
    query_length: int
    passage_length: int

    @classmethod
    def load(cls, folder: str | Path) -> "Reading":
        """The reading that `complete` wrote to a folder."""
        return cls(**_json(Path(folder) / READING))


@dataclass(frozen=True)
class Shape:
    """Facts of a transformer.

    hidden: width of its vectors; positions: longest text in tokens, None: no limit; rows: token embeddings;
    decoder: whether it is a causal language model; pooler: whether its class has a pooler that can be left
    out.
    """

    hidden: int
    positions: int | None
    rows: int
    decoder: bool
    pooler: bool


def origin(model: Model) -> str:
    """The key and value of the config that say where a model comes from, for messages."""
    name = next(key for key in ("path", "hub", "bundled", "architecture") if getattr(model, key) is not None)
    value = model.architecture["model_type"] if model.architecture else getattr(model, name)
    return f"models: {name}: {value}"


def expected(model: Model) -> Reading:
    """The reading of a model before its folder exists, for plans: from the config, the record and
    defaults.
    """
    record = known.encoder(model.known_as)
    longest = record.length if record else None
    return Reading(
        _prefix(model, "query", None),
        _prefix(model, "passage", None),
        model.query_length or longest or QUERY_LENGTH,
        model.passage_length or longest or PASSAGE_LENGTH,
    )


def parts(folder: str | Path) -> list[Part]:
    """The modules of a folder in order, empty without modules.json. Raises UserError for unknown modules."""
    file, found = Path(folder) / MODULES, []
    for entry in _json(file, []):
        package, _, kind = str(entry["type"]).rpartition(".")
        if not package.startswith("sentence_transformers.") or kind not in KINDS:
            raise UserError(f"{MODULES}: {entry['type']} is not supported; right: {', '.join(KINDS)}")
        found.append(Part(kind, entry["path"]))
    kinds = [part.kind for part in found]
    if not kinds:
        return []
    if kinds[:1] != ["Transformer"] or kinds.count("Transformer") > 1 or kinds.count("Pooling") != 1:
        raise UserError(f"{MODULES}: found {', '.join(kinds)}; right: one Transformer, then one Pooling")
    return found


def refuse(folder: Path) -> None:
    """Raise UserError for modules and options of a folder that are not supported."""
    parts(folder)
    options = _model_options(folder)
    kind = options.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise UserError(f"{OPTIONS}: model_type: {kind} is not supported; right: SentenceTransformer")
    similarity = options.get("similarity_fn_name") or "cosine"
    normalised = [part.kind for part in parts(folder)][-1:] == ["Normalize"]
    if similarity != "cosine" and not (similarity in ("dot", "dot_product") and normalised):
        raise UserError(
            f"{OPTIONS}: similarity_fn_name: {similarity} is not supported; right: cosine, or dot with a "
            "module Normalize"
        )
    options = _options(folder)
    text = options.get("modality_config", {"text": TEXT})
    unsupported = {
        **{name: options[name] for name in options if name not in KNOWN_OPTIONS},
        **{name: options[name] for name in ("query_expansion", "processing_kwargs") if options.get(name)},
        **({} if text.get("text") == TEXT and "message" not in text else {"modality_config": text}),
    }
    if options.get("transformer_task", "feature-extraction") != "feature-extraction":
        unsupported["transformer_task"] = options["transformer_task"]
    for name, value in unsupported.items():
        raise UserError(f"{TRANSFORMER}: {name}: {json.dumps(value)} is not supported")


def modules(folder: str | Path, drawn: bool = False) -> "list[nn.Module]":
    """The modules of a completed folder behind the transformer, without the last Normalize.

    drawn: Dense modules have no weights yet and are drawn from torch's random state.
    """
    from sentence_transformers.sentence_transformer import modules as kinds

    made: list[nn.Module] = []
    for part in parts(folder)[1:-1]:
        kind = getattr(kinds, part.kind)
        if drawn and part.kind == "Dense":
            fields = kind.load_config(str(folder), subfolder=part.path, local_files_only=True)
            made.append(kind(fields["in_features"], fields["out_features"], fields["bias"]))
        else:
            made.append(kind.load(str(folder), subfolder=part.path, local_files_only=True))
    return made


def complete(folder: str | Path, model: Model, shape: Shape) -> Reading:
    """Merge a folder with the config and the record of its model, and write the result to the folder.

    Prints a line for each value of the folder that the config replaces, and for a pooling that the folder
    does not say. Raises UserError for what is not supported, and for lengths above the positions of the
    model.
    """
    folder = Path(folder)
    longest, options = _declared_lengths(folder), _model_options(folder)
    _complete_modules(folder, model, shape)
    named = options.get("prompts") or {}
    declared = {
        "query": named.get("query"),
        "passage": next((named[name] for name in PASSAGES if named.get(name)), None),
    }
    prefixes = {kind: _prefix(model, kind, prompt) for kind, prompt in declared.items()}
    defaults = {"query": QUERY_LENGTH, "passage": PASSAGE_LENGTH}
    lengths = {
        kind: _length(model, kind, longest[kind], default, shape.positions)
        for kind, default in defaults.items()
    }
    reading = Reading(prefixes["query"], prefixes["passage"], lengths["query"], lengths["passage"])
    prompts = dict.fromkeys(("document", "passage"), reading.passage_prefix) | {"query": reading.query_prefix}
    write_json(folder / OPTIONS, options | {"prompts": named | prompts, "similarity_fn_name": "cosine"})
    write_json(folder / TRANSFORMER, _transformer_options(folder, reading, shape.pooler))
    write_json(folder / READING, asdict(reading))
    _complete_tokenizer(folder)
    return reading


def _complete_tokenizer(folder: Path) -> None:
    """Write the tokenizer with the options of sentence_bert_config.json, such as do_lower_case."""
    options = _options(folder)
    if not any(options.get(name) for name in ("do_lower_case", "tokenizer_args", "processor_kwargs")):
        return
    from sentence_transformers.base.modules import Transformer

    with quiet():
        tokenizer = Transformer.load(str(folder), **LOCAL, model_kwargs=NO_DEVICE).tokenizer
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)  # a link would be written through
    tokenizer.save_pretrained(folder)


def _model_options(folder: Path) -> dict[str, Any]:
    options: dict[str, Any] = _json(folder / OPTIONS, {})
    return options


def _complete_modules(folder: Path, model: Model, shape: Shape) -> None:
    """Write modules.json and the config of the Pooling."""
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Pooling

    found = parts(folder)
    if not found:
        pooling = _pooling(folder, model, shape)
        kinds = ["Pooling", *(["Dense"] if pooling == "cls-dense" else [])]
        found = [Part("Transformer", ""), *(Part(kind, f"{i}_{kind}") for i, kind in enumerate(kinds, 1))]
        _own(folder / "1_Pooling")
        Pooling(shape.hidden, MODES[pooling]).save(str(folder / "1_Pooling"))
        if pooling == "cls-dense" and model.architecture is not None:
            _own(folder / "2_Dense")
            Dense(shape.hidden, shape.hidden).save_config(str(folder / "2_Dense"))
    path = next(part.path for part in found if part.kind == "Pooling")
    declared = Pooling.load(str(folder), subfolder=path, local_files_only=True)
    if not declared.include_prompt:
        raise UserError(f"{path}: include_prompt: false is not supported; right: true")
    if declared.embedding_dimension != shape.hidden:
        raise UserError(
            f"{path}: pools {declared.embedding_dimension} numbers a token; right: {shape.hidden}, "
            "as in config.json"
        )
    if model.pooling and declared.pooling_mode != MODES[model.pooling]:
        print(
            f"{origin(model)}: pooling: {model.pooling} from the config; "
            f"the folder says {declared.pooling_mode}"
        )
        _own(folder / path)
        Pooling(shape.hidden, MODES[model.pooling]).save(str(folder / path))
    if model.pooling == "cls-dense" and "Dense" not in {part.kind for part in found}:
        raise UserError(f"pooling: cls-dense needs a module Dense; {MODULES} has none")
    for part in found:
        if part.kind == "Dense":
            _check_dense(folder / part.path, drawn=model.architecture is not None)
    if found[-1].kind != "Normalize":
        found.append(Part("Normalize", f"{len(found)}_Normalize"))
    found[0] = Part("Transformer", "")  # its files are linked at the root
    entries = [
        {"idx": i, "name": str(i), "path": part.path, "type": f"sentence_transformers.models.{part.kind}"}
        for i, part in enumerate(found)
    ]
    write_json(folder / MODULES, entries)


def _pooling(folder: Path, model: Model, shape: Shape) -> str:
    """The pooling of a folder without modules.json."""
    record = known.encoder(model.known_as)
    if model.architecture is not None:
        return model.pooling or "mean"
    if model.pooling is None and record is None and shape.decoder:
        raise UserError(f"a decoder without {MODULES}; right: say pooling: last, or mean, in the config")
    whence = "from the config" if model.pooling else "as known" if record else "by default"
    pooling = model.pooling or (record.pooling if record else "mean")
    print(f"{origin(model)}: no {MODULES}; pooling: {pooling}, {whence}")
    return pooling


def _check_dense(folder: Path, drawn: bool) -> None:
    """Refuse a Dense module that would be loaded as another one."""
    file = folder / "config.json"
    activation = str(_json(file, {}).get("activation_function", "torch.nn.modules.activation.Tanh"))
    if not activation.startswith("torch.nn."):
        raise UserError(
            f"{folder.name}/config.json: activation_function: found {activation}; right: a module of torch.nn"
        )
    if not drawn and not (folder / "model.safetensors").is_file():
        raise UserError(f"{folder.name} has no model.safetensors; {CONVERT}")


def _prefix(model: Model, kind: str, declared: str | None) -> str:
    """The prefix of a kind of text; an empty prompt of a folder says nothing."""
    record, given = known.encoder(model.known_as), getattr(model, f"{kind}_prefix")
    if given is not None:
        if declared and given != declared:
            print(f"{origin(model)}: {kind}_prefix: {given!r} from the config; the folder says {declared!r}")
        return str(given)
    return declared or (str(getattr(record, f"{kind}_prefix")) if record else "")


def _length(model: Model, kind: str, declared: int | None, default: int, positions: int | None) -> int:
    given: int | None = getattr(model, f"{kind}_length")
    if given is None:
        found = declared or default
        return min(found, positions) if positions else found
    if positions and given > positions:
        raise UserError(
            f"{kind}_length: {given} is more than the model has positions; right: {positions} or less"
        )
    if declared and given > declared:
        print(f"{origin(model)}: {kind}_length: {given} from the config; the folder says {declared}")
    return given


def _declared_lengths(folder: Path) -> dict[str, int | None]:
    """Longest query and passage that the folder says; None without modules.json."""
    if not (folder / MODULES).is_file():
        return {"query": None, "passage": None}
    options = _options(folder)
    limit = _json(folder / "tokenizer_config.json", {}).get("model_max_length")
    longest = options.get("max_seq_length") or (limit if limit and limit < 1e9 else None)  # 1e30: no limit
    return {
        "query": options.get("query_length") or longest,
        "passage": options.get("document_length") or longest,
    }


def _options(folder: Path) -> dict[str, Any]:
    """Content of sentence_bert_config.json, or of a file with an old name such as
    sentence_roberta_config.json.
    """
    files = [folder / TRANSFORMER, *sorted(folder.glob("sentence_*_config.json"))]
    return next((_json(file) for file in files if file.is_file()), {})


def _transformer_options(folder: Path, reading: Reading, pooler: bool) -> dict[str, Any]:
    """sentence_bert_config.json with the lengths of a reading."""
    options = _options(folder)
    arguments = options.pop("model_args", {}) | options.pop("model_kwargs", {})
    arguments = {name: value for name, value in arguments.items() if name not in OWN_CHOICE}
    if pooler:
        arguments["add_pooling_layer"] = False
    if arguments:
        options["model_args"] = arguments
    for name, length in (("query_length", reading.query_length), ("document_length", reading.passage_length)):
        if options.get(name):
            options[name] = length
    return {"do_lower_case": False} | options | {"max_seq_length": reading.passage_length}


def _own(folder: Path) -> None:
    """Make a folder whose config.json can be written: a link would be written through."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)


def _json(file: Path, default: Any = None) -> Any:
    if default is not None and not file.is_file():
        return default
    return json.loads(file.read_text(encoding="utf-8"))
