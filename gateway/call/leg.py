"""A leg: one party of a call, as the call sees it.

SIP, WebRTC, WebSocket and carrier legs implement the same two sides: `Leg` is what the call may ask of the party, and
`LegListener` is what the party tells the call. All listener methods are called on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from gateway.call.dialog import KeptDialog
from gateway.recording.packet import PacketSink

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Direction(StrEnum):
    """Who started the call, seen from Parley."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, by which header: From is the caller's own claim, the others are the network's word (RFC 3325).

    `private`: the caller does not want to be known; then number and name are empty.
    """

    number: str
    name: str
    header: str
    private: bool


@dataclass(frozen=True, slots=True)
class Diversion:
    """Who sent the call on, and why, in the words of RFC 5806. Empty number and name where they are private."""

    number: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LegInfo:
    """What is known of a leg when it appears.

    `caller` and `called` are SIP URIs or numbers as they came; routes match `number`, the user part of `called`.
    `trunk` names the configured trunk that the leg belongs to, None for a call that came without one.
    `signalling_id` is the SIP Call-ID. `display_name` is the caller's, `identity` who it is by the best header that is
    there, `diverted_by` who sent the call on, the last first; `source` is where it came from: ip:port;transport.
    `authorization` are the credentials that the caller sends; they are told to nobody.
    """

    direction: Direction
    caller: str
    called: str
    number: str
    trunk: str | None
    signalling_id: str
    headers: dict[str, str]
    display_name: str = ""
    identity: Identity | None = None
    diverted_by: tuple[Diversion, ...] = ()
    source: str = ""
    authorization: tuple[str, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class LegFrame:
    """One media tick of a leg: 20 ms of both directions, taken at the same instant of the media clock.

    `tick` counts media ticks since the leg's media started; the call clock is tick * 20 ms. `captured_ns` is
    CLOCK_MONOTONIC. `caller` and `agent` are 320 bytes of PCM: what came in, and what went out in RTP.
    `utterance` is the utterance that `agent` holds samples of (0: silence) and `position` its samples sent so far,
    this tick included. `speech` is the fast VAD's verdict on `caller`.

    Nobody changes one; it is not frozen because that makes it three times as dear, fifty times a second in each call.
    """

    tick: int
    captured_ns: int
    caller: bytes
    agent: bytes
    utterance: int
    position: int
    present: bool
    speech: bool
    finished: bool
    underrun: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """RTP figures of a leg, as far as the far end lets us know. Loss in packets, jitter and round trip in ms.

    `_remote` is what the far end reported of what we sent (RTCP, RFC 3550 section 6.4), `reports_received` how often.
    `packets_discarded` came too late for the jitter buffer, or were dropped to make it shorter. `loss_burst_ms` is how
    long a loss lasted in the mean, `buffer_ms` what the jitter buffer added. `over_rtp` is false for a leg without RTP,
    whose other figures say nothing.
    """

    codec: str
    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_lost_remote: int
    jitter_ms: float
    round_trip_ms: float | None
    packets_discarded: int = 0
    packets_duplicated: int = 0
    packets_reordered: int = 0
    bytes_received: int = 0
    jitter_max_ms: float = 0.0
    jitter_remote_ms: float = 0.0
    jitter_remote_max_ms: float = 0.0
    loss_burst_ms: float = 0.0
    buffer_ms: float = 0.0
    buffer_max_ms: float = 0.0
    reports_received: int = 0
    over_rtp: bool = False


class LegListener(Protocol):
    """What a leg tells its call."""

    def on_frame(self, frame: LegFrame) -> None:
        """A media tick. Frames come in order, none is left out, several at once after a stall."""

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """The fast VAD paused playout: the caller speaks since `onset_tick`, paused at `tick`."""

    def on_ringing(self) -> None:
        """The far end of an outbound call rings (180 or 183); may come again, or not at all."""

    def on_answered(self) -> None:
        """The call is established, media flows."""

    def on_digit(self, digit: str) -> None:
        """A DTMF digit, once per key press."""

    def on_hold(self, held: bool) -> None:
        """The far end put us on hold or took us back."""

    def on_transfer(self, ok: bool, detail: str) -> None:
        """The outcome of `Leg.transfer`."""

    def on_replaced(self, info: LegInfo) -> None:
        """The far end's telephone system put another party in the place of this one (INVITE with Replaces)."""

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        """The leg is gone: SIP status and reason of the end. Last event, exactly once."""


