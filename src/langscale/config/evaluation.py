"""The section `evaluation`: rankings and measures."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from langscale.config.fields import Options


class Evaluation(Options):
    """Rankings and measures."""

    top_k: int = Field(100, ge=100, le=100_000, description="length of the stored rankings")
    bm25: bool = Field(True, description="rank with BM25 over character n-grams, a lexical baseline")
    controls: bool = Field(
        False,
        description="controls of language bias: rankings of language-centred embeddings, and the correlation "
        "of the rankings of parallel queries. They double the time of the scores",
    )
    bm25_ngrams: tuple[Annotated[int, Field(gt=0, le=20)], Annotated[int, Field(gt=0, le=20)]] = Field(
        (2, 4), description="shortest and longest character n-gram of BM25"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.bm25_ngrams[0] > self.bm25_ngrams[1]:
            raise ValueError(
                f"bm25_ngrams: found {list(self.bm25_ngrams)}; the shortest goes before the longest"
            )
        return self
