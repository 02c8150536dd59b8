"""What the control plane tells a gateway to do: dial, open a call without a telephone, control a live call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from gateway.assistant.call_plan import CallPlan
from gateway.carriers.audio_format import AudioFormat
from gateway.errors import (
    CallRefused,
    DialRefused,
    InvalidAssistant,
    LegError,
    NotLive,
    NotRegistered,
    OnDoNotCallList,
    ParleyError,
)
from gateway.plane.v1 import plane_pb2 as pb

log = structlog.get_logger(__name__)

_STATUS: Mapping[type[ParleyError], int] = {
    NotLive: 404,
    CallRefused: 503,
    NotRegistered: 503,
    OnDoNotCallList: 403,
    DialRefused: 400,
    LegError: 400,
    InvalidAssistant: 400,
}


class Controlled(Protocol):
    """The part of `Call` that is controlled."""

    def control(self, message: Mapping[str, Any]) -> None:
        """Do what a message of live control asks. :raises ParleyError: when it cannot be done"""


class Commanded(Protocol):
    """The part of `Gateway` that carries commands out."""

    @property
    def calls(self) -> Mapping[str, Any]:
        """Live calls by id."""

    def call(self, call_id: str) -> Controlled:
        """:raises NotLive: when there is no such call"""

    async def dial_plan(
        self, plan: CallPlan, destination: str, *, trunk: str | None, caller: str | None, ring_seconds: float
    ) -> object:
        """Call somebody. :raises ParleyError: when that is not possible; then nothing was dialled"""

    async def use_trunks(self, trunks_json: str) -> None:
        """Have these trunks beside those of the settings."""

    def open_transport(self, plan: CallPlan, audio_format: AudioFormat) -> object:
        """A call that waits for its WebSocket. :raises ParleyError: when that is not possible"""


class GatewayCommands:
    """Implements `Commands` for a gateway."""

    def __init__(self, gateway: Commanded) -> None:
        self._gateway = gateway

    def live_calls(self) -> Sequence[str]:
        """Ids of the calls that are live now."""
        return list(self._gateway.calls)

    async def use_trunks(self, trunks_json: str) -> None:
        """The trunks of credentials that there are now."""
        await self._gateway.use_trunks(trunks_json)

    async def perform(self, command: pb.Command) -> pb.CommandResult:
        """Do it and say how it went."""
        try:
            await self._do(command)
        except ParleyError as error:
            status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 409)
            return pb.CommandResult(ok=False, detail=str(error), status=status)
        except (ValidationError, ValueError) as error:
            log.warning("command not understood", command=command.WhichOneof("command"), error=str(error))
            return pb.CommandResult(ok=False, detail="The gateway does not understand the command.", status=400)
        except Exception:  # a command's fault is its own, and not that of the stream that all calls share
            log.exception("command failed", command=command.WhichOneof("command"))
            return pb.CommandResult(ok=False, detail="A fault in the gateway; its log tells which.", status=409)
        return pb.CommandResult(ok=True)

    async def _do(self, command: pb.Command) -> None:
        match command.WhichOneof("command"):
            case "dial":
                await self._dial(command.dial)
            case "open_transport":
                asked = command.open_transport
                audio_format = AudioFormat.model_validate({"format": asked.format, "sampleRate": asked.sample_rate})
                self._gateway.open_transport(CallPlan.model_validate_json(asked.plan_json), audio_format)
            case "control":
                self._gateway.call(command.control.call_id).control(json.loads(command.control.json))
            case _:
                raise ValueError("a command of a newer control plane")

    async def _dial(self, dial: pb.Dial) -> None:
        await self._gateway.dial_plan(
            CallPlan.model_validate_json(dial.plan_json),
            dial.destination,
            trunk=dial.trunk or None,
            caller=dial.caller or None,
            ring_seconds=dial.ring_seconds,
        )
