"""The media port on a real socket, with calls that only write down what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.call.audience import Audience
from gateway.call.journal import Entry
from gateway.call.leg import LegFrame, LegInfo
from gateway.carriers.audio_format import AudioFormat
from gateway.carriers.listening import Messages
from gateway.carriers.media_app import Controlled, MediaPort, Use, media_app
from gateway.carriers.transports import Transports
from gateway.carriers.websocket_leg import WebSocketLeg
from gateway.errors import NotLive, ParleyError
from gateway.observe.http import serving


class ToldCall:
    """Implements `LegListener` and `Controlled`."""

    def __init__(self) -> None:
        self.audience = Audience()
        self.answered = False
        self.frames: list[LegFrame] = []
        self.pauses: list[tuple[int, int, int, int]] = []
        self.ended: list[tuple[int, str, bool]] = []
        self.controls: list[Mapping[str, Any]] = []
        self.refusal: ParleyError | None = None

    def control(self, message: Mapping[str, Any]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.controls.append(message)

    def on_frame(self, frame: LegFrame) -> None:
        self.frames.append(frame)

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        self.pauses.append((utterance, position, onset_tick, tick))

    def on_ringing(self) -> None: ...

    def on_answered(self) -> None:
        self.answered = True

    def on_digit(self, digit: str) -> None: ...

    def on_hold(self, held: bool) -> None: ...

    def on_transfer(self, ok: bool, detail: str) -> None: ...
    def on_replaced(self, info: LegInfo) -> None: ...

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        self.ended.append((status, reason, by_remote))
        self.audience.end()


class MediaHouse:
    """`key` is what calls ask for, when it is set."""

    def __init__(self) -> None:
        self.transports = Transports()
        self.calls: dict[str, ToldCall] = {}
        self.key = ""
        self.port = 0

    def open(self, call_id: str, audio_format: AudioFormat | None = None) -> tuple[ToldCall, WebSocketLeg]:
        """A call that waits for its WebSocket."""
        call, leg = ToldCall(), self.transports.open(call_id, audio_format or AudioFormat())
        self.calls[call_id] = call
        leg.attach(call)
        return call, leg

    def call(self, call_id: str) -> Controlled:
        if call_id not in self.calls:
            raise NotLive(f"There is no live call {call_id}.")
        return self.calls[call_id]

    def url(self, path: str, scheme: str = "ws") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/call/{path}"

    def messages(self, call_id: str) -> Messages:
        def compose(entry: Entry) -> Sequence[Mapping[str, Any]]:
            return [{"type": entry.kind, **entry.data}]

        return compose

    async def refusal(self, call_id: str, use: Use, authorization: str) -> str:
        return "" if authorization == (f"Bearer {self.key}" if self.key else "") else f"A key is needed to {use}."


@asynccontextmanager
async def media_house() -> AsyncIterator[MediaHouse]:
    house = MediaHouse()
    port = MediaPort(house, house.transports)
    async with serving(media_app(port), host="127.0.0.1", port=0, purpose="media") as house.port:
        yield house
    await house.transports.close()
