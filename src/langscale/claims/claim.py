"""The record of a claim: words, source, parts, test and needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any

import pandas as pd

from langscale.claims.parts import Measured, Part
from langscale.config.model import CUT
from langscale.config.study import Study
from langscale.models.known import KnownEncoder, encoder

Tables = Mapping[str, pd.DataFrame]
"""Tables of the study by name: `audit` if it has an audit, and `diversity`."""


@dataclass(frozen=True)
class Setup:
    """Benchmarks and encoders of a paper. A row of the table of claims names others.

    sets: data sets; sets_text: them in words; encoders: their records; encoders_text: them in words.
    """

    sets: tuple[str, ...]
    sets_text: str
    encoders: tuple[KnownEncoder, ...]
    encoders_text: str

    def differences(self, study: Study, benchmark: str, model: str) -> Iterator[str]:
        """How a benchmark and a model of a study differ from the paper's, in words."""
        if (study.benchmarks[benchmark].set or benchmark) not in self.sets:
            yield f"on {benchmark}; {self.sets_text}"
        options = study.model_of(model)  # none where a claim compares several
        if options and (CUT in model or encoder(options.hub) not in self.encoders):
            yield f"with {model}; {self.encoders_text}"


@dataclass(frozen=True)
class Claim:
    """A claim. A new claim is one record in langscale.claims.paper or langscale.claims.hypotheses.

    id: its name in configs and tables.
    source, statement: the claim and its author, in words.
    holds: the conditions of support, part by part, in words.
    needs: the needs of its test, in words.
    parts: the parts, from the design of each of its models. All must hold. Raises Missing.
    models: names of the compared models in a study. Raises Missing. None: each model by itself.
    large_corpora: it is about benchmarks with a corpus larger than memory, else about the others.
    setup: benchmarks and encoders of the paper. None: a hypothesis of this study.
    test: replaces the measured parts by a test in another table of the study. None: parts are measured.
    count: the rows of a claim without parts and p value, decided by a count. None: it has parts.
    """

    id: str
    source: str
    statement: str
    holds: str
    needs: str
    parts: Callable[..., Iterator[Part]] | None = None
    models: Callable[[Study], tuple[str, ...]] | None = None
    large_corpora: bool = False
    setup: Setup | None = None
    test: "Callable[[Entry, Tables], list[Measured]] | None" = None
    count: Callable[[Study, Tables], list[dict[str, Any]]] | None = None

    def models_of(self, study: Study, trained: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """The models of every row: each trained model by itself, or the compared models.

        Raises Missing if the study lacks a compared model.
        """
        if self.models is None:
            yield from ((name,) for name in trained)
        else:
            yield self.models(study)


@dataclass
class Entry:
    """A claim about one model, or about the compared models, on one benchmark, with its parts.

    primary: it carries the verdict of the claim. Other models and benchmarks replicate it.
    lack: why it cannot be tested. It depends on the config alone, so it is known before the runs.
    """

    claim: Claim
    model: str
    benchmark: str
    budget: str
    parts: list[Part]
    primary: bool = True
    lack: str = ""
    measured: list[Measured] = field(default_factory=list)


def letter(i: int) -> str:
    """The name of a claim's part in tables: a, b, ... z, then its number."""
    return ascii_lowercase[i] if i < len(ascii_lowercase) else str(i + 1)
