from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.worker.agent_audio import AgentAudio

LENGTH = 8000
PCM = (np.arange(LENGTH) + 1).astype("<i2")


def agent(*utterances: int) -> AgentAudio:
    audio = AgentAudio()
    for utterance in utterances:
        audio.said(utterance, 0, PCM[:4000].tobytes())
        audio.said(utterance, 4000, PCM[4000:].tobytes())
    return audio


def test_what_left_is_where_it_left() -> None:
    audio = agent(1)
    audio.playing(1, 160, 1160)
    audio.playing(1, 960, 1960)
    assert audio.cut(900, 1003).tolist() == [0.0] * 100 + [1, 2, 3]
    assert audio.cut(1800, 1803).tolist() == [801, 802, 803]
    assert audio.cut(2200, 2201).tolist() == [1201], "it goes on playing until something else is told"


def test_a_pause_ends_it_and_a_resume_goes_on_from_the_word() -> None:
    audio = agent(1)
    audio.playing(1, 160, 1160)
    audio.stopped(1, 1000, 2080, paused=True)
    assert audio.holds_floor
    assert audio.paused
    assert audio.cut(1998, 2003).tolist() == [999, 1000, 0, 0, 0]
    audio.playing(1, 800, 4000)
    audio.playing(1, 1600, 5600)
    assert not audio.paused
    assert audio.cut(5000, 5001).tolist() == [1001], "the later report tells when it really went on"


def test_the_next_utterance_follows() -> None:
    audio = agent(1, 2)
    audio.playing(1, 160, 160)
    audio.stopped(1, LENGTH, LENGTH, paused=False)
    assert not audio.holds_floor
    audio.playing(2, 160, LENGTH + 160)
    assert audio.cut(LENGTH - 1, LENGTH + 2).tolist() == [LENGTH, 1, 2]


def test_silence_before_and_after_is_told() -> None:
    audio = agent(1)
    audio.playing(1, 160, 1160)
    audio.stopped(1, 1000, 2000, paused=False)
    assert [audio.sounded(*span) for span in ((0, 1000), (0, 1001), (1999, 2400), (2000, 2400))] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("paused", [True, False])
def test_audio_is_kept_while_it_may_still_be_sent(paused: bool) -> None:
    audio = agent(1, 2)
    audio.playing(1, 160, 160)
    audio.stopped(1, 1000, 1000, paused=True)
    audio.stopped(1, 1000, 100_000, paused=paused)
    audio.playing(2, 160, 200_000)
    audio.playing(2, 960, 200_800)
    assert audio.cut(200_000, 200_001).tolist() == [161]


reports = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, LENGTH), st.integers(0, 2000), st.sampled_from("gps")), max_size=30
)


@given(reports, st.integers(0, 60_000))
def test_no_order_of_reports_breaks_it(told: list[tuple[int, int, int, str]], start: int) -> None:
    audio, at = agent(1, 2, 3), 0
    for utterance, position, later, what in told:
        at += later
        if what == "g":
            audio.playing(utterance, position, at)
        else:
            audio.stopped(utterance, position, at, paused=what == "p")
    assert len(audio.cut(start, start + 160)) == 160
