from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.transcriber import failover_transcriber
from gateway.providers.health import Circuit
from gateway.providers.stt.deepgram import Options, make
from gateway.settings import FailoverSettings
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.emulator import running
from tests.providers.emulators.tone_words import VOCABULARY, encode
from tests.providers.speech import silence
from tests.providers.stt.calls import Caller

MODELS = ("nova-3", "flux-general-en")


def candidate(server: DeepgramListen, model: str) -> Candidate[Transcriber]:
    credential = Credential(provider="deepgram", api_key=SecretStr(server.key), api_url=server.url)
    return Candidate(model, make(Options(model=model), credential), Circuit("transcriber", model))


@asynccontextmanager
async def calling(
    servers: Sequence[DeepgramListen], *, pace: float = 0.0, settings: FailoverSettings | None = None
) -> AsyncIterator[tuple[Caller, list[Circuit]]]:
    """A call with one candidate per server; nothing of it is left behind."""
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(running(server))
        before = asyncio.all_tasks()
        candidates = [candidate(server, model) for server, model in zip(servers, MODELS, strict=False)]
        stream = await failover_transcriber(candidates, settings or FailoverSettings()).open()
        try:
            yield Caller(stream, pace=pace), [one.circuit for one in candidates]
        finally:
            await stream.close()
            await asyncio.sleep(0.05)
            assert asyncio.all_tasks() <= before
            assert [server.open for server in servers] == [0] * len(servers)


async def test_no_word_is_lost_or_doubled_in_50_utterances_with_a_switch_in_each() -> None:
    rng = random.Random(1)
    servers = [DeepgramListen(), DeepgramListen()]
    lost, doubled, switches = Counter[str](), Counter[str](), 0
    async with calling(servers, pace=15) as (caller, _):
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
