"""The engine of `parley call`: dials, says its lines, records what comes back."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.call.leg import Leg, LegFrame, LegInfo, MediaStatistics
from gateway.errors import LegError
from gateway.media.audio import FRAME_MS, SAMPLE_BYTES, samples_to_ms
from gateway.settings import RtpSettings, Settings
from gateway.sip.endpoint import SipEndpoint
from gateway.sip.headers import parse_uri
from gateway.sip.settings import SipSettings
from gateway.sip.softphone_audio import read_speech, write_mono, write_stereo
from gateway.sip.softphone_script import HangUp, Said, ScriptRules, SoftphoneScript, Speak

log = structlog.get_logger(__name__)

_CHUNK = 8000
"""Bytes queued at once: half a second, far less than the play ring holds."""
_END_SECONDS = 3.0
_RTP_PORTS = 20


@dataclass(frozen=True, slots=True)
class SoftphoneCall:
    """What to do in a call.

    :param play: sound files, said one after the other as `rules` say
    :param record: mono WAV of what the far end said
    :param record_stereo: WAV with what we said on the left and the far end on the right
    :param limit_seconds: the call is ended after this, ringing included
    :param digits: DTMF sent after answer
    """

    destination: str
    play: Sequence[Path] = ()
    rules: ScriptRules = field(default_factory=ScriptRules)
    record: Path | None = None
    record_stereo: Path | None = None
    limit_seconds: float = 60.0
    digits: str = ""
    caller: str = "parley-call"
    codecs: Sequence[str] = ("PCMU", "PCMA", "G722", "opus")
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SoftphoneResult:
    """How a call went. `status` and `reason` are those of its end; `duration_ms` is from answer to end."""

    answered: bool
    status: int
    reason: str
    by_remote: bool
    duration_ms: int
    codec: str
    said: tuple[Said, ...]
    statistics: MediaStatistics | None
    text: str | None


class _Conversation:
    """Listens to the leg, follows the script, keeps both sides' audio."""

    def __init__(self, leg: Leg, lines: Sequence[bytes], rules: ScriptRules) -> None:
        self._leg = leg
        self._lines = lines
        self._script = SoftphoneScript([samples_to_ms(len(line) // SAMPLE_BYTES) for line in lines], rules)
        self._line = 0
        self._sent = 0
        self.heard = bytearray()
        self.spoken = bytearray()
        self.answered = asyncio.Event()
        self.wants_end = asyncio.Event()
        self.ended: asyncio.Future[tuple[int, str, bool]] = asyncio.get_running_loop().create_future()

    @property
    def said(self) -> tuple[Said, ...]:
        return self._script.said

    def on_frame(self, frame: LegFrame) -> None:
        self.heard += frame.caller
        self.spoken += frame.agent
        if not self.answered.is_set():
            return
        action = self._script.tick(frame.tick * FRAME_MS, far_speech=frame.speech)
        if isinstance(action, Speak):
            self._line, self._sent = action.line, 0
            log.info("softphone.says", line=action.line + 1, at_ms=frame.tick * FRAME_MS)
        elif isinstance(action, HangUp):
            self.wants_end.set()
        if self._script.said:
            self._feed(self._lines[self._line])

    def _feed(self, line: bytes) -> None:
        if self._sent < len(line):
            chunk = line[self._sent : self._sent + _CHUNK]
            final = self._sent + len(chunk) == len(line)
            taken = self._leg.play(self._line + 1, self._sent // SAMPLE_BYTES, chunk, final=final)
            self._sent += taken * SAMPLE_BYTES

    def on_ringing(self) -> None:
        log.info("softphone.ringing")

    def on_answered(self) -> None:
        log.info("softphone.answered")
        self.answered.set()

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """Never: the leg is not armed."""

    def on_digit(self, digit: str) -> None:
        log.info("softphone.digit", digit=digit)

    def on_hold(self, held: bool) -> None:
        log.info("softphone.hold", held=held)

    def on_transfer(self, ok: bool, detail: str) -> None:
        """Never: nothing is transferred."""

    def on_replaced(self, info: LegInfo) -> None:
        log.info("softphone.replaced", party=info.called)

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        log.info("softphone.ended", status=status, reason=reason, by_remote=by_remote)
        if not self.ended.done():
            self.ended.set_result((status, reason, by_remote))


async def place_call(call: SoftphoneCall, *, transcribe: Callable[[bytes], str] | None = None) -> SoftphoneResult:
    """Place a call and follow it to its end. Ctrl-C hangs up, and the result is given all the same.

    :param transcribe: turns what was heard (8000 Hz PCM) into text at the end, in a thread
    :raises ConfigError: when a sound file cannot be read or written
    :raises LegError: when the destination is no SIP URI
    """
    lines = [read_speech(path) for path in call.play]
    endpoint = SipEndpoint(softphone_settings(call), loop=asyncio.get_running_loop(), on_leg=_take_nothing)
    await endpoint.start()
    try:
        leg = await endpoint.dial(call.destination, caller=call.caller, headers=call.headers)
        leg.arm_pause(False)
        conversation = _Conversation(leg, lines, call.rules)
        leg.attach(conversation)
        status, reason, by_remote = await _follow(leg, conversation, call)
        statistics = await leg.statistics()
    finally:
        await endpoint.close()
    heard = bytes(conversation.heard)
    _write(call, heard, bytes(conversation.spoken))
    return SoftphoneResult(
        answered=conversation.answered.is_set(),
        status=status,
        reason=reason,
        by_remote=by_remote,
        duration_ms=samples_to_ms(len(heard) // SAMPLE_BYTES),
        codec=statistics.codec if statistics else "",
        said=conversation.said,
        statistics=statistics,
        text=await asyncio.to_thread(transcribe, heard) if transcribe else None,
    )


def softphone_settings(call: SoftphoneCall) -> Settings:
    """Settings of an endpoint for one call: bound to the address that reaches the destination, on free ports.

    :raises LegError: when the destination is no SIP URI or its host is not known
    """
    uri = parse_uri(call.destination)
    if uri is None or not uri.host:
        raise LegError(f"{call.destination!r} is no SIP URI; write sip:user@host.")
    first = random.randrange(40000, 60000 - _RTP_PORTS, 2)  # noqa: S311  not a secret
    sip = SipSettings(host=_local_address(uri.host, uri.port or 5060), max_calls=1, user_agent="Parley softphone")
    # port 0 lets the system choose; a gateway's settings must name its port
    sip = sip.model_copy(update={"port": 0, "codecs": list(call.codecs)})
    return Settings(sip=sip, rtp=RtpSettings(ports=(first, first + _RTP_PORTS - 1)))


def _local_address(host: str, port: int) -> str:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise LegError(f"The host {host!r} cannot be reached ({error}); check the address.") from error


async def _follow(leg: Leg, conversation: _Conversation, call: SoftphoneCall) -> tuple[int, str, bool]:
    loop = asyncio.get_running_loop()
    deadline = loop.call_later(call.limit_seconds, conversation.wants_end.set)
    dialling = asyncio.create_task(_send_digits(leg, conversation, call.digits))
    conversation.ended.add_done_callback(lambda _: conversation.wants_end.set())
    try:
        with _interrupt_sets(conversation.wants_end):
            await conversation.wants_end.wait()
        await leg.hangup()
        async with asyncio.timeout(_END_SECONDS):
            return await conversation.ended
    except TimeoutError:
        return 408, "the far end did not confirm the end", False
    finally:
        deadline.cancel()
        dialling.cancel()


async def _send_digits(leg: Leg, conversation: _Conversation, digits: str) -> None:
    await conversation.answered.wait()
    if digits:
        await leg.send_digits(digits)


@contextmanager
def _interrupt_sets(event: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, event.set)
    except (RuntimeError, NotImplementedError, ValueError):
        # not the main thread: who runs us there decides what Ctrl-C means
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _take_nothing(leg: Leg) -> None:
    log.info("softphone.call_ignored", caller=leg.info.caller)


def _write(call: SoftphoneCall, heard: bytes, spoken: bytes) -> None:
    if call.record:
        write_mono(call.record, heard)
    if call.record_stereo:
        write_stereo(call.record_stereo, spoken, heard)
