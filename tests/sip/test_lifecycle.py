"""Start and end of an endpoint."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.observe.watchdog import stuck_parts
from gateway.sip.bridge import MediaBridge
from gateway.sip.call import SipCall
from gateway.sip.endpoint import SipEndpoint
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, exchange, settings
from tests.sip.party import party


async def test_an_endpoint_can_be_started_again_and_again_and_leaves_nothing_behind() -> None:
    async with exchange() as ours:
        assert ours.address
    gc.collect()  # what tests before this one left to the collector
    before = len(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    for _ in range(5):
        async with exchange() as ours, party(ours.address) as ann:
            await ann.call()
            await ann.bye()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
    assert threading.active_count() <= threads + 1


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
async def test_a_port_in_use_is_one_sentence_and_the_next_start_works(kind: int) -> None:
    chosen = settings()
    endpoint = SipEndpoint(chosen, loop=asyncio.get_running_loop(), on_leg=lambda leg: None)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((LOOPBACK, chosen.sip.port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(SetupError, match=rf"Port {chosen.sip.port}/\w+ \(setting sip.port\) is in use"):
            await endpoint.start()
    again = SipEndpoint(chosen, loop=asyncio.get_running_loop(), on_leg=lambda leg: None)
    await again.start()
    await again.close()
    await again.close()


async def test_a_second_endpoint_in_a_process_is_refused_and_the_first_goes_on() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        second = SipEndpoint(settings(), loop=asyncio.get_running_loop(), on_leg=lambda leg: None)
        with pytest.raises(SetupError, match="Another SIP endpoint"):
            await second.start()
        await ann.call()
        await ann.bye()


async def test_closing_ends_calls_in_every_state() -> None:
    async with exchange() as ours, party(ours.address) as ann, party(ours.address) as bob:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        ours.answering = lambda leg: asyncio.sleep(0)
        bob.request("INVITE", body=bob.sdp())
        await bob.response(180, "INVITE")
        ringing = await ours.call(1)
        await ours.endpoint.close()
        await ann.incoming("BYE")
        assert (await bob.expect(lambda one: one.status >= 400, "a refusal")).method == "INVITE"
        assert (await told.event("ended"))[2] is False
        assert (await ringing.event("ended"))[2] is False


async def test_the_heartbeat_goes_on_without_calls() -> None:
    async with exchange() as ours:
        seen = [ours.endpoint.heartbeats]
        for _ in range(20):
            await asyncio.sleep(0.05)
            seen.append(ours.endpoint.heartbeats)
        for part in seen[0]:
            assert len({one[part] for one in seen}) > 10


async def stuck(ours: Exchange) -> frozenset[str]:
    """The parts that the watchdog would name, when there are any."""
    async with asyncio.timeout(10):
        while not (found := _stuck_now(ours)):  # noqa: ASYNC110  a heartbeat that stops has no event
            await asyncio.sleep(0.05)
    return found


async def moving(ours: Exchange) -> None:
    """Return once every part goes on."""
    while _stuck_now(ours):  # noqa: ASYNC110  as above
        await asyncio.sleep(0.05)


def _no_tick(_bridge: MediaBridge, timeout_ms: int) -> bool:
    """As from a clock thread that hangs."""
    time.sleep(timeout_ms / 1000)
    return False


def _stuck_now(ours: Exchange) -> frozenset[str]:
    return stuck_parts(ours.endpoint.heartbeats, now_ns=time.monotonic_ns(), limit_ns=1_000_000_000)


@pytest.mark.scenario("FLT-06", peer="scripted party", transport="udp")
async def test_the_part_that_froze_is_told_from_those_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        release = threading.Event()
        with monkeypatch.context() as frozen:
            frozen.setattr(MediaBridge, "wait", _no_tick)
            assert await stuck(ours) == {"media clock"}
        await moving(ours)
        with monkeypatch.context() as frozen:
            frozen.setattr(MediaBridge, "wait", lambda self, timeout_ms: not release.wait(30))
            assert "media thread" in await stuck(ours)
            release.set()
        await moving(ours)
        release.clear()
        ours.endpoint._owner.post(lambda: release.wait(30))
        assert await stuck(ours) == {"SIP thread"}
        release.set()
        await ann.bye()


@pytest.mark.parametrize("stop", ["", "raise KeyboardInterrupt"], ids=["forgotten", "interrupted"])
def test_a_process_that_forgets_to_close_does_not_crash(stop: str, tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import asyncio
        from tests.sip.exchange import settings
        from gateway.sip.endpoint import SipEndpoint

        async def main():
            endpoint = SipEndpoint(settings(), loop=asyncio.get_running_loop(), on_leg=lambda leg: None)
            await endpoint.start()
            await asyncio.sleep(0.2)
            STOP

        asyncio.run(main())
        """
    ).replace("STOP", stop)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert done.returncode == (-2 if stop else 0), done.stderr.decode()[-2000:]
    assert b"terminate called" not in done.stderr


async def test_an_ended_call_leaves_no_object_of_the_stack() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        await ann.bye()
        told = await ours.call()
        await told.event("ended")
        while ours.endpoint.live_calls:  # noqa: ASYNC110  the stack's table has no event
            await asyncio.sleep(0.01)
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, SipCall)]
