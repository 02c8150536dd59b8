from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication, ProviderError, ProviderRateLimit, ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext
from gateway.providers.credentials import Credential
from gateway.providers.stt import deepgram
from gateway.providers.stt.deepgram import Options, make
from gateway.providers.usage import Usage
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence, tone
from tests.providers.stt.calls import Caller, tasks_of_clients

NOVA, FLUX = "nova-3", "flux-general-en"


def credential(server: DeepgramListen) -> Credential:
    return Credential(provider="deepgram", api_key=SecretStr(server.key), api_url=server.url)


async def hear(caller: Caller, words: str) -> str:
    start, end = await caller.say(encode(words) + silence(120))
    return await caller.text(start, end)


@asynccontextmanager
async def calling(
    server: DeepgramListen, pace: float = 0.0, context: CallContext = OUTSIDE_CALL, **options: Any
) -> AsyncIterator[Caller]:
    """A call whose caller is transcribed by the server; nothing of it is left behind."""
    async with running(server):
        before = tasks_of_clients()
        stream = await make(Options(**options), credential(server)).open(context)
        try:
            yield Caller(stream, pace=pace)
        finally:
            await stream.close()
            await asyncio.sleep(0.05)
            assert tasks_of_clients() <= before
            assert server.open == 0


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_segment_has_the_words_that_were_said_in_it(model: str) -> None:
    async with calling(DeepgramListen(), model=model) as caller:
        await caller.say(silence(300))
        span = await caller.say(encode("call back tomorrow morning") + silence(300))
        assert await caller.text(*span) == "call back tomorrow morning"
        await caller.say(silence(1000))
        span = await caller.say(encode("thank you") + silence(300))
        assert await caller.text(*span) == "thank you"


async def test_nova_is_asked_as_the_options_say() -> None:
    server = DeepgramListen()
    options: dict[str, Any] = {
        "language": "de",
        "smartFormat": True,
        "numerals": True,
        "mipOptOut": True,
        "redaction": ["pci", "numbers"],
        "keyterm": ["Parley", "SIP trunk"],
        "endpointing": 25,
    }
    async with calling(server, model="nova-2-phonecall", **options):
        (seen,) = server.seen
        assert seen.path == "/v1/listen"
        assert seen.query == {
            "model": "nova-2-phonecall",
            "language": "de",
            "encoding": "linear16",
            "sample_rate": "8000",
            "channels": "1",
            "punctuate": "true",
            "interim_results": "true",
            "smart_format": "true",
            "numerals": "true",
            "mip_opt_out": "true",
            "redact": "numbers",
            "keyterm": "SIP trunk",
            "endpointing": "25",
        }
        assert "redact=pci&redact=numbers" in seen.query_string
        assert "keyterm=Parley&keyterm=SIP+trunk" in seen.query_string


async def test_flux_is_asked_as_the_options_say() -> None:
    server = DeepgramListen()
    async with calling(server, model="flux-general-multi", languages=["es"], eotThreshold=0.8, eotTimeoutMs=2000):
        (seen,) = server.seen
        assert seen.path == "/v2/listen"
        assert seen.query == {
            "model": "flux-general-multi",
            "encoding": "linear16",
            "sample_rate": "8000",
            "language_hint": "es",
            "eot_threshold": "0.8",
            "eot_timeout_ms": "2000",
        }


@pytest.mark.parametrize("model", [NOVA, FLUX])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Kind.UNAUTHORIZED, ProviderAuthentication),
        (Kind.RATE_LIMITED, ProviderRateLimit),
        (Kind.SERVER_ERROR, ProviderUnavailable),
        (Kind.REFUSE, ProviderUnavailable),
    ],
)
async def test_a_refusal_is_told_without_the_key(model: str, fault: Kind, error: type[ProviderError]) -> None:
    server = DeepgramListen(key="very-secret")
    server.fault = Fault(fault, seconds=7)
    async with running(server):
        with pytest.raises(error, match="The transcriber deepgram") as raised:
            await make(Options(model=model), credential(server)).open()
    assert raised.value.retry_after == (7 if fault is Kind.RATE_LIMITED else None)
    assert "very-secret" not in "".join(traceback.format_exception(raised.value))


