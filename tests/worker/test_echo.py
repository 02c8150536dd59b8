from __future__ import annotations

import numpy as np
import pytest

from gateway.media.audio import FRAME_SAMPLES
from gateway.worker.agent_audio import AgentAudio, Wave
from gateway.worker.echo import LONGEST_LAG, EchoEar, find_echo
from tests.worker.murmur import murmur

SECONDS = 2
AGENT = murmur(SECONDS * 1000, seed=1).astype(np.float32)
OTHER = murmur(SECONDS * 1000, seed=2, pitch=170.0).astype(np.float32)
LINE = (np.random.default_rng(3).standard_normal(len(AGENT)) * 20).astype(np.float32)
START = 8000
"""Sample of the call at which the agent began."""


def returned(lag: int, gain: float) -> Wave:
    """The agent as the line sends it back, blurred a little."""
    late = np.concatenate([np.zeros(lag), AGENT])[: len(AGENT)]
    return np.convolve(late, [0.2, 1.0, 0.3], "same").astype(np.float32) * np.float32(gain)


def ear() -> EchoEar:
    agent = AgentAudio()
    agent.said(1, 0, AGENT.astype("<i2").tobytes())
    agent.playing(1, 160, START + 160)
    return EchoEar(agent)


def hear(ear: EchoEar, wave: Wave) -> list[bool]:
    """Which frames of the call, from the agent's beginning on, are echo."""
    frames = np.clip(wave, -32768, 32767).astype("<i2").reshape(-1, FRAME_SAMPLES)
    return [ear.push(frame.tobytes(), START + at * FRAME_SAMPLES) for at, frame in enumerate(frames)]


@pytest.mark.parametrize("lag", [320, 777, 2000])
@pytest.mark.parametrize("gain", [0.06, 0.25])
def test_the_delay_and_loss_of_the_path_are_found(lag: int, gain: float) -> None:
    end = 10_000
    caller = (returned(lag, gain) + LINE)[end - 2560 : end]
    path = find_echo(caller, AGENT[end - 2560 - LONGEST_LAG : end])
    assert path is not None
    assert abs(path.lag - lag) <= 2
    assert path.loss_db == pytest.approx(-20 * np.log10(gain), abs=4)
    assert path.likeness > 0.6


def test_another_voice_is_not_like_the_agents() -> None:
    path = find_echo((OTHER + LINE)[7000:9560], AGENT[7000 - LONGEST_LAG : 9560])
    assert path is not None
    assert path.likeness < 0.5


def test_silence_is_like_nothing() -> None:
    assert find_echo(np.zeros(2560, dtype=np.float32), AGENT[:4960]) is None


def test_echo_is_learnt_within_half_a_second_and_then_kept_out_at_once() -> None:
    one = ear()
    echo = hear(one, returned(800, 0.2) + LINE)
    assert one.path is not None
    loud = [np.sqrt(np.mean(frame**2)) > 60 for frame in returned(800, 0.2).reshape(-1, FRAME_SAMPLES)]
    assert all(is_echo for is_echo, is_loud in zip(echo[25:], loud[25:], strict=True) if is_loud)


def test_the_caller_over_the_echo_is_heard() -> None:
    one = ear()
    wave = returned(800, 0.1) + LINE
    wave[8000:] += OTHER[8000:]
    echo = hear(one, wave)
    loud = [np.sqrt(np.mean(frame**2)) > 1000 for frame in OTHER.reshape(-1, FRAME_SAMPLES)]
    assert not any(is_echo for is_echo, is_loud in zip(echo[50:], loud[50:], strict=True) if is_loud)
    assert not one.echoing


def test_a_line_without_echo_has_no_path() -> None:
    one = ear()
    assert not any(hear(one, OTHER + LINE))
    assert one.path is None
