"""What a claim is: one record with its words, source, parts, test and needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from langscale.claims.tests import Measured, Part
from langscale.config.study import Study
from langscale.models.known import KnownEncoder, encoder

Tables = Mapping[str, pd.DataFrame]
"""Tables of the study by name: `audit` where it has an audit, `diversity`."""


@dataclass(frozen=True)
class Setup:
    """What a paper evaluated. A row of the ledger names a benchmark or an encoder that differs.

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
        options = study.models.get(model)  # none where a claim compares several
        if options and encoder(options.hub) not in self.encoders:
            yield f"with {model}; {self.encoders_text}"


@dataclass(frozen=True)
class Claim:
    """A claim. Adding one adds a record in langscale.claims.paper or langscale.claims.hypotheses.

    id: its name in configs and tables. source, statement: who claims what, in words. holds: what must hold
    for support, part by part, in words. needs: what a study must have to test it, in words. parts: the parts
    that must all hold, from the design of each model that it is about. Raises Missing. models: names of the
    models that it compares, from the study. Raises Missing. None: it is about each model by itself. listed:
    it is about benchmarks that are larger than memory, else about the others. setup: what the paper
    evaluated. None: a hypothesis of this study. test: replaces the measured parts by a test that another
    table of the study holds. None: parts are measured. count: the rows of a claim that is decided by a count,
    without parts and without p value. None: it has parts.
    """

    id: str
    source: str
    statement: str
    holds: str
    needs: str
    parts: Callable[..., Iterator[Part]] | None = None
    models: Callable[[Study], tuple[str, ...]] | None = None
    listed: bool = False
    setup: Setup | None = None
    test: "Callable[[Entry, Tables], list[Measured]] | None" = None
    count: Callable[[Study, Tables], list[dict[str, Any]]] | None = None

    def models_of(self, study: Study, trained: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """The models of every row: each trained one by itself, or those that the claim compares.

        Raises Missing where the study lacks a model that the claim compares.
        """
        if self.models is None:
            yield from ((name,) for name in trained)
        else:
            yield self.models(study)


@dataclass
class Entry:
    """A claim about one model, or about those that it compares, on one benchmark, with its parts."""

    claim: Claim
    model: str
    benchmark: str
    budget: str
    parts: list[Part]
    measured: list[Measured] = field(default_factory=list)
