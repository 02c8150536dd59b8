"""A worker that says what the caller says: `python -m bench.load.echo_worker PORT`. The least that holds a call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from tests.peers.ports import LOOPBACK

CAPACITY = 2000
LEAD_MS = 60
"""Silence before the echo, so that a tick that is late leaves no hole."""
_UTTERANCE = 1


class EchoWorker(rpc.ConversationServicer):
    """Answers each frame of a call with the same frame, as one utterance that never ends."""

    async def Attach(  # type: ignore[override]  # noqa: N802  gRPC names it, and takes a coroutine that writes
        self,
        request_iterator: AsyncIterator[pb.GatewayTick],
        context: grpc.aio.ServicerContext[pb.GatewayTick, pb.WorkerTick],
    ) -> None:
        """Serve one gateway's stream."""
        sent: dict[int, int] = {}
        await context.write(pb.WorkerTick(load=pb.Load(capacity=CAPACITY)))
        async for tick in request_iterator:
            load = pb.Load(active_calls=len(sent), capacity=CAPACITY)
            answer = pb.WorkerTick(sequence=tick.sequence, load=load)
            for event in tick.events:
                _answer(event, answer, sent)
            await context.write(answer)

    async def Drain(  # noqa: N802  gRPC names it
        self, request: pb.DrainRequest, context: grpc.aio.ServicerContext[pb.DrainRequest, pb.DrainReply]
    ) -> pb.DrainReply:
        """It has nothing to end."""
        return pb.DrainReply()


def _answer(event: pb.GatewayEvent, answer: pb.WorkerTick, sent: dict[int, int]) -> None:
    """:param sent: call → samples of its utterance so far"""
    match event.WhichOneof("event"):
        case "start":
            answer.events.add(call=event.call, accepted=pb.Accepted())
            sent[event.call] = 0
        case "answered":
            answer.events.add(call=event.call, utterance=pb.Utterance(utterance=_UTTERANCE, text="echo"))
            _say(event.call, bytes(ms_to_samples(LEAD_MS) * SAMPLE_BYTES), answer, sent)
        case "audio" if event.call in sent:
            _say(event.call, event.audio.pcm, answer, sent)
        case "end":
            sent.pop(event.call, None)


def _say(call: int, pcm: bytes, answer: pb.WorkerTick, sent: dict[int, int]) -> None:
    answer.events.add(call=call, audio=pb.UtteranceAudio(utterance=_UTTERANCE, offset=sent[call], pcm=pcm))
    sent[call] += len(pcm) // SAMPLE_BYTES


async def serve(port: int) -> None:
    """Until it is ended."""
    server, health = grpc.aio.server(), HealthServicer()
    rpc.add_ConversationServicer_to_server(EchoWorker(), server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