class Leg(Protocol):
    """What a call may ask of a party. Playout is by utterance id, positions are samples of the utterance."""

    @property
    def info(self) -> LegInfo:
        """What is known of the party."""

    def attach(self, listener: LegListener) -> None:
        """Name the listener; events that came before are delivered first."""

    def capture(self, sink: PacketSink) -> None:
        """Give the sink what this party and we sent each other, from the first message on, until it is closed."""

    def keep_dialog(self, keep: Callable[[KeptDialog], None]) -> None:
        """Name who keeps what another process needs to end this party's dialog: told it when there is one, and after
        each change. A leg that ends with its connection has none."""

    async def alert(self) -> None:
        """Tell the caller of an inbound call that it rings (180), once it is known that it will; harmless when it is
        gone."""

    async def answer(self) -> None:
        """Accept an inbound call (200). :raises LegError: when it is gone."""

    async def refuse(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        reason: str = "",
        contact: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Refuse an inbound call before answer. With 302 `contact` is the SIP URI to call instead.

        :param headers: further ones of the answer
        """

    async def hangup(self, reason: str = "", headers: Mapping[str, str] = NO_HEADERS) -> None:
        """End the call; harmless when it has ended. `reason` goes out as the Reason header's text, beside these."""

    async def transfer(self, destination: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Blind transfer by REFER with these headers; the outcome comes by `on_transfer`. :raises LegError: when it
        cannot be sent."""

    async def transfer_to(self, other: Leg, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Attended transfer: REFER with Replaces of the other's dialog (RFC 3891), so that this party and the other are
        connected by their own side; the outcome comes by `on_transfer`. :raises LegError: when it cannot be sent."""

    @property
    def software(self) -> str:
        """What the party says it is: User-Agent or Server of SIP; empty when it says nothing."""

    async def give_up_transfer(self) -> None:
        """The outcome is waited for no longer: this party's hanging up is no transfer. A success that is told
        nevertheless still comes by `on_transfer`."""

    async def join(self, other: Leg) -> None:
        """Let this party and the other hear each other; what is played to each goes on. Ends with either of them.
        :raises LegError: when the two cannot hear each other"""

    async def part(self, other: Leg) -> None:
        """Undo `join`; harmless when it is undone."""

    async def hears_agent_of(self, other: Leg, on: bool) -> None:
        """Whether this party takes part in the conversation of the other with its agent: hears what is played to the
        other, and is heard by that agent. :raises LegError: when it cannot"""

    async def background(self, pcm: bytes) -> None:
        """Play 8000 Hz PCM over and over beside all else, in place of what was played so; nothing when empty. It counts
        for no utterance. :raises LegError: when it cannot be played"""

    async def send_digits(self, digits: str, *, info: bool = False) -> None:
        """Send DTMF by RFC 4733, or by SIP INFO. :raises LegError: when the far end does not take it."""

    async def send_request(
        self, method: str, headers: Mapping[str, str], body: str, content_type: str
    ) -> tuple[int, str]:
        """Send INFO, MESSAGE or NOTIFY inside the dialog; returns status and reason of the final answer, 408 when none
        came. :raises LegError: when it cannot be sent."""

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        """Queue PCM of an utterance for the media clock; returns how many samples fitted (about 4 s fit in all)."""

    def queued(self) -> int:
        """Samples queued and not sent."""

    def arm_pause(self, armed: bool) -> None:
        """Whether the fast VAD may pause what is playing: false for an uninterruptible utterance."""

    def pause(self) -> None:
        """Fade out and hold what is queued."""

    def resume(self) -> None:
        """Fade in and go on with what is queued."""

    def flush(self) -> None:
        """Fade out and drop what is queued."""

    async def statistics(self) -> MediaStatistics | None:
        """RTP figures so far, None before media."""

    def waited_ms(self, tick: int) -> float | None:
        """How long the far end's audio of a tick of the last ten seconds had waited since it arrived, in a jitter
        buffer for one; None when that is not known."""

    def describe(self) -> str:
        """The path of a frame through this leg, stage by stage, for logs and `parley calls show`."""
