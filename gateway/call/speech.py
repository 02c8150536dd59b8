"""A text as sound, in an assistant's voice: a worker says it like the first message of a call that nobody hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.call.placement import Workers, place
from gateway.link.v1 import link_pb2 as pb

TRAILING_SECONDS = 0.3
"""After the end, for what the voice counted."""
QUIET_SECONDS = 1.5
"""The worker has said all when nothing came for this long."""


def spoken_by(assistant: Assistant, text: str, *, call_id: str, plan: CallPlan | None = None) -> pb.StartCall:
    """The opening of a call in which this assistant says this text, and nothing else.

    :param plan: of the call that it is said for, whose organisation pays for the voice
    """
    said = {"firstMessage": text, "firstMessageMode": "assistant-speaks-first", "endCallPhrases": [], "hooks": []}
    start = pb.StartCall(call_id=call_id, variables_json="{}", direction=pb.DIRECTION_INBOUND)
    if plan is None:
        written = json.loads(assistant.model_dump_json(by_alias=True))
        start.assistant_json = json.dumps({**written, **said})
        return start
    member = plan.members[0].model_copy(update={"assistant": {**plan.members[0].assistant, **said}})
    only = plan.model_copy(update={"members": [member], "squad": None, "server": None, "call": {"id": call_id}})
    start.plan_json = only.model_dump_json(by_alias=True)
    return start


async def speak(
    workers: Workers, start: pb.StartCall, *, seconds: float, used: Callable[[Mapping[str, Any]], None] | None = None
) -> bytes:
    """8000 Hz PCM; empty when the worker was lost.

    :param used: is told what the voice will bill, as the worker's `usage`

    :raises TimeoutError: it was not all there within `seconds`
    :raises NoWorker: none takes it
    """
    collector = _Collector(used)
    async with asyncio.timeout(seconds):
        call = await place(workers, collector, start)
        try:
            call.send(pb.GatewayEvent(answered=pb.Answered()))
            return await collector.collect()
        finally:
            call.send(pb.GatewayEvent(end=pb.EndCall(reason="said")))
            try:
                await asyncio.sleep(TRAILING_SECONDS if used is not None else 0)
            finally:
                call.close()


class _Collector:
    """Listens to the one call that speaks."""

    def __init__(self, used: Callable[[Mapping[str, Any]], None] | None) -> None:
        self._used = used
        self._audio: dict[int, bytearray] = {}
        self._finals: set[int] = set()
        self._lost = False
        self._news = asyncio.Event()

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        self._news.set()
        if event.HasField("audio"):
            self._audio.setdefault(event.audio.utterance, bytearray()).extend(event.audio.pcm)
            if event.audio.final:
                self._finals.add(event.audio.utterance)
        elif event.HasField("failure"):
            self._lost = True
        elif self._used is not None and event.HasField("journal") and event.journal.kind == "usage":
            self._used(json.loads(event.journal.json or "{}"))

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        self._lost = True
        self._news.set()

    async def collect(self) -> bytes:
        """Everything said until the worker falls silent; empty when it was lost."""
        while not self._lost:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                if self._finals and self._finals == self._audio.keys():
                    return b"".join(bytes(self._audio[utterance]) for utterance in sorted(self._audio))
        return b""
