from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication, ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext, Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.transcriber import failover_transcriber
from gateway.providers.health import Circuit
from gateway.providers.stt.deepgram import Options, make
from gateway.settings import FailoverSettings
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.tone_words import VOCABULARY, encode
from tests.providers.speech import silence
from tests.providers.stt.calls import Caller, tasks_of_clients

HANGING = (Kind.HANG_AT_CONNECT, Kind.HANG_MID_STREAM)
"""An emulator that hangs does not notice that its client has gone."""
MODELS = ("nova-3", "flux-general-en")


def candidate(server: DeepgramListen, model: str, circuit: Circuit | None = None) -> Candidate[Transcriber]:
    credential = Credential(provider="deepgram", api_key=SecretStr(server.key), api_url=server.url)
    return Candidate(model, make(Options(model=model), credential), circuit or Circuit("transcriber", model))


@asynccontextmanager
async def calling(
    servers: Sequence[DeepgramListen],
    *,
    pace: float = 0.0,
    settings: FailoverSettings | None = None,
    context: CallContext = OUTSIDE_CALL,
    first: int = 0,
) -> AsyncIterator[tuple[Caller, list[Circuit]]]:
    """A call with one candidate per server, the first one with the model of this number; nothing of it is left."""
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(running(server))
        served = [server for server in servers if server.fault is None or server.fault.kind not in HANGING]
        before = tasks_of_clients()
        candidates = [candidate(server, model) for server, model in zip(servers, MODELS[first:] + MODELS, strict=False)]
        stream = await failover_transcriber(candidates, settings or FailoverSettings()).open(context)
        try:
            yield Caller(stream, pace=pace), [one.circuit for one in candidates]
        finally:
            await stream.close()
            async with asyncio.timeout(3):
                while any(server.open for server in served):  # noqa: ASYNC110  an emulator notices a moment later
                    await asyncio.sleep(0.02)
            assert tasks_of_clients() <= before


WORDS = "call back tomorrow morning please"


async def hear(caller: Caller, words: str = WORDS) -> str:
    """What the words are understood as."""
    start, end = await caller.say(encode(words) + silence(120))
    return await caller.text(start, end)


async def test_no_word_is_lost_or_doubled_in_50_utterances_with_a_switch_in_each() -> None:
    rng = random.Random(1)
    servers = [DeepgramListen(), DeepgramListen()]
    lost, doubled, switches = Counter[str](), Counter[str](), 0
    async with calling(servers, pace=10) as (caller, _):
        await caller.say(silence(200))
        for _ in range(50):
            words = rng.choices(VOCABULARY, k=rng.randint(3, 9))
            pcm = encode(words) + silence(120)
            cut = rng.randrange(320, len(encode(words)), 320)
            start, _ = await caller.say(pcm[:cut])
            serving = [server for server in servers if server.open]
            switches += len(serving)
            await serving[0].drop()
            _, end = await caller.say(pcm[cut:])
            heard = (await caller.text(start, end)).split()
            lost += Counter(words) - Counter(heard)
            doubled += Counter(heard) - Counter(words)
            assert heard == words
            await caller.say(silence(rng.randrange(40, 2000, 20)))
    print(f"\n50 utterances, {switches} switches: {lost.total()} words lost, {doubled.total()} doubled")
    assert switches == 50


@pytest.mark.parametrize("fault", [Kind.REFUSE, Kind.UNAUTHORIZED, Kind.RATE_LIMITED, Kind.SERVER_ERROR])
async def test_a_provider_that_refuses_is_replaced_when_a_call_opens(fault: Kind) -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    servers[0].fault = Fault(fault, seconds=30)
    async with calling(servers) as (caller, circuits):
        assert await hear(caller) == WORDS
        assert (circuits[0].failures, circuits[1].successes) == (1, 1)
        opened = fault in (Kind.UNAUTHORIZED, Kind.RATE_LIMITED)
        assert circuits[0].state(time.monotonic()) == ("open" if opened else "closed")


async def test_what_is_said_while_a_provider_hangs_at_opening_is_heard_by_the_next() -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    servers[0].fault = Fault(Kind.HANG_AT_CONNECT)
    async with calling(servers, settings=FailoverSettings(connect_seconds=1.3)) as (caller, circuits):
        assert servers[1].seen == []
        assert await hear(caller) == WORDS
        assert circuits[0].failures == 1


