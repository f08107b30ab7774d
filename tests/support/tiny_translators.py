"""Random translation models of the three kinds, fast enough for tests, with tokenizers made here."""

import io
import json
from pathlib import Path

import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    NllbTokenizer,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?!"
SIZES = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "init_std": 1.0,
    "decoder_start_token_id": 2,
}


def m2m(folder: Path) -> Path:
    """M2M-100: sentencepiece, `__de__`, a forced first token."""
    folder.mkdir(parents=True)
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(LETTERS), *LETTERS]),
        model_writer=written,
        vocab_size=len(LETTERS) + 4,
        model_type="bpe",
        character_coverage=1.0,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    names = ["<s>", "<pad>", "</s>", "<unk>", *map(pieces.id_to_piece, range(3, pieces.get_piece_size()))]
    files = folder / "vocab.json", folder / "sentencepiece.bpe.model"
    files[0].write_text(json.dumps({name: i for i, name in enumerate(names)}))
    M2M100Tokenizer(*map(str, files)).save_pretrained(folder)
    return _save(folder, M2M100ForConditionalGeneration, M2M100Config(vocab_size=len(names) + 108, **SIZES))


def nllb(folder: Path) -> Path:
    """NLLB: the same architecture, FLORES codes as language tokens."""
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS]
    tokenizer = NllbTokenizer(vocab={name: i for i, name in enumerate(names)}, merges=[])
    tokenizer.save_pretrained(folder)
    return _save(folder, M2M100ForConditionalGeneration, M2M100Config(vocab_size=len(tokenizer), **SIZES))


def madlad(folder: Path, codes: str = "en de zh tr") -> Path:
    """MADLAD-400: T5, `<2de> ` before the text."""
    names = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -2.0), *((c, -3.0) for c in LETTERS)]
    names += [(f"<2{code}>", 0.0) for code in codes.split()]
    tokenizer = T5Tokenizer(vocab=names, extra_ids=0)
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        initializer_factor=3.0,
        decoder_start_token_id=0,
        tie_word_embeddings=False,
    )
    return _save(folder, T5ForConditionalGeneration, config)


KINDS = {"m2m": m2m, "nllb": nllb, "madlad": madlad}


def _save(folder: Path, kind, config) -> Path:
    torch.manual_seed(1)
    model = kind(config)
    # what real checkpoints bring, and what must not count
    model.generation_config.update(num_beams=5, early_stopping=True, max_length=4)
    model.save_pretrained(folder)
    return folder
