"""Keys in the audio: what Q.24 wants taken and refused, what speech must not be, and what others make of ours."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from gateway.sip.keypad import KEYS
from tests.peers.asterisk import SOUNDS, asterisk_root
from tests.peers.multimon import heard_keys
from tests.peers.speech import ESPEAK_VOICES, FLITE_VOICES, RATE, human, human_digits, synthetic, transcripts
from tests.sip.native.keytones import Ear, Press, line, say

ROW = pytest.mark.scenario("DTM-03", peer="scripted party", transport="tones")
ORACLE = pytest.mark.scenario("DTM-03", peer="multimon-ng", transport="tones")


def presses(count: int, **how: Any) -> list[Press]:
    """Random keys; a value of `how` that is a pair of numbers is drawn between them."""
    rng = np.random.default_rng(7)
    drawn = []
    for _ in range(count):
        own: dict[str, Any] = {
            name: float(rng.uniform(*value)) if isinstance(value, tuple) else value for name, value in how.items()
        }
        low, high = (float(one) for one in rng.uniform(0, 2 * np.pi, 2))
        drawn.append(Press(str(rng.choice(list(KEYS))), phase=(low, high), **own))
    return drawn


@ROW
@pytest.mark.parametrize(
    ("how", "snr_db"),
    [
        ({}, 20),
        ({"twist_db": (-8, 4)}, 20),
        ({"tone_ms": 60, "gap_ms": 60}, 15),
        ({"level_db": -36}, 25),
        ({"level_db": -8}, None),
        ({"tone_ms": (40, 400), "gap_ms": (40, 300)}, 20),
    ],
    ids=["shortest", "twisted", "noisy", "faint", "loud", "any length"],
)
def test_every_key_is_heard_once_within_the_limits_of_q24(
    rings: ctypes.CDLL, how: dict[str, Any], snr_db: float | None
) -> None:
    pressed = presses(400, **how)
    assert Ear(rings).hear(line(pressed, snr_db=snr_db)) == "".join(press.key for press in pressed)


@ROW
@pytest.mark.parametrize(("part", "heard"), [(0.015, True), (-0.015, True), (0.035, False), (-0.035, False)])
def test_a_tone_may_be_wrong_by_one_and_a_half_per_cent_and_not_by_three_and_a_half(
    rings: ctypes.CDLL, part: float, heard: bool
) -> None:
    for off in ((part, 0.0), (0.0, part), (part, part)):
        pressed = [Press(key, tone_ms=60, gap_ms=60, off=off) for key in KEYS]
        assert Ear(rings).hear(line(pressed, snr_db=25)) == (KEYS if heard else "")


@ROW
@pytest.mark.parametrize(
    "press", [Press("5", tone_ms=23), Press("5", 60, 60, twist_db=9), Press("5", 60, 60, twist_db=-13)]
)
def test_what_is_too_short_or_too_lopsided_is_no_key(rings: ctypes.CDLL, press: Press) -> None:
    assert not Ear(rings).hear(line([press] * 50))


@ROW
def test_a_break_of_a_lost_packet_does_not_make_two_of_a_press(rings: ctypes.CDLL) -> None:
    pcm = line([Press("5", tone_ms=300)])
    for at in range(900, 1700, 100):
        broken = pcm.copy()
        broken[at : at + 160] = 0
        assert Ear(rings).hear(broken) == "5"


@ROW
def test_the_tones_of_a_key_that_was_told_are_known_while_they_sound(rings: ctypes.CDLL) -> None:
    ear, pcm = Ear(rings), line([Press("5", tone_ms=200, gap_ms=200)])
    known = []
    for at in range(0, len(pcm) - 160, 160):
        ear.tick(pcm[at : at + 160])
        known.append(ear.sounding)
    assert 8 <= sum(known) <= 11
    assert not known[-1]


@ROW
def test_people_who_speak_press_no_key(rings: ctypes.CDLL) -> None:
    said = [human(name) for name in sorted(transcripts()) if name.startswith("conf-")]
    assert len(said) > 20
    assert not Ear(rings).hear(np.concatenate([*said, human_digits("0123456789")]))


@ROW
def test_neither_noise_nor_single_tones_nor_a_ringing_tone_are_keys(rings: ctypes.CDLL) -> None:
    rng, time = np.random.default_rng(3), np.arange(RATE * 4) / RATE
    sounds = [rng.normal(0, level, RATE * 10) for level in (100, 1000, 8000)]
    sounds += [8000 * np.sin(2 * np.pi * hertz * time) for hertz in (425, 697, 941, 1209, 1477, 1000)]
    sounds += [6000 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time))]
    assert not Ear(rings).hear(np.clip(np.concatenate(sounds), -32768, 32767).astype(np.int16))


@pytest.mark.parametrize(("keys", "tone_ms", "gap_ms"), [("x", 100, 50), ("1" * 65, 100, 50), ("1", 39, 50)])
def test_what_cannot_be_said_as_tones_is_refused(rings: ctypes.CDLL, keys: str, tone_ms: int, gap_ms: int) -> None:
    assert say(rings, keys, tone_ms=tone_ms, gap_ms=gap_ms) is None


def test_what_is_said_is_heard(rings: ctypes.CDLL) -> None:
    for tone_ms, gap_ms in ((40, 40), (120, 80), (65, 45)):
        pcm = say(rings, KEYS * 2 + "5555", tone_ms=tone_ms, gap_ms=gap_ms)
        assert pcm is not None
        assert Ear(rings).hear(pcm) == KEYS * 2 + "5555"


@ORACLE
def test_another_decoder_hears_what_is_said(rings: ctypes.CDLL, tmp_path: Path) -> None:
    keys = "0123456789ABCD*#55"
    pcm = say(rings, keys, tone_ms=120, gap_ms=80)
    assert pcm is not None
    assert heard_keys(pcm, tmp_path) == keys


@ORACLE
def test_another_decoder_hears_the_presses_of_these_tests(tmp_path: Path) -> None:
    pressed = presses(60, tone_ms=80, gap_ms=80)
    assert heard_keys(line(pressed, snr_db=20), tmp_path) == "".join(press.key for press in pressed)


@ROW
@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_hour_of_speech_presses_one_key_at_most(rings: ctypes.CDLL) -> None:
    spoken = [human(name) for name in sorted(transcripts()) if (asterisk_root() / SOUNDS / f"{name}.wav").exists()]
    words = [text for text in sorted(set(transcripts().values())) if 20 < len(text) < 200]
    spoken += [synthetic(text, voice) for voice in (*FLITE_VOICES, *ESPEAK_VOICES) for text in words[:120]]
    ear, rng, seconds, pressed = Ear(rings), np.random.default_rng(5), 0.0, ""
    while seconds < 3600:
        for samples in spoken:
            # at another level and a little faster or slower each time, so that no two rounds are the same
            factor = float(rng.uniform(0.85, 1.15))
            own = soxr.resample(samples, RATE, RATE * factor) * float(rng.uniform(0.2, 1.6))
            pressed += ear.hear(np.clip(own, -32768, 32767).astype(np.int16))
            seconds += len(own) / RATE
    print(f"\n{len(pressed)} keys in {seconds / 3600:.2f} hours of speech: {pressed!r}")
    assert len(pressed) <= seconds / 3600


@ROW
@pytest.mark.long
@pytest.mark.timeout(600)
def test_of_ten_thousand_keys_at_twenty_decibels_all_are_heard(rings: ctypes.CDLL) -> None:
    pressed = presses(10_000, twist_db=(-8, 4))
    heard = Ear(rings).hear(line(pressed, snr_db=20))
    print(f"\n{len(heard)} keys heard of {len(pressed)}")
    assert heard == "".join(press.key for press in pressed)
