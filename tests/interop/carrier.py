"""A carrier: takes the calls to many numbers at one SIP port, and has each customer do what its script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tests.sip.party import Party, Received, party

ANSWER = "200 OK"
BUSY = "486 Busy Here"
UNKNOWN = "404 Not Found"
RING = "180 Ringing"
"""Until the call is cancelled."""
TALK_SECONDS = 0.3


class Carrier:
    """`scripts` has of each number what becomes of its calls, one after the other; the last holds for further ones."""

    def __init__(self, phone: Party, scripts: Mapping[str, Sequence[str]]) -> None:
        self._phone = phone
        self._scripts = scripts
        self._invites: dict[str, Received] = {}
        self._told = asyncio.Condition()
        self._hanging_up: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> Mapping[str, int]:
        """How often each number was called."""
        numbers = [_number(one) for one in self._invites.values()]
        return {number: numbers.count(number) for number in numbers}

    async def called(self, count: int, *, seconds: float = 30) -> None:
        """Wait until there were so many calls."""
        async with asyncio.timeout(seconds), self._told:
            await self._told.wait_for(lambda: len(self._invites) >= count)

    async def serve(self) -> None:
        """Until it is cancelled."""
        self._phone.patience = 3600
        while True:
            request = await self._phone.expect(lambda one: not one.status, "a request")
            self._take(request)
            async with self._told:
                self._told.notify_all()

    def _take(self, request: Received) -> None:
        call_id = request.message.first("call-id")
        if request.method == "INVITE":
            self._answer(call_id, request)
        elif request.method == "CANCEL":
            self._phone.respond(request, "200 OK")
            self._phone.respond(self._invites[call_id], "487 Request Terminated")
        elif request.method == "ACK" and self._script(call_id) == ANSWER:
            task = asyncio.create_task(self._hang_up(self._invites[call_id]))
            self._hanging_up.add(task)
            task.add_done_callback(self._hanging_up.discard)
        elif request.method != "ACK":
            self._phone.respond(request, "200 OK")

    def _answer(self, call_id: str, invite: Received) -> None:
        if call_id in self._invites:
            return
        self._invites[call_id] = invite
        script = self._script(call_id)
        body = {"headers": ("Content-Type: application/sdp",), "body": self._phone.sdp()} if script == ANSWER else {}
        self._phone.respond(invite, script, **body)  # type: ignore[arg-type]

    def _script(self, call_id: str) -> str:
        number = _number(self._invites[call_id])
        script = self._scripts[number]
        own = [id_ for id_, invite in self._invites.items() if _number(invite) == number]
        return script[min(own.index(call_id), len(script) - 1)]

    async def _hang_up(self, invite: Received) -> None:
        await asyncio.sleep(TALK_SECONDS)
        self._phone.called(invite)
        self._phone.request("BYE")


def _number(invite: Received) -> str:
    return invite.message.start_line.split(" ")[1].removeprefix("sip:").partition("@")[0]


@asynccontextmanager
async def carrier(port: int, target: str, scripts: Mapping[str, Sequence[str]]) -> AsyncIterator[Carrier]:
    """On this port while the block runs.

    :param target: host:port of whoever calls
    """
    async with party(target, port=port) as phone:
        made = Carrier(phone, scripts)
        serving = asyncio.create_task(made.serve())
        try:
            yield made
        finally:
            serving.cancel()
            await asyncio.wait([serving])
