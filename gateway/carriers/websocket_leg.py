"""A caller on a WebSocket: Vapi's `vapi.websocket` transport, as one more leg.

Binary frames are audio in the negotiated format, in any size; text frames are JSON. The leg is paced in real time by
the media clock of sockets: what it counts as sent has left for the client, 20 ms at a time, silence included.
"""

from __future__ import annotations

import asyncio
import audioop
import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.call.dialog import KeptDialog
from gateway.call.leg import NO_HEADERS, LegFrame, LegInfo, LegListener, MediaStatistics
from gateway.carriers.audio_format import AudioFormat, Decoder, Encoder
from gateway.carriers.caller_buffer import CallerBuffer
from gateway.carriers.media_clock import MediaClock
from gateway.carriers.play_ring import Played, PlayRing
from gateway.carriers.unconnected import Unconnected
from gateway.errors import LegError
from gateway.media.audio import FRAME_BYTES, SAMPLE_BYTES
from gateway.media.caller_ear import CallerEar
from gateway.media.fast_vad import SILENCE_DB

log = structlog.get_logger(__name__)

CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_TOO_SLOW = 1000, 1001, 1013
"""RFC 6455 section 7.4.1, and IANA's registry for 1013."""
OUTBOX_MESSAGES = 250
"""A client that is five seconds behind is given up."""
CLOSE_SECONDS = 2.0
_SILENCE = bytes(FRAME_BYTES)
_FULL_SCALE = 32768

OnText = Callable[[Mapping[str, Any]], None]