async def test_a_wrong_key_is_no_passing_error() -> None:
    server = DeepgramListen()
    async with running(server):
        wrong = Credential(provider="deepgram", api_key=SecretStr("stale"), api_url=server.ws_url)
        with pytest.raises(ProviderAuthentication):
            await make(Options(), wrong).open()


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_words_come_while_the_caller_speaks(model: str) -> None:
    async with calling(DeepgramListen(), model=model, pace=8) as caller:
        start, end = await caller.say(encode("one two three four five six seven eight") + silence(120))
        await caller.text(start, end)
        partials = [one.text for one in caller.transcripts if not one.final]
        assert len(partials) >= 2
        assert all("one two three four five six seven eight".startswith(text) for text in partials)


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_segment_that_goes_on_has_its_words_from_the_start(model: str) -> None:
    async with calling(DeepgramListen(), model=model) as caller:
        start, pause = await caller.say(encode("call back") + silence(100))
        assert await caller.text(start, pause) == "call back"
        _, end = await caller.say(encode("tomorrow morning") + silence(100))
        assert await caller.text(start, end) == "call back tomorrow morning"


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_noise_is_a_segment_without_words(model: str) -> None:
    async with calling(DeepgramListen(), model=model) as caller:
        await caller.say(silence(1000))
        span = await caller.say(tone(777, 400) + silence(100))
        assert await caller.text(*span) == ""


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_segment_is_answered_when_deepgram_finds_nothing_to_flush(model: str) -> None:
    async with calling(DeepgramListen(), model=model) as caller:
        start, end = await caller.say(encode("call back") + silence(100))
        asked = [caller.ask(start, end), caller.ask(start, end)]
        assert [(await caller.answer(segment)).text for segment in asked] == ["call back", "call back"]


@pytest.mark.parametrize("word_times", [True, False])
async def test_flux_tells_how_surely_the_caller_has_finished(word_times: bool) -> None:
    async with calling(DeepgramListen(word_times=word_times), model=FLUX, pace=4) as caller:
        await caller.say(silence(600))
        start, end = await caller.say(encode("call back tomorrow") + silence(100))
        early = await caller.answer(caller.ask(start, end))
        await caller.say(silence(900))
        late = await caller.answer(caller.ask(start, end))
        assert (early.text, late.text) == ("call back tomorrow", "call back tomorrow")
        judged = [one.finished for one in caller.transcripts if one.segment == early.segment]
        assert judged == sorted(judged, key=lambda finished: finished or 0)
        assert judged[0] is not None
        assert judged[0] < 0.7 < (judged[-1] or 0) == late.finished == 0.95
        start, end = await caller.say(encode("thank you") + silence(100))
        assert await caller.text(start, end) == "thank you"


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_call_on_hold_keeps_its_connection(model: str) -> None:
    server = DeepgramListen(idle_seconds=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deepgram, "_IDLE_SECONDS", 0.5)
        async with calling(server, model=model) as caller:
            assert await hear(caller, "call back") == "call back"
            caller.at_ms += 1500
            await asyncio.sleep(1.5)
            assert await hear(caller, "tomorrow morning") == "tomorrow morning"
            assert len(server.seen) == 1


async def test_the_audio_is_billed() -> None:
    used: list[Usage] = []
    async with calling(DeepgramListen(), context=CallContext(meter=used.append), model=NOVA) as caller:
        await caller.say(silence(2000))
        await asyncio.sleep(0.1)
    (usage,) = used
    assert (usage.provider, usage.model) == ("deepgram", "nova-3")
    assert 1.9 <= usage.seconds <= 2.0


async def test_what_deepgram_closes_for_is_told() -> None:
    server = DeepgramListen(idle_seconds=0.2)
    async with calling(server) as caller:
        with pytest.raises(ProviderUnavailable, match="1011: NET-0001"):
            await anext(aiter(caller.stream))


async def test_unsure_text_is_no_text() -> None:
    async with calling(DeepgramListen(), confidenceThreshold=0.99) as caller:
        assert await hear(caller, "call back") == ""