@pytest.mark.parametrize("model", range(2))
@pytest.mark.parametrize(
    ("fault", "failures"),
    [
        (Kind.HANG_MID_STREAM, 1),
        (Kind.CUT, 1),
        (Kind.SLOW, 1),
        (Kind.GARBAGE, 1),
        (Kind.ZERO_AUDIO, 0),
        (Kind.DUPLICATE, 0),
        (Kind.OUT_OF_ORDER, None),
    ],
)
async def test_no_fault_in_the_middle_costs_a_word(fault: Kind, failures: int | None, model: int) -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    servers[0].fault = Fault(fault, after=2, seconds=2.0)
    settings = FailoverSettings(transcript_seconds=0.8)
    async with calling(servers, settings=settings, pace=4, first=model) as (caller, circuits):
        assert await hear(caller) == WORDS
        await caller.say(silence(800))
        assert await hear(caller, "thank you") == "thank you"
        if failures is not None:
            assert circuits[0].failures == failures


async def test_a_provider_that_failed_costs_the_next_call_nothing() -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    async with calling(servers) as (_, circuits):
        circuits[0].failed(time.monotonic(), ProviderUnavailable("down", retry_after=60))
        servers[0].seen.clear()
        candidates = [
            candidate(server, model, circuit) for server, model, circuit in zip(servers, MODELS, circuits, strict=True)
        ]
        began = time.monotonic()
        stream = await failover_transcriber(candidates, FailoverSettings()).open()
        print(f"\nopened beside an open circuit in {(time.monotonic() - began) * 1000:.1f} ms")
        assert servers[0].seen == []
        assert await hear(Caller(stream)) == WORDS
        await stream.close()


async def test_a_lost_connection_is_made_anew_where_there_is_no_other_provider() -> None:
    (server,) = servers = [DeepgramListen()]
    async with calling(servers, pace=4) as (caller, circuits):
        pcm = encode(WORDS) + silence(120)
        start, _ = await caller.say(pcm[:8000])
        await server.drop()
        _, end = await caller.say(pcm[8000:])
        assert await caller.text(start, end) == WORDS
        assert len(server.seen) == 2
        assert circuits[0].successes == 1


async def test_a_hung_connection_is_made_anew_where_there_is_no_other_provider() -> None:
    (server,) = servers = [DeepgramListen()]
    server.fault = Fault(Kind.HANG_MID_STREAM, times=1)
    async with calling(servers, settings=FailoverSettings(transcript_seconds=0.2), pace=4) as (caller, _):
        assert await hear(caller) == WORDS
        assert len(server.seen) == 2


@pytest.mark.parametrize("count", [1, 2])
async def test_when_all_refuse_the_last_one_says_why(count: int) -> None:
    servers = [DeepgramListen() for _ in range(count)]
    for server, fault in zip(servers, (Kind.SERVER_ERROR, Kind.UNAUTHORIZED), strict=False):
        server.fault = Fault(fault)
    with pytest.raises(ProviderUnavailable if count == 1 else ProviderAuthentication, match="deepgram"):
        async with calling(servers):
            raise AssertionError("opened")


async def test_when_all_fail_in_a_call_its_transcription_ends() -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    async with calling(servers) as (caller, _):
        for server in servers:
            server.fault = Fault(Kind.SERVER_ERROR)
        await servers[0].drop()
        for _ in range(2):
            with pytest.raises(ProviderUnavailable, match="500"):
                async with asyncio.timeout(3):
                    await anext(aiter(caller.stream))
    assert len(servers[0].seen) == 2  # its connection might only have been lost


async def test_a_call_that_ends_while_it_is_connected_leaves_nothing() -> None:
    servers = [DeepgramListen()]
    servers[0].fault = Fault(Kind.HANG_AT_CONNECT)
    async with calling(servers, settings=FailoverSettings(connect_seconds=30)) as (caller, _):
        await caller.say(encode("hello"))


async def test_the_journal_is_told_who_takes_over() -> None:
    servers = [DeepgramListen(), DeepgramListen()]
    servers[0].fault = Fault(Kind.SERVER_ERROR)
    notes: list[tuple[str, str]] = []
    async with calling(servers, context=CallContext(note=lambda event, detail: notes.append((event, detail)))):
        pass
    ((event, detail),) = notes
    assert event == "transcriber-switched"
    assert detail.startswith("flux-general-en takes over. The transcriber deepgram answered 500")
