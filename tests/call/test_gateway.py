"""The whole path of a call: a leg in memory, a real gRPC stream, a scripted worker."""

from __future__ import annotations

import asyncio
import wave
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.call import endings
from gateway.call.calls import Calls
from gateway.call.journal import Journal
from gateway.call.move import life
from gateway.call.pauses import DECIDE_MS
from gateway.call.phrases import Phrase
from gateway.errors import OverCapacity
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.routing.settings import RouteSettings
from tests.call.disk_double import NowDisk
from tests.call.house import APOLOGY, GREETING, action, entry, greet, house, play, started, to_call
from tests.call.leg_double import MemoryLeg, inbound
from tests.call.test_record import CALL
from tests.link.worker_double import WorkerDouble, accept_all, until


def refuse(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    if event.HasField("start"):
        yield pb.WorkerEvent(refused=pb.Refused(reason="full"))


async def test_a_caller_hears_the_greeting_sample_for_sample_and_the_worker_hears_the_caller(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        assert leg.answered
        caller = b"\x01\x02" * 160
        for _ in leg.frames(30, caller):
            await asyncio.sleep(0)
        assert leg.heard() == GREETING
        worker = h.workers[0]
        await until(lambda: sum(len(event.audio.pcm) for event in worker.got("audio")) == 30 * 320)
        leg.end()
        record = await h.record()
        assert record.end_reason == endings.CUSTOMER_ENDED
        assert record.answered_at is not None
        assert record.media is not None
        assert record.media.codec == "PCMU"
        with wave.open(str(tmp_path / "calls" / (record.recording or "")), "rb") as recording:
            assert (recording.getnchannels(), recording.getframerate(), recording.getnframes()) == (2, 8000, 30 * 160)
            first = recording.readframes(1)
        assert first == caller[:2] + GREETING[:2]
        assert not list((tmp_path / "calls").glob("*.journal"))


# ---------------------------------------------------------------- before the answer


async def test_a_worker_that_refuses_is_skipped(tmp_path: Path) -> None:
    async with house(tmp_path, refuse, greet) as h:
        for _ in range(4):
            await h.live()
        assert not h.workers[0].got("answered")


async def test_with_no_worker_left_the_caller_gets_503_and_when_to_come_back(tmp_path: Path) -> None:
    async with house(tmp_path, refuse) as h:
        leg = h.call()
        record = await h.record()
        assert not leg.answered
        assert leg.refused is not None
        status, retry_after = leg.refused
        assert status == 503
        assert retry_after
        assert (record.end_reason, record.answered_at) == (endings.NO_WORKER, None)


async def test_pings_are_told_whether_a_worker_is_there_and_not_whether_it_is_full(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        assert h.endpoint.staffed()
        h.workers[0].report_load(active_calls=50, capacity=50)
        await until(lambda: not h.gateway.pool.ready)
        assert h.endpoint.staffed()
        h.workers[0].report_load(draining=True)
        await until(lambda: not h.endpoint.staffed())


async def test_a_silent_worker_is_skipped_in_time(tmp_path: Path) -> None:
    async with house(tmp_path, lambda *_: [], greet) as h:
        legs = [h.call() for _ in range(2)]
        await until(lambda: all(leg.ring.segments for leg in legs))


async def test_a_number_without_a_route_gets_404(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = MemoryLeg(inbound(number="700"))
        h.call(leg)
        await until(lambda: leg.refused)
        assert leg.refused == (404, None)
        assert not leg.alerted, "it was told before that it rings"
        assert not h.gateway.calls


async def test_a_call_beyond_the_last_place_gets_503_with_retry_after(tmp_path: Path) -> None:
    async with house(tmp_path, greet, max_calls=1) as h:
        await h.live()
        leg = MemoryLeg()
        h.call(leg)
        await until(lambda: leg.refused)
        assert leg.refused is not None
        assert leg.refused[0] == 503
        assert leg.refused[1]
        with pytest.raises(OverCapacity):
            await h.gateway.dial("sip:bob@h", assistant="desk")


async def test_a_caller_who_gives_up_while_it_rings_frees_the_worker(tmp_path: Path) -> None:
    async with house(tmp_path, lambda *_: []) as h:
        leg = h.call()
        await until(lambda: any(event.start.call_id != "phrase" for event in h.workers[0].got("start")))
        assert leg.alerted
        leg.end(487)
        record = await h.record()
        assert record.end_reason == endings.CALLER_GAVE_UP
        started = {event.call for event in h.workers[0].got("start") if event.start.call_id == record.id}
        await until(lambda: started <= {event.call for event in h.workers[0].got("end")})


# ---------------------------------------------------------------- the conversation


async def test_the_last_word_is_sent_before_the_call_hangs_up(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], action("bye", hangup=pb.Hangup(reason="silence-timed-out", after_playout=True)))
        await until(lambda: h.workers[0].got("action_result"))
        await play(leg, 20)
        assert leg.hung_up is None
        await play(leg, 15)
        record = await h.record()
        assert leg.heard() == GREETING
        assert leg.hung_up == record.end_reason == "silence-timed-out"


async def test_a_hangup_at_once_does_not_wait(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        await play(leg, 3)
        to_call(h.workers[0], action("bye", hangup=pb.Hangup()))
        await until(lambda: leg.hung_up)
        assert leg.hung_up == endings.ASSISTANT_ENDED


async def test_the_worker_knows_what_was_heard(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        await play(leg, 10)
        to_call(h.workers[0], pb.WorkerEvent(cut=pb.CutUtterances(up_to=1)))
        await until(lambda: not leg.ring.segments)
        await play(leg, 5)
        await until(lambda: h.workers[0].got("playout")[-1].playout.state == pb.PlayoutReport.STATE_CUT)
        report = h.workers[0].got("playout")[-1].playout
        assert leg.heard() == GREETING[: report.position * 2]


async def test_a_pause_resumes_by_the_workers_verdict(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        await play(leg, 10)
        assert leg.speak_over()
        worker = h.workers[0]
        await until(lambda: worker.got("pause"))
        notice = worker.got("pause")[0].pause
        assert (notice.utterance, notice.position, notice.decide_by_ms) == (1, 1600, notice.onset_ms + DECIDE_MS)
        await play(leg, 5)
        resume = pb.Verdict(
            pause=notice.pause, decision=pb.Verdict.DECISION_RESUME, resume_from=1280, reason="backchannel"
        )
        to_call(worker, pb.WorkerEvent(verdict=resume))
        await until(lambda: not leg.ring.paused)
        await play(leg, 30)
        assert leg.heard() == GREETING[:3200] + GREETING[2560:]
        leg.end()
        (pause,) = (await h.record()).pauses
        assert (pause.decision, pause.reason) == ("resume", "backchannel")


async def test_a_pause_without_a_verdict_is_cut_in_time(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        await play(leg, 10)
        leg.speak_over()
        await play(leg, DECIDE_MS // FRAME_MS - 3)
        assert leg.ring.segments
        await play(leg, 3)
        assert not leg.ring.segments
        assert leg.heard() == GREETING[:3200]
        leg.end()
        (pause,) = (await h.record()).pauses
        assert (pause.decision, pause.decided_ms) == ("timeout", pause.onset_ms + DECIDE_MS)


async def test_what_is_heard_before_the_answer_is_kept_and_begins_no_conversation(tmp_path: Path) -> None:
    async with house(tmp_path, accept_all) as h:
        await h.gateway.dial("sip:bob@h", assistant="desk")
        (leg,) = h.endpoint.dialled
        (start,) = await started(h)

        def got(kind: str) -> list[pb.GatewayEvent]:
            return [event for event in h.workers[0].got(kind) if event.call == start.call]

        assert leg.listener
        for _ in leg.frames(25, caller=b"\x10\x27" * 160):
            pass
        assert not got("audio")
        leg.listener.on_answered()
        await until(lambda: bool(got("answered")))
        assert got("answered")[0].answered.at_ms == 24 * FRAME_MS
        leg.frame()
        await until(lambda: bool(got("audio")))
        assert got("audio")[0].audio.at_ms == 25 * FRAME_MS
        leg.end()
        record = await h.record()
        with wave.open(str(tmp_path / "calls" / (record.recording or "")), "rb") as recording:
            assert recording.getnframes() == 26 * 160, "early media are in the recording"


async def test_keys_and_hold_reach_the_worker_in_their_place(tmp_path: Path) -> None:
    async with house(tmp_path, accept_all) as h:
        leg = h.call()
        await until(lambda: h.workers[0].got("answered"))
        assert leg.listener
        await play(leg, 2)
        leg.listener.on_digit("7")
        leg.listener.on_hold(True)
        leg.frame(present=False)
        await until(lambda: h.workers[0].got("hold"))
        ours = h.workers[0].got("keypress")[0].call

        def of_call() -> list[pb.GatewayEvent]:
            """The worker makes phrases meanwhile, each in a call of its own."""
            return [event for event in h.workers[0].events if event.call == ours]

        await until(lambda: of_call()[-1].HasField("audio"))
        assert [event.WhichOneof("event") for event in of_call()][-3:] == ["keypress", "hold", "audio"]
        assert of_call()[-1].audio.missing
        assert h.workers[0].got("keypress")[0].keypress.at_ms == 20


async def test_a_turn_has_its_latency_to_the_first_sound_sent(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        parts = {"endpointing": 0, "transcriber": 0, "model": 0, "voice": 0}
        to_call(
            h.workers[0],
            entry(0, "caller-turn", turn=1, text="hello"),
            entry(0, "latency", turn=1, utterance=1, speech_end_ms=-100, **parts),
            entry(400, "agent-turn", turn=1, text="hello there", heard="hello there", interrupted=False),
        )
        await until(lambda: any(call.journal.entries[-1].kind == "agent-turn" for call in h.gateway.calls.values()))
        await play(leg, 5)
        leg.end()
        record = await h.record()
        assert [(turn.role, turn.text) for turn in record.turns] == [("caller", "hello"), ("agent", "hello there")]
        (latency,) = record.latency
        assert (latency.jitter_buffer, latency.playout, latency.total) == (20, 120, 140)


async def test_the_wait_in_the_jitter_buffer_is_looked_up_when_the_turn_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], entry(0, "caller-turn", turn=1, text="hello", end_ms=40))
        await until(lambda: any(call.journal.entries[-1].kind == "caller-turn" for call in h.gateway.calls.values()))
        leg.jitter_ms = None
        parts = {"endpointing": 0, "transcriber": 0, "model": 0, "voice": 0}
        to_call(
            h.workers[0],
            entry(0, "latency", turn=1, utterance=1, speech_end_ms=40, **parts),
            entry(400, "agent-turn", turn=1, text="hello there", heard="hello there", interrupted=False),
        )
        await until(lambda: any(call.journal.entries[-1].kind == "agent-turn" for call in h.gateway.calls.values()))
        await play(leg, 5)
        leg.end()
        (latency,) = (await h.record()).latency
        assert latency.jitter_buffer == 20


# ---------------------------------------------------------------- actions


async def test_a_caller_whose_only_worker_dies_hears_an_apology_and_the_record_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "PATIENCE_SECONDS", 0.2)
    async with house(tmp_path, greet) as h:
        await h.with_phrases()
        leg = await h.live()
        await play(leg, 5)
        to_call(h.workers[0], entry(0, "caller-turn", turn=1, text="hello"))
        await until(lambda: any(call.journal.entries[-1].kind == "caller-turn" for call in h.gateway.calls.values()))
        h.workers[0].die()
        await until(lambda: leg.ring.segments and leg.ring.segments[-1].utterance == 2)
        await play(leg, 40)
        record = await h.record()
        assert leg.heard().endswith(APOLOGY)
        assert GREETING.startswith(leg.heard().removesuffix(APOLOGY))
        assert record.end_reason == endings.WORKER_DIED
        assert record.failure
        assert [turn.text for turn in record.turns] == ["hello"]


async def test_a_conversation_that_cannot_go_on_ends_with_the_workers_reason(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.with_phrases()
        leg = await h.live()
        failure = pb.Failure(reason="pipeline-error-custom-voice-failed", detail="The voice failed.")
        to_call(h.workers[0], pb.WorkerEvent(failure=failure))
        await until(lambda: leg.ring.segments and leg.ring.segments[0].utterance == 2)
        await play(leg, 40)
        record = await h.record()
        assert (record.end_reason, record.failure) == ("pipeline-error-custom-voice-failed", "The voice failed.")
        await until(lambda: h.workers[0].got("end"))


async def test_a_fault_in_one_call_ends_that_call_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path, greet) as h:
        faulty, sound = await h.live(), await h.live()
        (call,) = [call for call in h.gateway.calls.values() if call.leg is faulty]
        monkeypatch.setattr(call.playout, "on_frame", lambda frame: 1 // 0)
        faulty.frame()
        sound.frame()
        record = await h.record()
        assert (record.id, record.end_reason) == (call.id, endings.FAULT)
        assert faulty.hung_up
        assert not sound.hung_up


async def test_a_farewell_is_said_to_its_end_when_the_worker_dies_meanwhile(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], action("bye", hangup=pb.Hangup(reason="assistant-ended-call", after_playout=True)))
        await until(lambda: h.workers[0].got("action_result"))
        h.workers[0].hang_up_stream()
        await asyncio.sleep(0.05)
        await play(leg, 40)
        assert leg.heard() == GREETING
        assert (await h.record()).end_reason == "assistant-ended-call"


async def test_the_apology_is_kept_for_the_next_start(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.with_phrases(*Phrase)
    async with house(tmp_path, refuse) as h:
        await h.with_phrases()
        assert not h.workers[0].got("start")


async def test_a_call_that_an_earlier_gateway_left_behind_has_a_record(tmp_path: Path) -> None:
    calls = Calls(tmp_path)
    calls.prepare()
    Journal(calls.journal_path("c1"), NowDisk()).append(0, "call", CALL.data)
    async with house(tmp_path, greet) as h:
        assert (await h.record()).end_reason == endings.GATEWAY_DIED


# ---------------------------------------------------------------- outbound and drain


async def test_a_drain_lets_calls_end_and_takes_no_new_ones(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        draining = asyncio.create_task(h.gateway.drain(10))
        await asyncio.sleep(0.05)
        late = MemoryLeg()
        h.call(late)
        await until(lambda: late.refused)
        assert late.refused is not None
        assert late.refused[0] == 503
        assert leg.hung_up is None
        leg.end()
        await asyncio.wait_for(draining, 5)
        assert (await h.record()).end_reason == endings.CUSTOMER_ENDED


async def test_a_drain_hangs_up_after_its_limit(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        await h.gateway.drain(0.05)
        assert leg.hung_up == endings.WORKER_SHUTDOWN
        assert not h.gateway.calls
        assert (await h.record()).end_reason == endings.WORKER_SHUTDOWN


async def test_nothing_of_a_call_is_left_after_it(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.with_phrases(*Phrase)
        before = _tasks()
        for _ in range(5):
            leg = await h.live()
            await play(leg, 3)
            leg.end()
            await until(lambda: not h.gateway.calls)
        await until(lambda: _tasks() <= before)
        assert all(link.calls == 0 for link in h.gateway.pool.links)


def _tasks() -> Counter[str]:
    """How many tasks run each coroutine, but for those that the gRPC library keeps for itself, which come and go."""
    coroutines = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return Counter(name for name in coroutines if not name.startswith("AioServer"))


# ---------------------------------------------------------------- routes


def a_route(**written: object) -> RouteSettings:
    return RouteSettings.model_validate({"number": "8*", **written})


async def test_a_route_sends_the_caller_on(tmp_path: Path) -> None:
    async with house(tmp_path, routes=[a_route(destination={"number": "+1 555"})]) as h:
        leg = h.call(MemoryLeg(inbound(number="800", caller="sip:ann@pbx.example.com")))
        await until(lambda: leg.refused)
        assert (leg.refused, leg.redirected_to) == ((302, None), "sip:+1555@pbx.example.com")


async def test_without_a_worker_the_caller_is_sent_on_to_the_routes_fallback(tmp_path: Path) -> None:
    route = a_route(assistant="desk", fallback={"sip_uri": "sip:queue@pbx.example.com"})
    async with house(tmp_path, routes=[route]) as h:
        leg = h.call(MemoryLeg(inbound(number="800")))
        await until(lambda: leg.refused)
        assert (leg.refused, leg.redirected_to) == ((302, None), "sip:queue@pbx.example.com")


async def test_a_full_gateway_sends_the_caller_on_to_the_routes_fallback(tmp_path: Path) -> None:
    route = a_route(assistant="desk", fallback={"sip_uri": "sip:queue@pbx.example.com"})
    async with house(tmp_path, greet, routes=[route], max_calls=1) as h:
        await h.live()
        leg = h.call(MemoryLeg(inbound(number="800")))
        await until(lambda: leg.refused)
        assert leg.redirected_to == "sip:queue@pbx.example.com"


async def test_a_split_gives_a_repeated_call_the_same_assistant(tmp_path: Path) -> None:
    async with house(tmp_path, greet, routes=[a_route(split={"desk": 1, "nobody": 1})]) as h:
        legs = [h.call(MemoryLeg(inbound(number="800", signalling_id="2"))) for _ in range(2)]
        await until(lambda: all(leg.refused or leg.answered for leg in legs))
        assert legs[0].refused == legs[1].refused


async def test_what_a_worker_tells_after_the_end_is_kept_and_nothing_is_done_for_it(tmp_path: Path) -> None:
    def parting(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
        yield from greet(worker, event)
        if event.HasField("end"):
            yield action("late", send_digits=pb.SendDigits(digits="12"))
            yield entry(1, "agent-turn", text="hello there")

    with capture_logs() as logged:
        async with house(tmp_path, parting) as h:
            leg = await h.live()
            (call,) = h.gateway.calls.values()
            leg.end()
            await until(lambda: any(one.kind == "agent-turn" for one in call.journal.entries))
    assert not leg.digits
    assert not [one for one in logged if one["log_level"] == "error"]
