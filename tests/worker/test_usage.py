"""What a conversation used of its providers comes to the gateway, whatever becomes of the worker."""

from __future__ import annotations

from typing import Any

from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import answered, assistant, greeted
from tests.worker.test_resume import go_on

GREETING = len("Hello there.")
ANSWER = len("You said what time is it.")


def used(call: PeerCall, stage: str) -> dict[str, Any]:
    """The latest sum of a stage; nothing when it used nothing."""
    rows = call.journal("usage")[-1]["rows"] if call.journal("usage") else []
    return next((row for row in rows if row["stage"] == stage), {})


async def test_usage_is_told_with_each_turn_and_at_the_end(speech: bytes) -> None:
    async with served() as (worker, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        await call.until(lambda: call.journal("usage"))
        assert used(call, "voice") == {"stage": "voice", "provider": "tone", "characters": GREETING}
        call.speak(speech)
        await call.until(lambda: used(call, "voice").get("characters") == GREETING + ANSWER)
        assert used(call, "model")["prompt_tokens"] >= 4, "what the caller said, and what the agent did"
        assert not used(call, "transcriber")
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
        await call.until(lambda: used(call, "transcriber"))
    assert used(call, "transcriber")["seconds"] == 1, "counted when the stream is closed, and once"


async def test_what_is_counted_after_the_end_is_told_at_once() -> None:
    """A transcriber's connection that takes its time to close has said before what it will bill."""
    async with served() as (_, address), attached(address) as peer:
        transcriber = {"provider": "tests.worker.fakes:ScriptedTranscriber", "close_seconds": 1.5}
        call = await greeted(peer, assistant(transcriber=transcriber))
        call.end()
        ended = call.now
        await call.until(lambda: used(call, "transcriber"))
        assert call.now - ended < 1000


async def test_what_was_made_and_never_heard_is_counted() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(voice={"provider": "tests.worker.fakes:ToneVoice", "delay_ms": 5000}))
        call.end()
        await call.until(lambda: used(call, "voice"))
    assert used(call, "voice")["characters"] == GREETING


async def test_the_next_worker_goes_on_counting(speech: bytes) -> None:
    plan = assistant()
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            await call.until(lambda: call.journal("usage"))
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            await successor.until(lambda: successor.of("accepted"))
            successor.speak(speech)
            await successor.until(lambda: used(successor, "voice"))
    assert used(successor, "voice")["characters"] == GREETING + ANSWER
