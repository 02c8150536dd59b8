"""A SIP leg as the call sees it: commands go to the owner thread, playout goes straight to the media bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from gateway.call.attempts import Failure
from gateway.call.dialog import KeptDialog
from gateway.call.leg import NO_HEADERS, Leg, LegFrame, LegInfo, LegListener, MediaStatistics
from gateway.errors import LegError
from gateway.recording.packet import PacketSink
from gateway.sip.bridge import MediaBridge
from gateway.sip.keypad import Keypad, KeyPath
from gateway.sip.media_thread import MediaLeg
from gateway.sip.owner_thread import OwnerThread
from gateway.sip.requests import OnAnswer

log = structlog.get_logger(__name__)

_COMMAND_SECONDS = 5.0
"""The owner thread answers within milliseconds; it is late only when it is lost."""

_ANSWER_SECONDS = 34.0
"""RFC 3261 gives a transaction 32 s; then the stack itself tells that there was no answer."""
_DIGIT_MS = 160
_DTMF_TYPE = "application/dtmf-relay"
"""https://datatracker.ietf.org/doc/html/draft-kaplan-dispatch-info-dtmf-package"""

Told = Callable[[LegListener], None]
"""Something that a listener is told."""


class Dialogs(Protocol):
    """The calls of the stack by key; every method but `follow` is for the owner thread.
    :raises LegError: when the call is gone."""

    def ring(self, key: int) -> None: ...
    def answer(self, key: int) -> None: ...
    def refuse(
        self,
        key: int,
        status: int,
        *,
        retry_after: int | None,
        reason: str,
        contact: str,
        headers: Sequence[tuple[str, str]],
    ) -> None: ...
    def hangup(self, key: int, reason: str, headers: Mapping[str, str]) -> None: ...
    def give_up(self, key: int) -> bool: ...
    def transfer(self, key: int, destination: str, headers: Mapping[str, str]) -> None: ...
    def transfer_to(self, key: int, other: int, headers: Mapping[str, str]) -> None: ...
    def give_up_transfer(self, key: int) -> None: ...
    def join(self, key: int, other: int) -> None: ...
    def part(self, key: int, other: int) -> None: ...
    def share(self, of: int, to: int, on: bool) -> None: ...
    def background(self, key: int, pcm: bytes) -> None: ...
    def send_digits(self, key: int, digits: str) -> None: ...
    def request(
        self, key: int, method: str, headers: Mapping[str, str], body: str, content_type: str, on_answer: OnAnswer
    ) -> None: ...
    def statistics(self, key: int) -> MediaStatistics | None: ...
    def follow(self, signalling_id: str, sink: PacketSink) -> None: ...


