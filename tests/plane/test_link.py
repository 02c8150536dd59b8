"""Both ends of the stream between a gateway and its control plane, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest

from gateway.call.calls import Calls
from gateway.call.disk import DiskThread
from gateway.call.journal import Journal
from gateway.errors import CommandRefused, PlaneAway, Unavailable
from gateway.plane import server
from gateway.plane.attachment import PlaneAttachment
from gateway.plane.server import AttachedGateway, PlaneServer, serving_plane
from gateway.plane.spool import Spool
from gateway.plane.v1 import plane_pb2 as pb
from tests.link.worker_double import until

TOKEN = "between us"


class Ledger:
    """Implements `Answering`: what a control plane has committed."""

    def __init__(self) -> None:
        self.events: list[pb.CallEvent] = []
        self.broken: set[str] = set()
        self.refusing = 0
        """So many more transactions fail, whatever is in them."""
        self.refused = 0

    async def append(self, events: Sequence[pb.CallEvent], gateway: str) -> None:
        if self.refused < self.refusing or any(event.call_id in self.broken for event in events):
            self.refused += 1
            raise ValueError("cannot be read")
        known = {(event.call_id, event.sequence) for event in self.events}
        self.events += [event for event in events if (event.call_id, event.sequence) not in known]

    async def resolve(self, gateway: AttachedGateway, question: pb.Resolve) -> pb.Resolution:
        return pb.Resolution(refusal=pb.Refusal(status=404, reason="no-route", detail=question.leg_json))

    async def explain(self, question: pb.Explain) -> pb.Explained:
        return pb.Explained()

    async def authorize(self, question: pb.Authorize) -> bool:
        return question.key == "good"

    async def may_call(self, question: pb.MayCall) -> bool:
        return True

    def has(self, count: int) -> bool:
        return len(self.events) == count

    def kinds(self, call_id: str) -> list[str]:
        return [event.kind for event in self.events if event.call_id == call_id]


class Obedient:
    """Implements `Commands`."""

    def __init__(self) -> None:
        self.done: list[pb.Command] = []
        self.trunks: list[str] = []

    async def perform(self, command: pb.Command) -> pb.CommandResult:
        self.done.append(command)
        refused = command.control.call_id == "gone"
        return pb.CommandResult(ok=not refused, detail="There is no such call." if refused else "", status=404)

    def live_calls(self) -> Sequence[str]:
        return ["live"]

    async def use_trunks(self, trunks_json: str) -> None:
        self.trunks.append(trunks_json)


class Ends:
    """A spool with its attachment, and the control planes that it meets."""

    def __init__(self, tmp_path: Path) -> None:
        self.disk = DiskThread()
        self.calls = Calls(tmp_path, keep_journals=True)
        self.calls.prepare()
        self.spool = Spool(self.calls.directory, self.disk)
        self.ledger = Ledger()
        self.server = PlaneServer(self.ledger, TOKEN)
        self.commands = Obedient()

    @asynccontextmanager
    async def attached(self, token: str = TOKEN) -> AsyncIterator[PlaneAttachment]:
        attachment = PlaneAttachment(gateway="g", public_url=lambda: "http://m", token=token, spool=self.spool)
        attachment.obey(self.commands)
        async with serving_plane(self.server, "127.0.0.1:0") as address:
            task = asyncio.create_task(attachment.run(address))
            try:
                yield attachment
            finally:
                task.cancel()
                await asyncio.wait((task,))

    def journal(self, call_id: str) -> Journal:
        return Journal(self.calls.journal_path(call_id), self.disk, publish=partial(self.spool.add, call_id))

    def hold_call(self, call_id: str) -> None:
        """A whole call, from its first entry to its record."""
        journal = self.journal(call_id)
        journal.append(0, "call", CALL | {"id": call_id})
        journal.append(40, "caller-turn", {"text": "grüß Gott"})
        journal.append(60, "ended", {"at": "2026-01-01T00:00:09+00:00", "reason": "customer-ended-call"})
        self.disk.submit(lambda: self.calls.finish(journal))

    def journals(self) -> list[str]:
        return sorted(path.stem for path in self.calls.directory.glob("*.journal"))


CALL = {
    "direction": "inbound",
    "caller": "sip:a@h",
    "called": "sip:b@h",
    "trunk": None,
    "signalling_id": "s",
    "assistant": "desk",
    "started_at": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    made = Ends(tmp_path)
    yield made
    made.disk.close()


async def test_events_arrive_in_order_and_the_journal_goes_when_all_are_committed(ends: Ends) -> None:
    async with ends.attached():
        ends.hold_call("one")
        await until(lambda: len(ends.ledger.events) == 3)
        assert [event.sequence for event in ends.ledger.events] == [1, 2, 3]
        assert "grüß Gott" in ends.ledger.events[1].json
        assert ends.ledger.events[1].at_ms == 40
        assert ends.ledger.events[1].time_ms > 0
        await until(lambda: not ends.journals())
        assert not ends.spool.waiting


async def test_a_call_that_was_held_without_control_plane_is_told_when_it_is_back(ends: Ends) -> None:
    ends.hold_call("before")
    await ends.disk.barrier()
    assert ends.journals() == ["before"]
    assert not ends.spool.waiting, "what is on disk is not kept in memory"
    async with ends.attached():
        await until(lambda: ends.ledger.kinds("before") == ["call", "caller-turn", "ended"])
        await until(lambda: not ends.journals())


async def test_a_call_outlives_its_control_plane_and_is_told_once(ends: Ends) -> None:
    journal = ends.journal("long")
    async with ends.attached():
        journal.append(0, "call", CALL | {"id": "long"})
        await until(lambda: len(ends.ledger.events) == 1)
    journal.append(20, "answered", {"at": "2026-01-01T00:00:01+00:00"})
    async with ends.attached():
        await until(lambda: len(ends.ledger.events) == 2)
        journal.append(40, "note", {})
        await until(lambda: len(ends.ledger.events) == 3)
    assert [event.sequence for event in ends.ledger.events] == [1, 2, 3]


async def test_the_end_of_a_call_whose_gateway_was_killed_is_told(ends: Ends) -> None:
    ends.journal("torn").append(0, "call", CALL | {"id": "torn"})
    await ends.disk.barrier()
    ends.spool = Spool(ends.calls.directory, ends.disk)
    (record,) = ends.calls.adopt_orphans()
    assert record.id == "torn"
    async with ends.attached():
        await until(lambda: ends.ledger.kinds("torn") == ["call", "ended"])
    assert "gateway-restarted" in ends.ledger.events[-1].json


async def test_events_that_cannot_be_committed_hold_up_those_of_no_other_call(ends: Ends) -> None:
    ends.ledger.broken = {"bad"}
    async with ends.attached() as attachment:
        await until(lambda: attachment.attached)
        ends.hold_call("bad")
        ends.hold_call("good")
        await until(lambda: ends.ledger.kinds("good") == ["call", "caller-turn", "ended"])
        await until(lambda: ends.journals() == ["bad"])
    ends.ledger.broken = set()
    async with ends.attached():
        await until(lambda: ends.ledger.kinds("bad") == ["call", "caller-turn", "ended"])


async def test_what_comes_after_events_that_cannot_be_committed_is_not_held_up(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.01)
    ends.ledger.broken = {"bad"}
    async with ends.attached():
        ends.hold_call("bad")
        await until(lambda: ends.ledger.refused > 1)
        ends.hold_call("good")
        await until(lambda: ends.journals() == ["bad"])


async def test_a_store_that_is_back_while_calls_are_tried_one_by_one_costs_none_of_them(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.01)
    ends.ledger.refusing = 3  # all of them at once, then the first two
    for number in range(4):
        ends.journal(f"call{number}").append(0, "call", CALL)
    await ends.disk.barrier()
    async with ends.attached():
        await until(partial(ends.ledger.has, 4))
        assert ends.ledger.refused == 3
        await until(lambda: not ends.spool.waiting)


async def test_events_of_a_gateway_that_goes_while_they_are_committed_are_kept() -> None:
    async def over(_: pb.PlaneMessage) -> None:
        raise grpc.aio.UsageError("RPC already finished.")

    async def told() -> AsyncIterator[pb.GatewayMessage]:
        for sequence in (1, 2):
            event = pb.CallEvent(call_id="one", sequence=sequence, kind="note", json="{}")
            yield pb.GatewayMessage(events=pb.Events(events=[event]))
            await until(partial(ledger.has, sequence))

    ledger = Ledger()
    gateway = AttachedGateway(pb.Hello(gateway="g"), over, ledger)
    await gateway.serve(told())
    assert [event.sequence for event in ledger.events] == [1, 2]


async def test_questions_are_answered(ends: Ends) -> None:
    async with ends.attached() as attachment:
        await until(lambda: attachment.attached)
        resolution = await attachment.resolve(pb.Resolve(call_id="c", leg_json='{"number": "7"}'), seconds=5)
        assert resolution.refusal.detail == '{"number": "7"}'
        assert await attachment.authorize("o", "good")
        assert not await attachment.authorize("o", "bad")


async def test_trunks_are_told_to_a_gateway_that_attaches_and_after_each_change(ends: Ends) -> None:
    await ends.server.tell_trunks("[1]")
    async with ends.attached():
        await until(lambda: ends.commands.trunks == ["[1]"])
        await ends.server.tell_trunks("[1]")
        await ends.server.tell_trunks("[2]")
        await until(lambda: ends.commands.trunks == ["[1]", "[2]"])


async def test_a_question_fails_at_once_without_a_control_plane(ends: Ends) -> None:
    attachment = PlaneAttachment(gateway="g", public_url=lambda: "", token=TOKEN, spool=ends.spool)
    with pytest.raises(PlaneAway, match="not attached"):
        await attachment.resolve(pb.Resolve(call_id="c", leg_json="{}"), seconds=5)


async def test_a_command_reaches_the_gateway_that_has_the_call(ends: Ends) -> None:
    async with ends.attached() as attachment:
        await until(lambda: attachment.attached and ends.server.gateways)
        gateway = ends.server.gateway_of("live")
        assert gateway is ends.server.choose()
        await gateway.command(pb.Command(control=pb.Control(call_id="live", json="{}")))
        assert ends.commands.done[0].control.call_id == "live"
        with pytest.raises(CommandRefused, match="no such call") as refusal:
            await gateway.command(pb.Command(control=pb.Control(call_id="gone")))
        assert refusal.value.status == 404


async def test_without_a_gateway_nothing_can_be_dialled(ends: Ends) -> None:
    with pytest.raises(Unavailable):
        ends.server.choose()


async def test_a_gateway_with_another_token_is_refused(ends: Ends) -> None:
    async with ends.attached(token="stolen") as attachment:
        await asyncio.sleep(0.1)
        assert not attachment.attached
        assert not ends.server.gateways
