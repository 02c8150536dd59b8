"""Dialling, saying and hanging up over the control socket of a gateway, as the command line does it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from gateway.call import endings
from gateway.call.phrases import Phrase
from gateway.commands import dial as command
from gateway.commands import drain, status
from gateway.control.api import control_app
from gateway.control.client import ControlClient
from gateway.control.messages import DialRequest, SayRequest
from gateway.control.socket import control_listener, control_path
from gateway.errors import ConfigError, DialRefused, Draining, NoGateway, NotLive, ParleyError, SetupError
from gateway.observe.http import serving_on
from gateway.settings import Settings
from tests.call.house import House, greet, house
from tests.call.leg_double import MemoryLeg
from tests.link.worker_double import until


@asynccontextmanager
async def controlled(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway that is controlled by the socket in `tmp_path`."""
    async with house(tmp_path, greet) as h:
        with control_listener(tmp_path) as listener:
            async with serving_on(listener, control_app(h.gateway, go_down=lambda: None), purpose="control"):
                yield h


async def dialling(h: House, tmp_path: Path, *, wait: bool = False) -> tuple[asyncio.Task[None], MemoryLeg]:
    """`parley dial 200` is under way; its task and the leg that it dialled."""
    before = len(h.endpoint.dialled)
    request = DialRequest(destination="200")
    task = asyncio.create_task(asyncio.to_thread(command.dial, Settings(data_dir=tmp_path), request, wait=wait))
    await until(lambda: len(h.endpoint.dialled) > before)
    leg = h.endpoint.dialled[-1]
    await until(lambda: leg.listener is not None)
    return task, leg


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the command printed, without the gateway's log."""
    return [line for line in capsys.readouterr().out.splitlines() if " [" not in line]


async def answered(h: House, leg: MemoryLeg) -> None:
    assert leg.listener
    leg.listener.on_answered()
    await until(lambda: leg.ring.segments)


async def test_a_call_is_followed_from_ringing_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with controlled(tmp_path) as h:
        task, leg = await dialling(h, tmp_path, wait=True)
        assert leg.listener
        leg.listener.on_ringing()
        await answered(h, leg)
        (call,) = h.gateway.calls
        leg.end()
        await task
    assert printed(capsys) == [f"{call}: calling 200", "ringing", "answered", "ended: customer-ended-call"]


async def test_without_wait_the_command_ends_with_the_answer_and_the_call_goes_on(tmp_path: Path) -> None:
    async with controlled(tmp_path) as h:
        task, leg = await dialling(h, tmp_path)
        await answered(h, leg)
        await task
        assert not leg.ended
        assert len(h.gateway.calls) == 1


@pytest.mark.parametrize(
    ("status", "says"), [(486, "200 is busy"), (487, "200 did not answer"), (404, r"200 could not be reached \(404\)")]
)
async def test_nobody_answers(tmp_path: Path, status: int, says: str) -> None:
    async with controlled(tmp_path) as h:
        task, leg = await dialling(h, tmp_path)
        leg.end(status)
        with pytest.raises(DialRefused, match=says):
            await task


async def test_what_no_setting_allows_is_refused_in_words(tmp_path: Path) -> None:
    async with controlled(tmp_path) as h:
        request = DialRequest(destination="sip:ann@evil.example")
        with pytest.raises(DialRefused, match="may not be called"):
            await asyncio.to_thread(command.dial, Settings(data_dir=tmp_path), request, wait=False)
        assert not h.endpoint.dialled


async def test_live_calls_are_listed_said_to_and_hung_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path)
    async with controlled(tmp_path) as h:
        await asyncio.to_thread(command.list_live, settings)
        assert printed(capsys) == ["No call is live."]
        leg = await h.live()
        (call,) = h.gateway.calls
        await asyncio.to_thread(command.list_live, settings)
        assert printed(capsys)[1].split()[1:4] == [call, "live", "inbound"]
        said = SayRequest(text="One moment.", end_call_after=True, interruptible=False)
        await asyncio.to_thread(command.say, settings, call[:6], said)
        await until(lambda: h.workers[0].got("say"))
        (event,) = h.workers[0].got("say")
        assert (event.say.text, event.say.end_call_after, event.say.uninterruptible) == ("One moment.", True, True)
        await asyncio.to_thread(command.hang_up, settings, call[:6])
        assert (await h.record()).end_reason == endings.MANUALLY_CANCELED
        assert leg.hung_up == endings.MANUALLY_CANCELED


