from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.link.outbox import AUDIO_LIMIT_MS, TICK_BYTES, CallOutbox, Outbox
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_MS


def pcm(number: int) -> bytes:
    return number.to_bytes(2, "little") * 160


def kinds(events: list[pb.GatewayEvent]) -> list[str | None]:
    return [event.WhichOneof("event") for event in events]


def taken(outbox: CallOutbox) -> list[pb.GatewayEvent]:
    tick = pb.GatewayTick()
    size = outbox.move_into(tick)
    assert size == sum(len(event.audio.pcm) for event in tick.events)
    return list(tick.events)


def add(outbox: CallOutbox, first: int, count: int, *, missing: bool = False) -> None:
    for number in range(first, first + count):
        outbox.add_frame(number * FRAME_MS, pcm(number), missing=missing)


def test_consecutive_frames_are_one_span() -> None:
    outbox = CallOutbox(7)
    add(outbox, 10, 3)
    (event,) = taken(outbox)
    assert event == pb.GatewayEvent(call=7, audio=pb.CallerAudio(at_ms=200, pcm=pcm(10) + pcm(11) + pcm(12)))
    assert taken(outbox) == []


def test_an_event_keeps_its_place_between_the_audio() -> None:
    outbox = CallOutbox(7)
    add(outbox, 0, 2)
    outbox.add(pb.GatewayEvent(pause=pb.PauseNotice(pause=1)))
    add(outbox, 2, 1)
    events = taken(outbox)
    assert kinds(events) == ["audio", "pause", "audio"]
    assert [event.call for event in events] == [7, 7, 7]
    assert [event.audio.at_ms for event in events[::2]] == [0, 40]


def test_missing_audio_and_a_jump_of_the_clock_start_a_new_span() -> None:
    outbox = CallOutbox(1)
    add(outbox, 0, 2)
    add(outbox, 2, 2, missing=True)
    add(outbox, 9, 1, missing=True)
    assert [(event.audio.at_ms, event.audio.missing) for event in taken(outbox)] == [
        (0, False),
        (40, True),
        (180, True),
    ]


def test_a_worker_that_does_not_read_costs_the_oldest_audio_and_no_event() -> None:
    outbox = CallOutbox(1)
    limit = AUDIO_LIMIT_MS // FRAME_MS
    add(outbox, 0, 50)
    outbox.add(pb.GatewayEvent(keypress=pb.Keypress(digit="5")))
    add(outbox, 50, limit)
    events = taken(outbox)
    assert kinds(events) == ["keypress", "audio"]
    assert events[1].audio.at_ms == 1000
    assert len(events[1].audio.pcm) == limit * FRAME_BYTES
    assert outbox.dropped_ms == 1000


def test_audio_between_many_events_is_bounded_too() -> None:
    outbox = CallOutbox(1)
    for number in range(2 * AUDIO_LIMIT_MS // FRAME_MS):
        add(outbox, number, 1)
        outbox.add(pb.GatewayEvent(hold=pb.HoldNotice(at_ms=number * FRAME_MS)))
    assert outbox.dropped_ms == AUDIO_LIMIT_MS
    assert kinds(taken(outbox)).count("audio") == AUDIO_LIMIT_MS // FRAME_MS


@given(st.lists(st.one_of(st.tuples(st.integers(1, 300), st.booleans()), st.just(None)), max_size=12))
def test_what_waits_is_bounded_in_order_and_adds_up(steps: list[tuple[int, bool] | None]) -> None:
    outbox = CallOutbox(1)
    frames = notices = 0
    for step in steps:
        if step is None:
            notices += 1
            outbox.add(pb.GatewayEvent(hold=pb.HoldNotice(at_ms=frames * FRAME_MS)))
        else:
            add(outbox, frames, step[0], missing=step[1])
            frames += step[0]
    events = taken(outbox)
    assert kinds(events).count("hold") == notices
    audio = [event.audio for event in events if event.HasField("audio")]
    kept_ms = sum(len(span.pcm) for span in audio) // FRAME_BYTES * FRAME_MS
    assert kept_ms <= AUDIO_LIMIT_MS
    assert kept_ms + outbox.dropped_ms == frames * FRAME_MS
    for span in audio:
        number = span.at_ms // FRAME_MS
        assert span.pcm == b"".join(pcm(number + index) for index in range(len(span.pcm) // FRAME_BYTES))


def test_a_tick_holds_every_call_that_has_something() -> None:
    outbox = Outbox()
    calls = [CallOutbox(number) for number in (1, 2, 3)]
    for call in (calls[0], calls[2]):
        add(call, 0, 1)
        outbox.mark(call)
        outbox.mark(call)
    tick = outbox.next_tick(99)
    assert (tick.sequence, tick.sent_ns) == (1, 99)
    assert [event.call for event in tick.events] == [1, 3]
    assert not outbox


def test_what_does_not_fit_into_one_message_comes_with_the_next() -> None:
    outbox = Outbox()
    for number in range(40):
        call = CallOutbox(number)
        add(call, 0, AUDIO_LIMIT_MS // FRAME_MS)
        outbox.mark(call)
    ticks = []
    while outbox:
        ticks.append(outbox.next_tick(0))
    assert [tick.sequence for tick in ticks] == list(range(1, len(ticks) + 1))
    assert sum(len(tick.events) for tick in ticks) == 40
    assert max(tick.ByteSize() for tick in ticks) < 2 * TICK_BYTES
