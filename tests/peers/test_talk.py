from __future__ import annotations

import pytest

from tests.peers import rtp, talk, wire
from tests.peers.talk import Talkspurt


def spurts(payloads: list[bytes], *, start_ns: int = 0) -> list[Talkspurt]:
    return talk.talkspurts(rtp.decode(rtp.streams(wire.stream(payloads, start_ns=start_ns))[0]))


def ms(value: float) -> int:
    return int(value * 1e6)


def test_a_spurt_lasts_from_its_first_loud_packet_to_its_last() -> None:
    found = spurts([*wire.quiet(200), *wire.tone(400), *wire.quiet(1000)])
    assert found == [Talkspurt(ms(200), ms(580))]


def test_a_short_pause_does_not_split_a_spurt_and_a_long_one_does() -> None:
    assert len(spurts([*wire.tone(300), *wire.quiet(400), *wire.tone(300), *wire.quiet(600)])) == 1
    assert len(spurts([*wire.tone(300), *wire.quiet(600), *wire.tone(300), *wire.quiet(600)])) == 2


def test_a_single_loud_packet_is_a_click() -> None:
    assert spurts([*wire.quiet(200), *wire.tone(20), *wire.quiet(800)]) == []


def test_a_tone_below_the_on_level_is_silence() -> None:
    assert spurts([*wire.quiet(200), *wire.tone(400, amplitude=150), *wire.quiet(800)]) == []


def test_speech_that_reaches_to_the_end_of_the_capture_is_kept() -> None:
    assert spurts([*wire.quiet(200), *wire.tone(400)]) == [Talkspurt(ms(200), ms(580))]


def test_latency_is_from_the_last_caller_packet_to_the_first_agent_packet() -> None:
    caller, agent = [Talkspurt(0, ms(500)), Talkspurt(ms(3000), ms(3500))], [Talkspurt(ms(1100), ms(2000))]
    assert [turn.ms for turn in talk.turn_latencies(caller, agent)] == [pytest.approx(600)]


def test_a_turn_during_which_the_agent_spoke_has_no_latency() -> None:
    caller, agent = [Talkspurt(ms(300), ms(500))], [Talkspurt(0, ms(900)), Talkspurt(ms(1500), ms(2000))]
    assert talk.turn_latencies(caller, agent) == []


def test_barge_in_is_from_caller_onset_to_the_end_of_the_agents_spurt() -> None:
    caller, agent = [Talkspurt(ms(700), ms(1500))], [Talkspurt(0, ms(860)), Talkspurt(ms(2000), ms(3000))]
    assert [found.ms for found in talk.barge_ins(caller, agent)] == [pytest.approx(160)]
