"""Whether audio flows in both directions, from what a call's RTP counts and its frames tell about once a second.

Three ways in which a call that looks fine is none: nothing comes, silence comes, or nothing of ours arrives. Who only
listens is none of them: a telephone sends the noise of its room, or comfort noise, or was heard before. A call that
gives no sign of life for long, neither RTP nor a report, has timed out.

Pure: times are seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

NOTICE_SECONDS = 4.0
"""How long it is so before it is told; a look comes once a second."""
_SMALLER = 0.98
"""Packets below this part of the usual size are comfort noise (RFC 3389): silence follows that is meant."""
_ALL_LOST = 0.8
"""Lost packets that the far end reports, by those sent between two looks; reports come between them."""
_ENOUGH_SENT = 25


class Sense(StrEnum):
    """Which way audio does not go."""

    NOTHING_RECEIVED = "nothing-received"
    ONLY_SILENCE_RECEIVED = "only-silence-received"
    NOTHING_ARRIVES = "nothing-arrives"


@dataclass(frozen=True, slots=True)
class Look:
    """What is known at `at`: RTP packets and payload bytes received, RTCP reports, packets sent and of these lost, as
    far as the call has come. `sound` is whether anything but digital silence was heard since the look before."""

    at: float
    packets: int = 0
    payload_bytes: int = 0
    reports: int = 0
    sent: int = 0
    lost_remote: int = 0
    sound: bool = False


@dataclass(frozen=True, slots=True)
class Began:
    """Audio goes one way."""

    sense: Sense


@dataclass(frozen=True, slots=True)
class Over:
    """Audio goes this way again."""

    sense: Sense


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No sign of life for `seconds`."""

    seconds: float


Finding = Began | Over | TimedOut


class OneWayAudio:
    """Watches one answered call.

    :param start_timeout: seconds without a first sign of life, 0 for ever
    :param timeout: seconds without any later on, 0 for ever
    """

    def __init__(self, *, start_timeout: float, timeout: float, now: float) -> None:
        self._start_timeout = start_timeout
        self._timeout = timeout
        self._last = self._reported = Look(now)
        self._packet_at = self._alive_at = self._waiting_since = now
        self._usual_bytes = 0.0
        self._alive = self._heard = self._comfort_noise = self._held = False
        self._senses: set[Sense] = set()

    def hold(self, held: bool, now: float) -> None:
        """The far end holds us, or took us back: on hold nothing is missed, and afterwards everything begins anew."""
        self._held = held
        self._packet_at = self._alive_at = self._waiting_since = now
        self._comfort_noise = False

    def look(self, look: Look) -> list[Finding]:
        """What is new."""
        if look.packets < self._last.packets or look.sent < self._last.sent:  # another stream: it counts from 0
            self._last = self._reported = Look(self._last.at)
        self._take(look)
        last_report, self._last = self._reported, look
        if look.reports > last_report.reports:
            self._reported = look
        if self._held:
            return []
        found = [*self._changed(look, last_report)]
        limit = self._timeout if self._alive else self._start_timeout
        if limit and look.at - self._alive_at >= limit:
            found.append(TimedOut(limit))
        return found

    def _take(self, look: Look) -> None:
        packets = look.packets - self._last.packets
        if packets:
            self._packet_at = look.at
            size = (look.payload_bytes - self._last.payload_bytes) / packets
            self._comfort_noise = size < _SMALLER * self._usual_bytes
            self._usual_bytes = max(size, self._usual_bytes)
        if packets or look.reports > self._last.reports:
            self._alive, self._alive_at = True, look.at
        self._heard |= look.sound

    def _changed(self, look: Look, last_report: Look) -> Iterator[Finding]:
        for sense, is_so in (
            (Sense.NOTHING_RECEIVED, self._nothing_received(look)),
            (Sense.ONLY_SILENCE_RECEIVED, self._only_silence(look)),
            (Sense.NOTHING_ARRIVES, self._nothing_arrives(look, last_report)),
        ):
            if is_so and sense not in self._senses:
                self._senses.add(sense)
                yield Began(sense)
            elif is_so is False and sense in self._senses:
                self._senses.discard(sense)
                yield Over(sense)

    def _nothing_received(self, look: Look) -> bool:
        return look.at - self._packet_at >= NOTICE_SECONDS and not self._comfort_noise

    def _only_silence(self, look: Look) -> bool:
        flows = look.packets > 0 and look.at - self._packet_at < NOTICE_SECONDS
        return flows and not self._heard and look.at - self._waiting_since >= NOTICE_SECONDS

    def _nothing_arrives(self, look: Look, before: Look) -> bool | None:
        """None while no report is new."""
        sent = look.sent - before.sent
        if look.reports == before.reports or sent < _ENOUGH_SENT:
            return None
        return (look.lost_remote - before.lost_remote) / sent >= _ALL_LOST