class SipLeg:
    """Implements `gateway.call.leg.Leg`. It holds no object of the stack, so that any thread may drop it."""

    def __init__(
        self,
        info: LegInfo,
        *,
        key: int,
        dialogs: Dialogs,
        owner: OwnerThread,
        bridge: MediaBridge,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._info = info
        self._key = key
        self._dialogs = dialogs
        self._owner = owner
        self._bridge = bridge
        self._loop = loop
        self._listener: LegListener | None = None
        self._untold: list[Told] = []
        self._armed = True
        self._prompt = False
        self._ended = False
        self._media: MediaLeg | None = None
        self._final_statistics: MediaStatistics | None = None
        self._keypad = Keypad()
        self._decide: Callable[[Failure], bool] = lambda failure: False
        self._sink: PacketSink | None = None
        self._dialog: KeptDialog | None = None
        self._keep: Callable[[KeptDialog], None] = lambda dialog: None
        self.responded = False
        """The far end of an outbound call has sent any response."""
        self._software = ""
        self.given_up = False
        """It was hung up, whether or not there was anything to hang up."""
        self._first_tick = 0
        """Ticks of the media of attempts before this one: a gateway may play early media, and then refuse the call."""
        self._last_tick = -1
        self.codec = ""
        """What was negotiated, empty before media."""
        self.keys_go_by = KeyPath.EVENT
        """How digits are sent unless INFO is asked for."""

    # ---------------------------------------------------------------- the call's side

    @property
    def key(self) -> int:
        """Its key among the stack's calls."""
        return self._key

    @property
    def info(self) -> LegInfo:
        """What is known of the party."""
        return self._info

    @property
    def software(self) -> str:
        """User-Agent of the caller's INVITE, Server of who answered ours."""
        return self._software or self._info.headers.get("User-Agent", "")

    def attach(self, listener: LegListener) -> None:
        """Name the listener; events that came before are delivered first."""
        self._listener = listener
        untold, self._untold = self._untold, []
        for told in untold:
            told(listener)

    def capture(self, sink: PacketSink) -> None:
        """Give the sink what is sent and received, whichever dialog the leg has."""
        self._sink = sink
        self._follow()

    def _follow(self) -> None:
        if self._sink is not None:
            self._dialogs.follow(self._info.signalling_id, self._sink)

    def keep_dialog(self, keep: Callable[[KeptDialog], None]) -> None:
        """Who keeps what another process needs to end the dialog."""
        self._keep = keep

    async def alert(self) -> None:
        """Tell the caller that it rings (180); harmless when it is gone."""
        await self._command(lambda: self._dialogs.ring(self._key), must=False)

    async def answer(self) -> None:
        """Accept an inbound call (200). :raises LegError: when it is gone."""
        await self._command(lambda: self._dialogs.answer(self._key))

    async def refuse(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        reason: str = "",
        contact: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Refuse an inbound call before answer; harmless when it is gone."""
        refuse = partial(self._dialogs.refuse, self._key, status, retry_after=retry_after, reason=reason)
        await self._command(lambda: refuse(contact=contact, headers=headers), must=False)

    async def hangup(self, reason: str = "", headers: Mapping[str, str] = NO_HEADERS) -> None:
        """End the call; harmless when it has ended. `reason` goes out as the Reason header's text."""
        self.given_up = True
        if not self._ended:
            await self._command(lambda: self._dialogs.hangup(self._key, reason, headers), must=False)

    async def transfer(self, destination: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Blind transfer by REFER; the outcome comes by `on_transfer`. :raises LegError: when it cannot be sent."""
        await self._command(lambda: self._dialogs.transfer(self._key, destination, headers))

    async def transfer_to(self, other: Leg, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """REFER with Replaces of the other's dialog. :raises LegError: when it cannot be sent."""
        key = _key_of(other)
        await self._command(lambda: self._dialogs.transfer_to(self._key, key, headers))

    async def give_up_transfer(self) -> None:
        """The outcome is waited for no longer."""
        await self._command(lambda: self._dialogs.give_up_transfer(self._key), must=False)

    async def join(self, other: Leg) -> None:
        """Let this party and the other hear each other. :raises LegError: when they cannot."""
        key = _key_of(other)
        self._be_prompt(other)
        await self._command(lambda: self._dialogs.join(self._key, key))

    def _be_prompt(self, other: Leg) -> None:
        """Frames of both are laid over each other, tick by tick."""
        for leg in (self, other):
            if isinstance(leg, SipLeg):
                leg._prompt = True
                if leg._media:
                    leg._media.prompt = True

    async def part(self, other: Leg) -> None:
        """Undo `join`."""
        key = _key_of(other)
        await self._command(lambda: self._dialogs.part(self._key, key), must=False)

    async def hears_agent_of(self, other: Leg, on: bool) -> None:
        """Whether this party takes part in the other's conversation. :raises LegError: when it cannot."""
        key = _key_of(other)
        self._be_prompt(other)
        await self._command(lambda: self._dialogs.share(key, self._key, on), must=on)

    async def background(self, pcm: bytes) -> None:
        """Play PCM over and over beside all else. :raises LegError: when it cannot be played."""
        await self._command(lambda: self._dialogs.background(self._key, pcm), must=bool(pcm))

    async def send_digits(self, digits: str, *, info: bool = False) -> None:
        """Send DTMF as the trunk says, or by SIP INFO. :raises LegError: when the far end does not take it."""
        if not info and self.keys_go_by is not KeyPath.INFO:
            await self._command(lambda: self._dialogs.send_digits(self._key, digits))
            return
        for digit in digits:
            body = f"Signal={digit}\r\nDuration={_DIGIT_MS}\r\n"
            status, reason = await self.send_request("INFO", {}, body, _DTMF_TYPE)
            if status >= 300:
                raise LegError(f"The far end took no digit by INFO: {status} {reason}.")

    async def send_request(
        self, method: str, headers: Mapping[str, str], body: str, content_type: str
    ) -> tuple[int, str]:
        """Send INFO, MESSAGE or NOTIFY inside the dialog, and wait for the final answer: its status and reason.

        :raises LegError: when it cannot be sent
        """
        answer: asyncio.Future[tuple[int, str]] = self._loop.create_future()

        def settle(status: int, reason: str) -> None:
            if not answer.done():
                answer.set_result((status, reason))

        def on_answer(status: int, reason: str) -> None:
            self._post(lambda: settle(status, reason))

        await self._command(lambda: self._dialogs.request(self._key, method, headers, body, content_type, on_answer))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            return 408, "no answer"

    def on_failure(self, decide: Callable[[Failure], bool]) -> None:
        """Who decides whether an outbound call that failed goes another way."""
        self._decide = decide

    async def give_up(self) -> bool:
        """Cancel an attempt that had no response, and tell nobody; false when it had one, or failed."""
        try:
            return await self._owner.run(lambda: self._dialogs.give_up(self._key), timeout=_COMMAND_SECONDS)
        except (LegError, TimeoutError):
            return False

    def fail(self, failure: Failure) -> None:
        """No way is left."""
        self._deliver_end(failure.status, failure.reason, True)

    def next_attempt(self, info: LegInfo) -> None:
        """The next attempt is sent. On the event loop's thread."""
        self._info, self.responded = info, False
        self._follow()

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        """Queue PCM of an utterance for the media clock; returns how many samples fitted, 0 without media."""
        media = self._media
        if media is None:
            return 0
        try:
            return self._bridge.play(media.index, utterance=utterance, offset=offset, pcm=pcm, final=final)
        except LegError:
            return 0

    def queued(self) -> int:
        """Samples queued and not sent."""
        media = self._media
        try:
            return self._bridge.queued(media.index) if media else 0
        except LegError:
            return 0

    def arm_pause(self, armed: bool) -> None:
        """Whether the fast VAD may pause what is playing: false for an uninterruptible utterance."""
        self._armed = armed
        if self._media:
            self._media.armed = armed

    def pause(self) -> None:
        """Fade out and hold what is queued."""
        self._playout(self._bridge.pause)

    def resume(self) -> None:
        """Fade in and go on with what is queued."""
        self._playout(self._bridge.resume)

    def flush(self) -> None:
        """Fade out and drop what is queued."""
        self._playout(self._bridge.flush)

    async def statistics(self) -> MediaStatistics | None:
        """RTP figures so far, the last ones after the end, None before media."""
        if self._final_statistics is None and not self._ended:
            try:
                return await self._owner.run(lambda: self._dialogs.statistics(self._key), timeout=_COMMAND_SECONDS)
            except (LegError, TimeoutError):
                log.debug("sip.leg.statistics_unavailable", sip_call_id=self._info.signalling_id)
        return self._final_statistics

    def waited_ms(self, tick: int) -> float | None:
        """How long the far end's audio of a late tick had waited since it arrived in RTP; None when not known."""
        media = self._media
        waited_us = self._bridge.waited_us(media.index, tick - self._first_tick) if media is not None else None
        return None if waited_us is None else waited_us / 1000

    def describe(self) -> str:
        """The path of a frame through this leg, stage by stage."""
        return (
            f"RTP {self.codec or 'no media'} -> jitter buffer -> decoder -> 8 kHz conference -> media bridge -> "
            f"fast VAD -> call -> play ring -> 8 kHz conference -> encoder -> RTP {self.codec or 'no media'}"
        )

    # ---------------------------------------------------------------- the stack's side, on the owner thread

    def media_opened(self, media: MediaLeg, codec: str) -> None:
        """The leg is on the bridge."""
        media.armed, media.prompt = self._armed, self._prompt
        self._media = media
        self.codec = codec

    def answered_by(self, software: str) -> None:
        """What the far end said that it is when it answered our INVITE."""
        self._software = software

    def media_closed(self) -> None:
        """The leg is off the bridge."""
        self._media = None

    def replaced_by(self, info: LegInfo) -> None:
        """Another party is at the far end."""
        self._info, self._software = info, ""
        self._follow()
        self.tell(lambda listener: listener.on_replaced(info))

    def dialog_is(self, dialog: KeptDialog) -> None:
        """The dialog stands like this now."""
        # the sequence number alone is no change: whoever ends it goes far beyond it
        if self._dialog is None or replace(dialog, cseq=self._dialog.cseq) != self._dialog:
            self._dialog = dialog
            self._post(lambda: self._keep(dialog))

    def tell(self, told: Told) -> None:
        """Tell the listener, on the event loop's thread."""
        self._post(lambda: self._deliver(told))

    def tell_key(self, key: str, path: KeyPath) -> None:
        """Tell a key that came by signalling, or as an event."""
        self._post(lambda: self._deliver_key(key, path))

    def tell_ended(self, status: int, reason: str, *, by_remote: bool, statistics: MediaStatistics | None) -> None:
        """Tell the end, the last event; `statistics` are the leg's final figures."""
        self._final_statistics = statistics
        self._post(lambda: self._deliver_end(status, reason, by_remote))

    def tell_failed(self, failure: Failure) -> None:
        """Tell that nobody answered: the end, unless another way is gone."""
        self._post(lambda: self._deliver_failure(failure))

    # ---------------------------------------------------------------- on the event loop's thread

    def deliver_frames(self, frames: Sequence[LegFrame]) -> None:
        """Media ticks. Each attempt's media count from 0; the leg's clock goes on."""
        for frame in frames:
            if frame.tick < self._last_tick:
                self._first_tick += self._last_tick + 1
            self._last_tick = frame.tick
            frame.tick += self._first_tick
            if self._listener is not None and not self._ended:
                self._listener.on_frame(frame)
            elif not self._ended:
                self._untold.append(partial(_tell_frame, frame))

    def deliver_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """The media thread paused playout."""
        first = self._first_tick
        self._deliver(lambda listener: listener.on_pause(utterance, position, first + onset_tick, first + tick))

    def deliver_key(self, key: str) -> None:
        """The tones of a key were heard."""
        self._deliver_key(key, KeyPath.TONES)

    def _deliver_key(self, key: str, path: KeyPath) -> None:
        if self._keypad.is_new(key, path, self._loop.time()):
            self._deliver(lambda listener: listener.on_digit(key))

    def _deliver(self, told: Told) -> None:
        if self._ended:
            return
        if self._listener is None:
            self._untold.append(told)
        else:
            told(self._listener)

    def _deliver_end(self, status: int, reason: str, by_remote: bool) -> None:
        self._deliver(lambda listener: listener.on_ended(status, reason, by_remote=by_remote))
        self._ended = True

    def _deliver_failure(self, failure: Failure) -> None:
        if self.given_up or not self._decide(failure):
            self._deliver_end(failure.status, failure.reason, True)

    # ---------------------------------------------------------------- inside

    def _post(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            log.debug("sip.leg.loop_closed", sip_call_id=self._info.signalling_id)

    def _playout(self, command: Callable[[int], None]) -> None:
        media = self._media
        if media is None:
            return
        try:
            command(media.index)
        except LegError:
            log.debug("sip.leg.playout_without_media", sip_call_id=self._info.signalling_id)

    async def _command(self, command: Callable[[], None], *, must: bool = True) -> None:
        try:
            await self._owner.run(command, timeout=_COMMAND_SECONDS)
        except TimeoutError as error:
            raise LegError("The SIP stack did not answer in time; its log tells why.") from error
        except LegError:
            if must:
                raise


def _tell_frame(frame: LegFrame, listener: LegListener) -> None:
    listener.on_frame(frame)


def _key_of(other: Leg) -> int:
    """:raises LegError: a leg that is no SIP call hears no other"""
    if not isinstance(other, SipLeg):
        raise LegError("Only two SIP calls can be connected with each other.")
    return other.key
