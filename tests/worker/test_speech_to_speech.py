"""Calls whose assistant speaks by OpenAI Realtime: a worker on a real gRPC stream, the session over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.link.v1 import link_pb2 as pb
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_realtime import EmulatedSession, Lines, OpenAiRealtime
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import decode
from tests.worker.peer import GatewayPeer, PeerCall, attached, served
from tests.worker.test_conversation import greeted

LONG = "one two three four five six seven eight nine ten eleven twelve twenty thirty forty"

EVEN = "three seven eight forty table today night green black white apple lemon bread sugar north south river paper"
"""Words of one length: the session tells no times, and they are reckoned by the length of the text."""
HALF_WORDS = Speaking(pace=2.0, chunk_ms=120)
"""A piece of audio never ends just where it is not sure whether a word is complete."""


def speaking(**fields: Any) -> dict[str, Any]:
    """An assistant with a realtime model; its greeting is another voice's."""
    model = {"provider": "openai", "model": "gpt-realtime", **fields.pop("model", {})}
    voice = {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 100}
    plan = {"firstMessage": "Hello there.", "stopSpeakingPlan": {"backoffSeconds": 0}}
    return {**plan, "model": model, "voice": voice, **fields}


@asynccontextmanager
async def in_place(emulator: OpenAiRealtime) -> AsyncIterator[GatewayPeer]:
    """A gateway attached to a worker for which OpenAI is the emulator. Afterwards nothing is left."""
    before = asyncio.all_tasks()
    async with running(emulator):
        credential = Credential(provider="openai", api_key=emulator.key, api_url=emulator.api_url)
        providers = Providers(Credentials([credential], environ={}))
        async with served(providers=providers) as (worker, address), attached(address) as peer:
            yield peer
            for call in peer.calls.values():
                call.end()
            await asyncio.wait_for(worker.idle.wait(), 10)
            await providers.close()
        assert emulator.open == 0
    assert not [task for task in asyncio.all_tasks() - before if not task.done()]


def says(*texts: str) -> OpenAiRealtime:
    """A session that hears the caller say these, one after the other, and says them again."""
    return OpenAiRealtime(lambda asked: Answer(asked.messages[-1][1]), Lines(texts))


def turns(call: PeerCall, count: int) -> Any:
    return len(known := call.journal("agent-turn")) >= count and known


def played(call: PeerCall, turn: int) -> list[str]:
    """The words that the caller heard in the answer to a turn."""
    spoken = [utterance for utterance in call.utterances.values() if utterance.turn == turn]
    return [word for utterance in spoken for word, *_ in decode(bytes(utterance.pcm[: utterance.position * 2]))]


async def test_a_caller_is_heard_and_answered(speech: bytes) -> None:
    emulator = says("call back tomorrow evening please")
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking(model={"messages": [{"role": "system", "content": "Be kind."}]}))
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
        (session,) = emulator.sessions
        assert [turn["text"] for turn in call.journal("caller-turn")] == ["call back tomorrow evening please"]
        assert call.journal("agent-turn")[1]["heard"] == "call back tomorrow evening please"
        assert played(call, 1) == ["call", "back", "tomorrow", "evening", "please"]
        assert session.asked[-1].messages == [
            ("system", "Be kind."),
            ("assistant", "Hello there."),
            ("user", "call back tomorrow evening please"),
        ]
        assert session.settings["audio"]["output"]["voice"] == "marin"


@pytest.mark.parametrize("pace", [0.0, 1.5])
async def test_an_answer_that_was_cut_is_truncated_to_what_was_heard(speech: bytes, pace: float) -> None:
    """Also one that is still being made: by 1.5 times as fast as it is heard."""
    answers = iter([LONG, "thank you"])
    emulator = OpenAiRealtime(lambda _: Answer(next(answers)), Lines(["go ahead", "stop that please"]))
    emulator.speaking = Speaking(pace=pace)
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking())
        call.speak(speech)
        await call.until(lambda: call.playing and call.playing.turn == 1 and call.playing.position > 8000)
        cut = call.playing
        assert cut is not None
        onset = call.now
        call.speak(speech)
        call.pause(onset_ms=onset, decide_ms=800)
        (verdict,) = await call.until(lambda: call.of("verdict"))
        assert verdict.decision == pb.Verdict.DECISION_CUT
        await call.until(lambda: turns(call, 3))
        (session,) = emulator.sessions

    heard = call.journal("agent-turn")[1]["heard"]
    ((_, end_ms),) = session.truncations
    assert abs(end_ms - cut.position / 8) <= 1, "what the gateway says was heard"
    known = [text for role, text in session.asked[-1].messages if role == "assistant"]
    assert known[0] == "Hello there."
    assert known[1].split() == played(call, 1)
    assert abs(len(known[1].split()) - len(heard.split())) <= 1
    assert session.asked[-1].messages[-1] == ("user", "stop that please")
    assert played(call, 2) == ["thank", "you"]


