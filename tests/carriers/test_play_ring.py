"""The ring of socket legs does what the ring of SIP legs does, sample by sample."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.carriers.play_ring import CAPACITY
from gateway.carriers.play_ring import PlayRing as SocketRing
from gateway.sip.bridge import TickFlag
from tests.sip.native.conftest import rings
from tests.sip.native.play_ring import PlayRing as SipRing
from tests.sip.native.play_ring import voice

__all__ = ["rings"]

plays = st.tuples(st.just("play"), st.integers(1, 3), st.integers(0, 700), st.booleans())
others = st.sampled_from([("pause",), ("resume",), ("flush",), ("tick",), ("tick",), ("tick",)])


@given(st.lists(st.one_of(plays, others), max_size=50))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_rings_send_the_same_samples_and_report_the_same(rings: ctypes.CDLL, steps: list[tuple[Any, ...]]) -> None:
    sip, socket = SipRing(rings), SocketRing()
    offsets: dict[int, int] = {}
    for step in steps:
        match step:
            case ("play", utterance, count, final):
                offset = offsets.get(utterance, 0)
                offsets[utterance] = offset + count
                pcm = voice(utterance, np.arange(offset, offset + count)).tobytes()
                assert socket.play(utterance, offset, pcm, final=final) == sip.play(
                    utterance, offset, count, final=final
                )
            case ("tick",):
                told, played = sip.tick(), socket.tick()
                assert np.frombuffer(played.pcm, np.int16).tolist() == told.frame.tolist()
                assert (played.utterance, played.position) == (told.utterance, told.position)
                assert played.finished == (TickFlag.FINISHED in told.flags)
                assert played.underrun == (TickFlag.UNDERRUN in told.flags)
                assert played.paused == (TickFlag.PAUSED in told.flags)
            case (name,):
                getattr(sip, name)()
                getattr(socket, name)()


def test_four_seconds_fit() -> None:
    ring = SocketRing()
    assert ring.play(1, 0, bytes(2 * (CAPACITY + 5)), final=True) == CAPACITY
    assert ring.queued == CAPACITY
    assert not ring.tick().finished
