"""The translator against a loop that decodes one piece alone, and against itself in other company."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.tiny_translators import KINDS, LETTERS

from langscale.core.errors import UserError
from langscale.core.random import stream
from langscale.data.translation.translator import Translator

draw = stream("pieces")
WORDS = [
    "".join(LETTERS[i] for i in draw.integers(len(LETTERS), size=n)) for n in draw.integers(1, 9, size=300)
]
PIECES = [" ".join(WORDS[i : i + n]) for i, n in enumerate(draw.integers(1, 9, size=24))]


@pytest.fixture(scope="module", params=KINDS)
def translator(request, tmp_path_factory):
    folder = KINDS[request.param](tmp_path_factory.mktemp("mt") / request.param)
    return Translator(folder, "en", max_tokens=24, batch_tokens=96)


def alone(translator, piece, target):
    """Greedy decoding by the book: no batch, no padding, no cache, no `generate`."""
    tokenizer, model, token = translator.tokenizer, translator.model, translator.tokens[target]
    if translator.prefixed:
        ids, start = tokenizer(f"{token} {piece}")["input_ids"], [0]
    else:
        ids, start = tokenizer(piece)["input_ids"], [2, tokenizer.convert_tokens_to_ids(token)]
    assert ids[-1] == tokenizer.eos_token_id
    room = 2 * (-(-len(ids) // 8) * 8) + 16
    output = list(start)
    with torch.no_grad():
        while len(output) - 1 < room and output[-1] != tokenizer.eos_token_id or len(output) < len(start):
            logits = model(
                input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([output]), use_cache=False
            )
            output.append(int(logits.logits[0, -1].argmax()))
    return " ".join(tokenizer.decode(output[len(start) :], skip_special_tokens=True).split())


def test_every_piece_as_if_it_were_alone(translator):
    found = translator.translate(PIECES, "de")
    assert found[::3] == [alone(translator, piece, "de") for piece in PIECES[::3]]
    assert len(set(found)) > len(PIECES) / 4  # random weights, and yet no constant
    assert len({len(text) for text in found}) > 2
    assert found != translator.translate(PIECES, "zh")


def logits(translator, pieces):
    """Piece -> its own logits of every step, by a hook on the last layer."""
    steps, found = [], {}
    hook = translator.model.lm_head.register_forward_hook(
        lambda module, given, output: steps.append(output[:, -1])
    )
    greedy = translator._greedy

    def watched(encoded, *rest):
        steps.clear()
        texts = greedy(encoded, *rest)
        for row, ids in enumerate(encoded):
            own = torch.stack([step[row] for step in steps])
            ends = (own.argmax(1) == translator.tokenizer.eos_token_id).nonzero()
            found[tuple(ids)] = own[: int(ends[0]) + 1] if len(ends) else own
        return texts

    translator._greedy = watched
    try:
        translator.translate(pieces, "de")
    finally:
        del translator._greedy
        hook.remove()
    return found


def test_company_and_order_change_no_bit(translator):
    together = logits(translator, PIECES)
    backwards = logits(translator, PIECES[::-1])
    few = logits(translator, PIECES[::3])
    assert len(together) == len(set(PIECES)) and together.keys() == backwards.keys() > few.keys()
    for ids, values in together.items():
        assert torch.equal(values, backwards[ids])
        assert ids not in few or torch.equal(values, few[ids])


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("One. Two? Three!  Four", ["One.", "Two?", "Three!", "Four"]),
        (
            "Dr. No met J. K. Rowling in St. Louis. She left.",
            ["Dr. No met J. K. Rowling in St. Louis.", "She left."],
        ),
        ("It cost 3.5 m. in all, e.g. here. No.", ["It cost 3.5 m. in all, e.g. here.", "No."]),
        ("天气好。我们走吧！好", ["天气好。", "我们走吧！", "好"]),
        ("", []),
        ("  . ", ["."]),
    ],
)
def test_sentences(translator, text, pieces):
    large = Translator(translator.folder, "en", max_tokens=512)
    assert large.pieces(text) == pieces


@given(st.lists(st.sampled_from([*WORDS[:50], "a.", "Bcd!", "e" * 90]), max_size=40).map(" ".join))
def test_pieces_are_the_text_and_fit(translator, text):
    pieces = translator.pieces(text)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(len(translator.tokenizer(piece)["input_ids"]) <= 24 for piece in pieces)
    # no cut within a word that fits
    whole = {word for word in text.split() if len(word) < 20}
    assert whole <= {word for piece in pieces for word in re.split(" ", piece)}


def test_joined_as_the_language_writes(translator):
    assert translator.join(["a.", "", "b."], "de") == "a. b."
    assert (
        translator.join(["好。", "好。"], "zh") == "好。好。" and translator.join(["ok ok"], "zh") == "ok ok"
    )
    assert translator.join([], "de") == translator.join([], "ja") == ""


def test_a_language_that_is_lacking_is_told_before_weights_are_read(tmp_path):
    folder = KINDS["madlad"](tmp_path / "mt", codes="en de")
    (folder / "model.safetensors").unlink()
    translator = Translator(folder, "en")
    translator.check(["de"])
    with pytest.raises(UserError, match=r"mt has no zh, tr; .* it has de en$"):
        translator.check(["de", "zh", "tr"])
    assert "model" not in vars(translator)


def test_a_language_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="has no kr"):
        Translator(KINDS["m2m"](tmp_path / "mt"), "kr")


def test_another_kind_of_model(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="model type bert; right: m2m_100"):
        Translator(tmp_path, "en")


def test_a_prefix_that_is_no_token(tmp_path):
    folder = KINDS["madlad"](tmp_path / "mt")
    translator = Translator(folder, "en")
    translator.tokens["fr"] = "<2fr>"
    with pytest.raises(UserError, match="splits <2fr>"):
        translator.translate(["a"], "fr")


class Trap:
    def __reduce__(self):
        return (print, ("executed",))


def test_weights_are_never_unpickled(tmp_path, capsys):
    folder = KINDS["madlad"](tmp_path / "mt")
    (folder / "model.safetensors").unlink()
    torch.save({"shared.weight": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(Exception, match="weights_only|Weights only"):
        Translator(folder, "en").translate(["a"], "de")
    assert "executed" not in capsys.readouterr().out
