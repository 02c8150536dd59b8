"""The optional smart-turn model on recordings of people."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gateway.assistant.start_speaking_plan import StartSpeakingPlan
from gateway.errors import ModelError, ProviderTimeout
from gateway.models import missing
from gateway.models.catalogue import SMART_TURN
from gateway.providers.turn import detectors, smart_turn
from gateway.providers.turn.detectors import make_turn_detector
from gateway.providers.turn.prosody import ProsodyJudge
from gateway.providers.turn.smart_turn import SmartTurn
from tests.peers.missing import PeerMissing
from tests.peers.speech import Samples, human, join, silence

SENTENCES = (
    "all-circuits-busy-now",
    "cannot-complete-as-dialed",
    "check-number-dial-again",
    "conf-extended",
    "conf-hasjoin",
    "conf-now-muted",
    "conf-onlyone",
    "confbridge-invalid",
)
PAUSE = silence(100)


@pytest.fixture
def model() -> SmartTurn:
    if missing([SMART_TURN]):
        raise PeerMissing(f"the smart-turn model is not installed: {SMART_TURN.command}")
    return shared()


@cache
def shared() -> SmartTurn:
    return SmartTurn(ThreadPoolExecutor(1))


def pcm(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def plan(provider: str) -> StartSpeakingPlan:
    return StartSpeakingPlan.model_validate({"smartEndpointingPlan": {"provider": provider}})


@pytest.mark.models
async def test_whole_sentences_sound_more_finished_than_their_beginnings(model: SmartTurn) -> None:
    sentences = [human(name) for name in SENTENCES]
    whole = [await model.judge(pcm(join(sentence, PAUSE))) for sentence in sentences]
    parts = [await model.judge(pcm(join(sentence[: len(sentence) // 2], PAUSE))) for sentence in sentences]
    assert min(whole) > 0.8
    assert np.median(parts) < 0.2


@pytest.mark.models
async def test_only_the_last_eight_seconds_are_heard(model: SmartTurn) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 8000 * 12).astype(np.int16)
    assert await model.judge(pcm(noise)) == pytest.approx(await model.judge(pcm(noise[8000 * 3 :])), abs=0.02)


@pytest.mark.models
@pytest.mark.parametrize("samples", [0, 1, 100])
async def test_hardly_any_audio_is_judged_too(model: SmartTurn, samples: int) -> None:
    assert 0 <= await model.judge(bytes(2 * samples)) <= 1


@pytest.mark.models
async def test_a_machine_that_is_too_busy_gives_no_judgement(model: SmartTurn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart_turn, "LONGEST_SECONDS", 0.02)
    free = threading.Event()
    monkeypatch.setattr(SmartTurn, "probability", lambda *_: free.wait(10))
    try:
        with pytest.raises(ProviderTimeout):
            await model.judge(bytes(320))
    finally:
        free.set()


@pytest.mark.models
def test_the_assistant_chooses_it(model: SmartTurn) -> None:
    assert isinstance(make_turn_detector(plan("smart-turn")), SmartTurn)
    assert isinstance(make_turn_detector(plan("livekit")), ProsodyJudge)
    assert make_turn_detector(plan("smart-turn")) is make_turn_detector(plan("smart-turn"))


@pytest.fixture
def not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path))
    detectors.smart_turn.cache_clear()


@pytest.mark.usefixtures("not_installed")
def test_where_it_is_not_installed_the_command_that_brings_it_is_named() -> None:
    with pytest.raises(ModelError, match=r"is missing; run `parley setup --smart-turn` to download it\."):
        make_turn_detector(plan("smart-turn"))