async def test_a_tool_is_called_and_its_result_spoken(speech: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        role, text = asked.messages[-1]
        return Answer(text) if role == "tool" else Answer("please call back", [Called("lookup", '{"number": 7}')])

    emulator = OpenAiRealtime(answer, Lines(["where is my order", "thank you"]))
    tool = {"type": "function", "function": {"name": "lookup", "description": "Looks an order up."}}
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking(model={"tools": [tool]}))
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
        call.speak(speech)
        await call.until(lambda: len(emulator.sessions[0].asked) == 3 or turns(call, 3))

    (session,) = emulator.sessions
    assert session.asked[0].tools == ["lookup"]
    (called,) = call.journal("tool-call")
    assert (called["name"], called["arguments"]) == ("lookup", {"number": 7})
    result = "There is no tool lookup with a server."
    assert call.journal("agent-turn")[1]["text"] == f"please call back {result}"
    kinds = [item.type for item in session.items]
    assert kinds[:5] == ["message", "message", "message", "function_call", "function_call_output"]
    assert all(item.audio for item in session.items if item.role == "user"), "nothing was told again as text"


async def test_a_caller_who_goes_on_is_one_item_and_one_answer(speech: bytes) -> None:
    emulator = says()
    emulator.hear = lambda _, begun: f"{begun} please" if begun else "call back"
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking())
        call.speak(speech + bytes(320 * 12) + speech)
        await call.until(lambda: turns(call, 2))
    (session,) = emulator.sessions
    (said,) = [turn["text"] for turn in call.journal("caller-turn")]
    assert said.startswith("call back please")
    assert session.said == [("assistant", "Hello there."), ("user", said), ("assistant", said)]
    assert played(call, 1) == said.split()


async def test_a_session_that_is_lost_in_an_answer_goes_on_behind_it(speech: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        """All words that were not said so far in the answer to the last turn."""
        asks = max(index for index, message in enumerate(asked.messages) if message == ("user", "count for me"))
        begun = " ".join(text for role, text in asked.messages[asks:] if role == "assistant").split()
        return Answer(" ".join(EVEN.split()[len(begun) :]))

    emulator = OpenAiRealtime(answer, Lines(["count for me", "count for me"]), speaking=HALF_WORDS)
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking())
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
        call.speak(speech)
        await call.until(lambda: call.playing and call.playing.turn == 2 and call.playing.position > 4000)
        await emulator.expire()
        await call.until(lambda: turns(call, 3))

    assert len(emulator.sessions) == 2
    assert played(call, 2) == EVEN.split(), "nothing is lost, nothing twice"
    assert call.journal("agent-turn")[2]["heard"] == EVEN


async def test_a_session_that_ended_meanwhile_is_followed_by_one_that_knows_all(speech: bytes) -> None:
    emulator = says("call back please", "red blue green")
    async with in_place(emulator) as peer:
        call = await greeted(peer, speaking())
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
        await emulator.expire()
        call.speak(speech)
        await call.until(lambda: turns(call, 3))

    last: EmulatedSession = emulator.sessions[-1]
    assert last.asked[-1].messages == [
        ("assistant", "Hello there."),
        ("user", "call back please"),
        ("assistant", "call back please"),
        ("user", "red blue green"),
    ]
    assert played(call, 2) == ["red", "blue", "green"]


def with_stand_ins(*texts: str) -> dict[str, Any]:
    """Three stages stand in for the session."""
    models = [{"provider": "tests.worker.fakes:EchoModel", "reply": "You said {text}."}]
    transcriber = {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": texts}
    return speaking(model={"fallbackPlan": {"models": models}}, transcriber=transcriber)


async def test_others_hold_the_call_when_no_session_can_be_opened(speech: bytes) -> None:
    emulator = says("red blue green")
    emulator.fault = Fault(Kind.SERVER_ERROR)
    async with in_place(emulator) as peer:
        call = await greeted(peer, with_stand_ins("what time is it"))
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
    assert call.journal("agent-turn")[1]["heard"] == "You said what time is it."


async def test_others_go_on_when_a_session_is_lost_for_good(speech: bytes) -> None:
    emulator = says("red blue green")
    async with in_place(emulator) as peer:
        call = await greeted(peer, with_stand_ins("what time is it"))
        call.speak(speech)
        await call.until(lambda: turns(call, 2))
        emulator.fault = Fault(Kind.UNAUTHORIZED)
        await emulator.expire()
        call.speak(speech)
        await call.until(lambda: turns(call, 3))
    assert [turn["heard"] for turn in call.journal("agent-turn")[1:]] == ["red blue green", "You said what time is it."]


async def test_a_call_without_stand_ins_is_not_accepted_without_a_session() -> None:
    emulator = says()
    emulator.fault = Fault(Kind.SERVER_ERROR)
    async with in_place(emulator) as peer:
        call = peer.call()
        call.start(speaking())
        (refused,) = await call.until(lambda: call.of("refused"))
    assert "realtime model gpt-realtime of openai answered 500" in refused.reason
