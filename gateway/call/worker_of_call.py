"""The worker that holds a call's conversation: what it is told at the beginning, and how it is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.call.placement import place
from gateway.call.plan import start_call
from gateway.call.state import Accepted
from gateway.errors import NoWorker
from gateway.link.v1 import link_pb2 as pb

if TYPE_CHECKING:
    from gateway.call.session import Call


class WorkerOfCall:
    """Of one call.

    :param variables: template variables of this call alone
    """

    def __init__(self, call: Call, variables: Mapping[str, Any]) -> None:
        self._call = call
        self._variables = variables

    def start(self) -> pb.StartCall:
        """The opening of the call, as of one that begins."""
        call = self._call
        return start_call(
            call.id,
            call.leg.info,
            call.plan or call.assistant,
            call.started_at,
            self._variables,
            record_events=call.books.events is not None,
            ask_consent=call.books.asks_consent,
        )

    async def find(self) -> bool:
        """Ask workers until one takes the call, which the state machine is told; whether one did."""
        call = self._call
        try:
            worker = await place(
                call.services.workers,
                call.conversation,
                self.start(),
                asked=lambda worker: call.conversation.ask(worker, begun=False),
            )
        except NoWorker as error:
            call.log.warning("no worker", detail=str(error))
            return False
        worker.movable = True
        call.conversation.take(worker)
        call.journal.append(call.now_ms, "worker", {"worker": worker.worker})
        call.post(Accepted())
        return True
