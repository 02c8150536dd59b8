from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from gateway.models import model_path
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.stt.sentence_ending import SentenceEnding
from gateway.providers.stt.whisper import Whisper
from tests.peers.missing import PeerMissing
from tests.peers.speech import join, silence, synthetic

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(model_path("whisper-tiny.en") / "tokenizer.json"))


def after(tokenizer: Tokenizer, **chances: float) -> np.ndarray:
    """Logits of what follows the text "yes": these tokens, and next to nothing else."""
    logits = np.full(tokenizer.get_vocab_size(), -20.0, dtype=np.float32)
    names = {"stop": ".", "hanging": "...", "word": " and"}
    for name, chance in chances.items():
        (token,) = tokenizer.encode(names[name], add_special_tokens=False).ids
        logits[token] = np.log(chance)
    return logits


def judged(tokenizer: Tokenizer, text: str, **chances: float) -> float | None:
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    words = tokenizer.encode(text.rstrip("."), add_special_tokens=False).ids
    logits = [np.zeros(tokenizer.get_vocab_size(), dtype=np.float32) for _ in range(len(tokens) + 1)]
    logits[len(words)] = after(tokenizer, **chances)
    return SentenceEnding(tokenizer).finished(tokens, logits)


def test_the_more_may_follow_the_less_has_ended(tokenizer: Tokenizer) -> None:
    over = judged(tokenizer, " I think so.", stop=0.98, hanging=0.01, word=0.01)
    unsure = judged(tokenizer, " I think so.", stop=0.6, hanging=0.1, word=0.3)
    hanging = judged(tokenizer, " I think so.", stop=0.2, hanging=0.6, word=0.2)
    assert over is not None
    assert unsure is not None
    assert hanging is not None
    assert over > unsure > hanging


def test_a_text_without_words_says_nothing(tokenizer: Tokenizer) -> None:
    assert judged(tokenizer, "...", stop=1.0) is None


def test_a_whole_sentence_has_rather_ended_than_its_first_half() -> None:
    try:
        whole = synthetic("The heating in my room is broken.", "slt")
        half = synthetic("Please connect me to the person who handles refunds.", "slt")[:10_400]
    except PeerMissing as missing:
        pytest.skip(str(missing))
    whisper = Whisper()
    heard = [
        whisper.recognise(to_model_rate(join(silence(300), speech, silence(200)).tobytes()), TranscriptHint())
        for speech in (whole, half)
    ]
    assert heard[0].finished is not None
    assert heard[1].finished is not None
    assert heard[0].finished > 0.8 > heard[1].finished
