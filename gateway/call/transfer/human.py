"""The second leg of a transfer: whom we dialled, what is said to them, and what they say and press."""

from __future__ import annotations

import asyncio
import audioop
from collections.abc import Callable

from gateway.call.leg import Leg, LegFrame, LegInfo
from gateway.call.transfer.consultation import Consultation
from gateway.call.transfer.life import Accepted, Answered, Declined, Event, Refused, Status
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES, samples_to_ms
from gateway.media.playout import Playout
from gateway.media.utterance import PlayoutState, Report

ACCEPT_KEY, DECLINE_KEY = "1", "2"
SPEECH_MS = 120
"""Of speech in a row before somebody has spoken."""
QUIET_MS = 600
"""Of quiet before what was said is over."""
MONOLOGUE_MS = 8000
"""Who greets for longer, without a pause, is a machine."""
_LATE_SECONDS = 3.0
_SILENCE = bytes(FRAME_BYTES)
_STATUS = {486: Status.BUSY, 600: Status.BUSY, 408: Status.NO_ANSWER, 480: Status.NO_ANSWER, 487: Status.NO_ANSWER}


class Human:
    """Implements `LegListener`.

    :param tell: takes what happened, for the life of the transfer
    """

    def __init__(self, leg: Leg, tell: Callable[[Event], None]) -> None:
        self.leg = leg
        self.sound = _SILENCE
        """What came from there last, 20 ms."""
        self.answered = False
        self.ended = False
        self.consultation: Consultation | None = None
        """An assistant talks with them: it hears them, and is heard by them."""
        self._tell = tell
        self._playout = Playout(leg, self._on_report)
        self._finished: dict[int, asyncio.Future[None]] = {}
        self._last = 0
        self._speech_ms = self._quiet_ms = 0
        self._spoke = asyncio.Event()
        leg.attach(self)

    async def say(self, pcm: bytes) -> None:
        """Play this to them; returns when they heard it, or hung up."""
        if not pcm or self.ended:
            return
        self._last += 1
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finished[self._last] = finished
        self._playout.announce(self._last, text="", interruptible=False)
        self._playout.audio(self._last, 0, pcm, final=True)
        try:
            async with asyncio.timeout(samples_to_ms(len(pcm) // SAMPLE_BYTES) / 1000 + _LATE_SECONDS):
                await finished
        except TimeoutError:
            self._playout.cut(self._last)

    async def talks_no_more(self) -> None:
        """The assistant's part is over."""
        consultation, self.consultation = self.consultation, None
        if consultation is not None:
            # Its utterances may still be on their way out.
            self._last = consultation.playout.highest
            await consultation.close()

    async def has_spoken(self) -> None:
        """Wait until they have said something, and paused."""
        await self._spoke.wait()

    def mixed(self, agent: bytes) -> bytes:
        """What the caller hears in this tick: the agent, and them."""
        return audioop.add(agent, self.sound, SAMPLE_BYTES)

    # ------------------------------------------------------------ what the leg tells

    def on_frame(self, frame: LegFrame) -> None:
        """A media tick."""
        self.sound = frame.caller
        if self.consultation is not None:
            self.consultation.hear(frame)
        else:
            self._playout.on_frame(frame)
        if self._spoke.is_set():
            return
        self._speech_ms = self._speech_ms + FRAME_MS if frame.speech else self._speech_ms
        self._quiet_ms = 0 if frame.speech else self._quiet_ms + FRAME_MS
        if self._speech_ms >= MONOLOGUE_MS:
            self._tell(Declined(Status.VOICEMAIL, "A machine answered."))
        if self._quiet_ms >= QUIET_MS:
            if self._speech_ms >= SPEECH_MS:
                self._spoke.set()
            self._speech_ms = 0

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """They speak over what is said to them: only an assistant can be interrupted."""
        if self.consultation is not None:
            self.consultation.pause(utterance, position, onset_tick, tick)

    def on_ringing(self) -> None:
        """Their telephone rings."""

    def on_answered(self) -> None:
        """They, or a machine, answered."""
        self.answered = True
        self._tell(Answered())

    def on_digit(self, digit: str) -> None:
        """1 takes the call, 2 does not."""
        if digit == ACCEPT_KEY:
            self._tell(Accepted())
        elif digit == DECLINE_KEY:
            self._tell(Declined(Status.CANCELLED, "The call was declined by key."))

    def on_hold(self, held: bool) -> None:
        """They put us on hold: the caller hears what their side plays."""
        if self.consultation is not None:
            self.consultation.hold(held)

    def on_transfer(self, ok: bool, detail: str) -> None:
        """This leg is never sent on."""

    def on_replaced(self, info: LegInfo) -> None:
        """Somebody else goes on in their place."""

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        """They hung up, or never answered."""
        self.ended = True
        self._playout.cut(self._last)
        self._spoke.set()
        for finished in self._finished.values():
            if not finished.done():
                finished.set_result(None)
        why = f"{status} {reason}".strip()
        self._tell(Refused(_STATUS.get(status, Status.FAILED), f"The other side did not take the call: {why}."))

    def _on_report(self, report: Report) -> None:
        finished = self._finished.get(report.utterance)
        done = report.state in (PlayoutState.FINISHED, PlayoutState.CUT)
        if done and finished is not None and not finished.done():
            finished.set_result(None)
