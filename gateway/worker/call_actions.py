"""What the worker asks of the call besides speech, and how that went."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from gateway.call.transfer.plan import longest_seconds
from gateway.errors import ParleyError
from gateway.link.v1 import link_pb2 as pb
from gateway.tools.port import Done
from gateway.worker.transfer_briefing import Briefing

ANSWER_SECONDS = 60.0
"""The gateway says how it went, whatever happened."""


class CallActions:
    """The actions of one call that somebody waits for.

    :param send: passes the action to the gateway
    :param prefix: tells the actions of this worker from those of an earlier one of the call
    :param briefing: says what the human of a transfer is told
    """

    def __init__(self, send: Callable[[pb.WorkerEvent], None], prefix: str, briefing: Briefing) -> None:
        self._send = send
        self._briefing = briefing
        self._prefix = prefix
        self._counts: Counter[str] = Counter()
        self._waiting: dict[str, asyncio.Future[Done]] = {}

    @property
    def busy(self) -> bool:
        """The gateway has yet to say how one went."""
        return bool(self._waiting)

    async def perform(self, action: pb.Action, seconds: float = ANSWER_SECONDS, *, tool: str = "") -> Done:
        """Have the gateway do it, and wait for the result.

        :param tool: id of the tool call that asks for it. When another worker makes that call once more, it asks for
            the same, and is told the result of what was done already
        """
        asker = f"call:{tool}" if tool else self._prefix
        self._counts[asker] += 1
        action.action = f"{asker}-{self._counts[asker]}"
        answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting[action.action] = answer
        self._send(pb.WorkerEvent(action=action))
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return Done(False, "The call did not say how that went.")
        finally:
            self._waiting.pop(action.action, None)

    async def transfer(self, destination: Mapping[str, Any], *, tool: str = "") -> Done:
        """Send the caller on to Vapi's destination of type number or sip, when all that was said is heard.

        :param tool: id of the tool call that asks for it
        """
        destination = await self._briefing.completed(destination)
        try:
            talk = await self._briefing.transfer_talk(destination)
        except ParleyError as error:
            return Done(False, f"The transfer assistant cannot talk: {error}")
        address = str(destination.get("sipUri") or destination.get("number") or "")
        written = json.dumps(destination, ensure_ascii=False)
        transfer = pb.Transfer(
            destination=address,
            after_playout=True,
            destination_json=written,
            transfer_assistant_json=talk.assistant_json,
            variables_json=talk.variables_json,
        )
        return await self.perform(pb.Action(transfer=transfer), longest_seconds(destination), tool=tool)

    def answered(self, result: pb.ActionResult) -> None:
        """Take the gateway's word on an action."""
        answer = self._waiting.get(result.action)
        if answer is not None and not answer.done():
            answer.set_result(Done(result.ok, result.detail, result.reason))
