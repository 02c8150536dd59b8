"""A real call by OpenAI Realtime, in the place of transcriber, model and voice: greeted, answered, interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount

from tests.interop.conversation import CapturedCall, in_call
from tests.interop.product import ProductPlan, running_product
from tests.peers import speech
from tests.peers.rtp import decode
from tests.peers.softphone import SoftphonePlan
from tests.providers.emulators import tone_words
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_realtime import EmulatedSession, Lines, OpenAiRealtime
from tests.providers.emulators.openai_speech import OpenAiSpeech

GREETING = "hello thank you please call back"
LONG = "one two three four five six seven eight nine ten eleven twelve twenty thirty forty"
SHORT = "tomorrow morning"
QUESTION, OBJECTION = "What are your opening hours?", "Stop, that is not what I asked."

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]


@dataclass(frozen=True, slots=True)
class Seen:
    """A call, the product's record of it, and the session that held it."""

    call: CapturedCall
    record: dict[str, Any]
    session: EmulatedSession

    @property
    def words(self) -> list[str]:
        """What the caller heard, decoded from the packets."""
        return [word for word, *_ in tone_words.decode(decode(self.call.agent).pcm())]

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [turn for turn in self.record["turns"] if turn["role"] == kind]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(_call(tmp_path_factory.mktemp("realtime")))


async def _call(folder: Path) -> Seen:
    answers = iter([LONG, SHORT])
    emulator = OpenAiRealtime(lambda _: Answer(next(answers)), Lines([QUESTION, OBJECTION]))
    emulator.routes.append(Mount("/v1", routes=OpenAiSpeech(key=emulator.key).routes))
    assistant = {"firstMessage": GREETING, "model": {"provider": "openai", "model": "gpt-realtime"}}
    async with running(emulator):
        credential = {"provider": "openai", "apiKey": emulator.key, "apiUrl": emulator.api_url}
        plan = ProductPlan(folder / "parley", assistant, changes={"credentials": [credential]})
        async with running_product(plan) as product:
            async with in_call(SoftphonePlan(folder / "phone"), f"sip:demo@{product.address}") as call:
                files = await asyncio.to_thread(_questions, folder)
                await call.phone.far_end_spoke()
                await call.phone.say(files[0])
                await call.phone.wait_for("far-speech")
                await asyncio.sleep(1.5)
                await call.phone.say(files[1])
                await call.phone.far_end_spoke()
            record = (await product.wait_for_records(1))[0]
    # phrases for every call are made beforehand, in sessions that are asked nothing
    return Seen(call, record, max(emulator.sessions, key=lambda session: len(session.asked)))


def _questions(folder: Path) -> list[Path]:
    said = [speech.synthetic(text, "slt") for text in (QUESTION, OBJECTION)]
    return [speech.write_wav(folder / f"{index}.wav", samples) for index, samples in enumerate(said)]


def test_the_caller_hears_the_greeting_an_answer_until_he_interrupts_and_the_next(seen: Seen) -> None:
    greeting, rest = seen.words[: len(GREETING.split())], seen.words[len(GREETING.split()) :]
    assert greeting == GREETING.split()
    assert rest[-2:] == SHORT.split()
    cut = rest[:-2]
    assert 2 <= len(cut) < len(LONG.split())
    assert cut == LONG.split()[: len(cut)]


def test_the_record_has_both_sides(seen: Seen) -> None:
    assert [turn["text"] for turn in seen.said("caller")] == [QUESTION, OBJECTION]
    greeting, cut, last = seen.said("agent")
    assert (greeting["heard"], last["heard"]) == (GREETING, SHORT)
    assert cut["interrupted"]
    assert LONG.startswith(cut["heard"])
    assert seen.record["end_reason"] == "customer-ended-call"


def test_the_session_was_told_how_far_the_caller_heard_it(seen: Seen) -> None:
    ((_, end_ms),) = seen.session.truncations
    (pause,) = seen.record["pauses"]
    assert end_ms >= pause["position"] // 8
    known = [text.split() for role, text in seen.session.asked[-1].messages if role == "assistant"]
    assert known[0] == GREETING.split()
    assert abs(len(known[1]) - len(seen.words) + len(GREETING.split()) + len(SHORT.split())) <= 1


def test_the_session_is_billed_by_its_tokens(seen: Seen) -> None:
    costs = {row["type"]: row for row in seen.record["costs"]}
    assert costs["model"]["model"] == {"provider": "openai", "model": "gpt-realtime"}
    assert costs["model"]["promptTokens"] > 0
    assert costs["transcriber"]["transcriber"] == {"provider": "openai", "model": "gpt-4o-mini-transcribe"}