async def test_the_status_names_the_gateway_and_its_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path)
    async with controlled(tmp_path) as h:
        await h.with_phrases(*Phrase)
        await h.live()
        assert await asyncio.to_thread(status.run, settings, as_json=True)
        output = capsys.readouterr().out
        report, _ = json.JSONDecoder().raw_decode(output, output.index("{\n"))
        (gateway,), (worker,) = report["gateways"], report["workers"]
        assert (gateway["pid"], gateway["state"], gateway["calls"]) == (os.getpid(), "ready", 1)
        assert (worker["name"], worker["state"], worker["calls"], worker["pid"]) == (
            h.workers[0].address,
            "ready",
            1,
            None,
        )
        assert (gateway["refused"], gateway["complaints"]) == ({}, [])
        h.gateway.refusals.add(Draining("This gateway takes no new calls."), caller="a", number="1")
        h.workers[0].report_load(draining=True)
        await until(lambda: not h.gateway.pool.ready)
        assert not await asyncio.to_thread(status.run, settings, as_json=False)
        lines = printed(capsys)
        assert lines[1].split()[2] == "no-worker"
        assert lines[-1] == "refused calls: 1 draining"


async def test_a_worker_is_drained_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path)
    async with controlled(tmp_path) as h:
        name = h.workers[0].address
        task = asyncio.create_task(asyncio.to_thread(drain.drain_worker, settings, name))
        await until(lambda: h.workers[0].load.draining)
        h.workers[0].hang_up_stream()
        await h.workers[0].health.set("", HealthCheckResponse.NOT_SERVING)
        await task
        assert printed(capsys)[0] == f"{name} takes no new calls."
        with pytest.raises(ParleyError, match="There is no worker nobody"):
            await asyncio.to_thread(drain.drain_worker, settings, "nobody")
        with pytest.raises(ParleyError, match="no local worker"):
            await asyncio.to_thread(drain.restart_workers, settings)


async def test_a_call_that_is_not_live_cannot_be_said_to(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with controlled(tmp_path) as h:
        with pytest.raises(NotLive, match="no live call c-9"):
            await asyncio.to_thread(command.hang_up, settings, "c-9")
        await h.gateway.dial("200")
        (call,) = h.gateway.calls
        with pytest.raises(NotLive, match="can be said only while it is live"):
            await asyncio.to_thread(command.say, settings, call, SayRequest(text="hello"))


def use(action: Callable[[ControlClient], object], data_dir: Path) -> None:
    with ControlClient(data_dir) as client:
        action(client)


@pytest.mark.parametrize("leftover", [False, True])
def test_without_a_gateway_the_remedy_is_said(tmp_path: Path, leftover: bool) -> None:
    if leftover:
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(control_path(tmp_path)))
    with pytest.raises(NoGateway, match="No gateway is running here; start one with `parley serve`"):
        use(ControlClient.live, tmp_path)


def test_the_socket_is_its_owners_alone_and_one_gateways(tmp_path: Path) -> None:
    with control_listener(tmp_path):
        assert stat.S_IMODE(control_path(tmp_path).stat().st_mode) == 0o600
        with pytest.raises(SetupError, match="Another gateway uses"), control_listener(tmp_path):
            pass
        assert control_path(tmp_path).exists()
    assert not control_path(tmp_path).exists()


def test_a_path_that_no_socket_can_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="too long for a socket"), control_listener(tmp_path / ("x" * 100)):
        pass


def test_variables_are_pairs() -> None:
    assert command.variables_of(["customer.name=Ann", "note=a=b"]) == {"customer.name": "Ann", "note": "a=b"}
    with pytest.raises(ConfigError, match="'Ann' is no variable"):
        command.variables_of(["Ann"])