class WebSocketLeg(Unconnected):
    """Implements `gateway.call.leg.Leg`. It is answered when its client connects.

    :param on_text: told each JSON object that the client sends
    """

    def __init__(self, info: LegInfo, audio_format: AudioFormat, clock: MediaClock) -> None:
        self._info = info
        self._format = audio_format
        self._clock = clock
        self._decoder, self._encoder = Decoder(audio_format), Encoder(audio_format)
        self._caller, self._ring, self._ear = CallerBuffer(), PlayRing(), CallerEar()
        self._listener: LegListener | None = None
        self._outbox: asyncio.Queue[bytes | str | None] = asyncio.Queue(OUTBOX_MESSAGES)
        self._armed = True
        self._ticks = 0
        self._received = self._missing = 0
        self._ended = False
        self._closing: tuple[int, str] | None = None
        self.connected = False
        self.on_text: OnText = lambda message: None

    # ------------------------------------------------------------ the call's side

    @property
    def software(self) -> str:
        """A client of a WebSocket says nothing of that."""
        return ""

    @property
    def info(self) -> LegInfo:
        """What is known of the party."""
        return self._info

    def attach(self, listener: LegListener) -> None:
        """Name the listener."""
        self._listener = listener

    def keep_dialog(self, keep: Callable[[KeptDialog], None]) -> None:
        """Never: it ends with its connection."""

    async def alert(self) -> None:
        """There is nobody to tell."""

    async def answer(self) -> None:
        """Nothing is asked of us: the client answers by connecting."""

    async def refuse(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        reason: str = "",
        contact: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Nobody may connect any more."""
        self._end(CLOSE_GOING_AWAY, reason or "refused", by_remote=False, status=status)

    async def hangup(self, reason: str = "", headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Close the socket."""
        self._end(CLOSE_NORMAL, reason, by_remote=False)

    async def send_digits(self, digits: str, *, info: bool = False) -> None:
        """:raises LegError: always"""
        raise LegError("A WebSocket call has no telephone keys to send.")

    async def send_request(
        self, method: str, headers: Mapping[str, str], body: str, content_type: str
    ) -> tuple[int, str]:
        """:raises LegError: always"""
        raise LegError(f"A WebSocket call has no SIP dialog for {method}.")

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        """Queue PCM of an utterance; returns how many samples fitted, 0 before the client is there."""
        return self._ring.play(utterance, offset, pcm, final=final) if self.connected else 0

    def queued(self) -> int:
        """Samples queued and not sent."""
        return self._ring.queued

    def arm_pause(self, armed: bool) -> None:
        """Whether the caller's speech may pause what is playing."""
        self._armed = armed

    def pause(self) -> None:
        """Fade out and hold what is queued."""
        self._ring.pause()

    def resume(self) -> None:
        """Fade in and go on with what is queued."""
        self._ring.resume()

    def flush(self) -> None:
        """Fade out and drop what is queued."""
        self._ring.flush()

    async def statistics(self) -> MediaStatistics | None:
        """Frames of 20 ms in place of packets, None before the client came."""
        if not self._ticks:
            return None
        return MediaStatistics(
            codec=f"{self._format.format}/{self._format.sample_rate}",
            packets_received=self._received,
            packets_sent=self._ticks,
            packets_lost=0,
            packets_lost_remote=0,
            jitter_ms=0.0,
            round_trip_ms=None,
        )

    def waited_ms(self, tick: int) -> float | None:
        """What waits now: a socket does not tell how long a chunk was on its way."""
        return float(self._caller.waiting_ms)

    def describe(self) -> str:
        """The path of a frame through this leg."""
        wire = f"WebSocket {self._format.format} {self._format.sample_rate} Hz"
        return f"{wire} -> caller buffer -> 8 kHz -> fast VAD -> call -> play ring -> {wire}"

    # ------------------------------------------------------------ the client's side

    async def serve(self, socket: WebSocket) -> None:
        """Be this client's leg until one of both ends it. The socket has been accepted."""
        self.connected = True
        if self._listener is not None:
            self._listener.on_answered()
        self._clock.add(self)
        sending = asyncio.create_task(self._send(socket), name="WebSocket leg out")
        receiving = asyncio.create_task(self._receive(socket), name="WebSocket leg in")
        try:
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clock.remove(self)
            self._end(CLOSE_NORMAL, "the client left", by_remote=True)
            receiving.cancel()
            with contextlib.suppress(asyncio.QueueFull):
                self._outbox.put_nowait(None)
            await asyncio.wait((sending,), timeout=CLOSE_SECONDS)
            sending.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            await _close(socket, *(self._closing or (CLOSE_NORMAL, "")))

    def send_text(self, message: Mapping[str, Any]) -> None:
        """Send the client a JSON object."""
        self._put(json.dumps(message, ensure_ascii=False))

    def tick(self) -> None:
        """20 ms have passed: take the caller's, send the agent's, tell the call."""
        if self._ended or self._listener is None:
            return
        caller = self._caller.take()
        self._received += caller is not None
        played = self._ring.tick()
        self._put(self._encoder.encode(played.pcm))
        speech = self._ear.listen(self._ticks, caller or _SILENCE, _level_db(caller), _level_db(played.pcm))
        tick, self._ticks = self._ticks, self._ticks + 1
        if self._ear.onset_tick is not None and played.utterance and self._armed and not played.paused:
            onset_tick, self._ear.onset_tick = self._ear.onset_tick, None
            self._ring.pause()
            self._listener.on_pause(played.utterance, played.position, onset_tick, tick)
        self._listener.on_frame(_frame(tick, caller, played, speech=speech))

    def _put(self, message: bytes | str) -> None:
        if not message or self._ended:
            return
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self._end(CLOSE_TOO_SLOW, "the client reads too slowly", by_remote=True)

    async def _send(self, socket: WebSocket) -> None:
        while (message := await self._outbox.get()) is not None:
            try:
                await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
            except (WebSocketDisconnect, RuntimeError):
                return

    async def _receive(self, socket: WebSocket) -> None:
        while True:
            message = await socket.receive()
            if message["type"] != "websocket.receive":
                return
            if (data := message.get("bytes")) is not None:
                self._caller.add(self._decoder.decode(data))
            elif (text := message.get("text")) is not None:
                self._take_text(text)

    def _take_text(self, text: str) -> None:
        try:
            read = json.loads(text)
        except ValueError:
            read = None
        if isinstance(read, dict):
            self.on_text(read)
        else:
            self.send_text({"type": "error", "message": 'A text frame must be a JSON object, such as {"type": …}.'})

    def _end(self, code: int, reason: str, *, by_remote: bool, status: int = 200) -> None:
        if self._ended:
            return
        self._ended = True
        self._closing = code, reason[:100]
        self._clock.remove(self)
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(None)
        if self._listener is not None:
            self._listener.on_ended(status, reason, by_remote=by_remote)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Harmless when the client has gone."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.close(code, reason)


def _frame(tick: int, caller: bytes | None, played: Played, *, speech: bool) -> LegFrame:
    return LegFrame(
        tick=tick,
        captured_ns=time.monotonic_ns(),
        caller=caller or _SILENCE,
        agent=played.pcm,
        utterance=played.utterance,
        position=played.position,
        present=caller is not None,
        speech=speech,
        finished=played.finished,
        underrun=played.underrun,
        paused=played.paused,
    )


def _level_db(pcm: bytes | None) -> float:
    rms = audioop.rms(pcm, SAMPLE_BYTES) if pcm else 0
    return 20 * math.log10(rms / _FULL_SCALE) if rms else SILENCE_DB
