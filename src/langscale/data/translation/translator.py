"""A translation model: texts cut into pieces, and greedy decoding of each piece.

The translation of a piece depends on the piece alone. M2M-100 (arXiv:2010.11125) and NLLB (arXiv:2207.04672),
model type m2m_100, open each side with a language token. MADLAD-400 (arXiv:2309.04662), model type t5, reads
the target language from a prefix such as `<2de> `.
"""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from langscale.core.errors import UserError
from langscale.data.translation import target_languages as targets
from langscale.languages import families as languages

# An end mark before a space, but not after an initial or an abbreviation as short as Dr. or St., and not
# before a lower-case letter. Full-width marks need no space.
SENTENCE = re.compile(r"(?<=[.!?…।؟])(?<!\b[A-Z]\.)(?<!\b[A-Z][a-z]\.)\s+(?![a-z])|(?<=[。！？])\s*")
STEP = 8  # token counts are rounded up to multiples of it, so that batches have few shapes
UNSPACED = ("Hans", "Hant", "Jpan")  # sentences follow each other without a space


class Translator:
    """A checkpoint for translation from one language. Its weights are loaded with the first piece.

    It computes in float32 on any device, because translations are kept and should hardly depend on the
    machine. max_tokens: of a piece. batch_tokens: of a batch, padding included.
    """

    def __init__(
        self,
        folder: str | Path,
        origin: str,
        max_tokens: int = 128,
        batch_tokens: int = 4096,
        device: str = "cpu",
    ) -> None:
        """Load the tokenizer. Raises UserError for a model of another type, or without language `origin`."""
        from transformers import AutoTokenizer

        kind = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")).get("model_type")
        if kind not in ("m2m_100", "t5"):
            raise UserError(
                f"translation: model type {kind}; right: m2m_100 (M2M-100, NLLB) or t5 (MADLAD-400)"
            )
        self.folder, self.device, self.prefixed = Path(folder), device, kind == "t5"
        self.max_tokens, self.batch_tokens = max_tokens, batch_tokens
        self.tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        # M2M-100's tokenizer keeps its language tokens beside its vocabulary
        self.tokens = targets.tokens(
            {*self.tokenizer.get_vocab(), *getattr(self.tokenizer, "lang_token_to_id", ())}
        )
        if not self.prefixed:
            self.check([origin])
            self.tokenizer.src_lang = self.tokens[targets.canonical(origin)].strip("_")

    def check(self, codes: Sequence[str]) -> None:
        """Raise UserError for languages outside the model. Needs no weights."""
        targets.check(codes, self.tokens, self.folder.name)

    def pieces(self, text: str) -> list[str]:
        """The sentences of a text. A sentence over `max_tokens` is halved at a space near its middle."""
        return [piece for part in SENTENCE.split(text) for piece in self._fitting(part.strip())]

    def join(self, pieces: Sequence[str], target: str) -> str:
        """The translated pieces of a text as one."""
        gap = "" if len(pieces) > 1 and languages.script(target) in UNSPACED else " "
        return gap.join(piece for piece in pieces if piece)

    def order(self, piece: str) -> tuple[int, str]:
        """Sort key: pieces of one batch shape stand together."""
        return self._rounded(len(self.tokenizer(piece)["input_ids"])), piece

    def translate(self, pieces: Sequence[str], target: str) -> list[str]:
        """Greedy translations, in the order of the pieces.

        Every batch has `length` tokens a row and batch_tokens // length rows. The last batch of a length is
        filled up with copies. So the shape of the arrays depends on the length of a piece alone, and neither
        the other pieces nor their order change its translation.
        """
        token = self.tokens[targets.canonical(target)]
        encoded = [self._encode(piece, token) for piece in pieces]
        found = [""] * len(encoded)
        rows: dict[int, list[int]] = {}
        for row, ids in enumerate(encoded):
            rows.setdefault(self._rounded(len(ids)), []).append(row)
        for length, same in sorted(rows.items()):
            size = max(1, self.batch_tokens // length)
            for start in range(0, len(same), size):
                batch = same[start : start + size]
                texts = self._greedy([encoded[row] for row in batch], length, size, token)
                for row, text in zip(batch, texts, strict=True):
                    found[row] = text
        return found

    @cached_property
    def model(self) -> Any:
        """The weights. Another format than safetensors is read as tensors only, never as a pickle."""
        import torch
        from transformers import AutoModelForSeq2SeqLM, GenerationConfig

        model = AutoModelForSeq2SeqLM.from_pretrained(
            self.folder, dtype=torch.float32, weights_only=True, trust_remote_code=False
        )
        # the generation config of a checkpoint has beams and other lengths
        ids = ("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id")
        known = {key: getattr(model.generation_config, key) for key in ids}
        model.generation_config = GenerationConfig(num_beams=1, do_sample=False, **known)
        return model.eval().to(self.device)

    def _greedy(self, encoded: Sequence[Sequence[int]], length: int, size: int, token: str) -> list[str]:
        import torch

        ids = np.full((size, length), self.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row in range(size):
            own = encoded[min(row, len(encoded) - 1)]
            ids[row, : len(own)], mask[row, : len(own)] = own, 1
        forced = {} if self.prefixed else {"forced_bos_token_id": self.tokenizer.convert_tokens_to_ids(token)}
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=torch.from_numpy(ids).to(self.device),
                attention_mask=torch.from_numpy(mask).to(self.device),
                max_new_tokens=2 * length + 16,
                **forced,
            )
        # the first tokens are the start and, where it is forced, the language
        kept = output[: len(encoded), 1 + len(forced) :].cpu().tolist()
        return [
            " ".join(text.split()) for text in self.tokenizer.batch_decode(kept, skip_special_tokens=True)
        ]

    def _encode(self, piece: str, token: str) -> list[int]:
        ids = self.tokenizer(f"{token} {piece}" if self.prefixed else piece)["input_ids"]
        if self.prefixed and token not in self.tokenizer.convert_ids_to_tokens(ids[:2]):
            raise UserError(
                f"translation: the tokenizer of {self.folder.name} splits {token}; right: one token, as in "
                "google/madlad400-3b-mt"
            )
        return ids

    def _fitting(self, text: str) -> list[str]:
        if len(text) < 2 or len(self.tokenizer(text)["input_ids"]) <= self.max_tokens:
            return [text] if text else []
        middle = len(text) // 2
        spaces = [match.start() for match in re.finditer(" ", text)]
        cut = min(spaces, key=lambda i: abs(i - middle), default=middle)
        return self._fitting(text[:cut].strip()) + self._fitting(text[cut:].strip())

    @staticmethod
    def _rounded(tokens: int) -> int:
        return -(-tokens // STEP) * STEP
