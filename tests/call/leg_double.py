"""A leg in memory: plays like the media bridge, frame by frame, when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.call.attempts import Failure
from gateway.call.dialog import KeptDialog
from gateway.call.leg import NO_HEADERS, Direction, Leg, LegFrame, LegInfo, LegListener, MediaStatistics
from gateway.errors import LegError
from gateway.media.audio import FRAME_BYTES, FRAME_SAMPLES
from gateway.recording.packet import PacketSink

CAPACITY = 32_000
SILENCE = bytes(FRAME_BYTES)


@dataclass
class Segment:
    """A run of one utterance in the ring."""

    utterance: int
    position: int
    pcm: bytes
    final: bool


@dataclass
class Ring:
    """The play ring of a leg, with the rules of the C bridge: one utterance per tick, a flush takes a tick."""

    segments: list[Segment] = field(default_factory=list)
    paused: bool = False
    armed: bool = True
    flushed: Segment | None = None
    capacity: int = CAPACITY
    sent: bytes = b""

    def queued(self) -> int:
        return sum(len(segment.pcm) // 2 for segment in self.segments)

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        accepted = min(len(pcm) // 2, self.capacity - self.queued())
        ends = final and accepted == len(pcm) // 2
        last = self.segments[-1] if self.segments else None
        if not (
            last and last.utterance == utterance and not last.final and last.position + len(last.pcm) // 2 == offset
        ):
            if not accepted and not ends:
                return 0
            last = Segment(utterance, offset, b"", False)
            self.segments.append(last)
        last.pcm += pcm[: accepted * 2]
        last.final = ends
        return accepted

    def arm_pause(self, armed: bool) -> None:
        self.armed = armed

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def flush(self) -> None:
        if self.segments and self.flushed is None:
            self.flushed = self.segments[0]
        self.segments.clear()
        self.paused = False

    def tick(self) -> tuple[int, int, bytes, bool, bool]:
        """One frame: utterance, position, PCM, finished, underrun. `sent` grows by what left, silence apart."""
        if self.flushed is not None:
            cut, self.flushed = self.flushed, None
            return cut.utterance, cut.position, SILENCE, False, False
        while len(self.segments) > 1 and not self.segments[0].pcm and not self.segments[0].final:
            self.segments.pop(0)
        if not self.segments:
            return 0, 0, SILENCE, False, False
        head = self.segments[0]
        if self.paused:
            return head.utterance, head.position, SILENCE, False, False
        out, head.pcm = head.pcm[:FRAME_BYTES], head.pcm[FRAME_BYTES:]
        head.position += len(out) // 2
        self.sent += out
        finished = head.final and not head.pcm
        underrun = len(out) < FRAME_BYTES and not head.final and len(self.segments) == 1
        if finished:
            self.segments.pop(0)
        return head.utterance, head.position, out.ljust(FRAME_BYTES, b"\0"), finished, underrun


def inbound(**changes: object) -> LegInfo:
    known: dict[str, object] = {
        "direction": Direction.INBOUND,
        "caller": "sip:alice@127.0.0.1",
        "called": "sip:600@127.0.0.1",
        "number": "600",
        "trunk": None,
        "signalling_id": "abc@127.0.0.1",
        "headers": {},
    }
    return LegInfo(**{**known, **changes})  # type: ignore[arg-type]


class MemoryLeg:
    """Implements `Leg`. Ticks only when told; keeps what was sent to the far end in `sent`."""

    def __init__(self, info: LegInfo | None = None, *, answers: bool = True) -> None:
        self._info = info or inbound()
        self.ring = Ring()
        self.listener: LegListener | None = None
        self.answers = answers
        self.sink: PacketSink | None = None
        self.keep: Callable[[KeptDialog], None] = lambda dialog: None
        self.alerted = False
        self.answered = False
        self.ended = False
        self.refused: tuple[int, int | None] | None = None
        self.redirected_to = ""
        self.refusal_headers: list[tuple[str, str]] = []
        self.hung_up: str | None = None
        self.hangup_headers: dict[str, str] = {}
        self.transfers: list[str] = []
        self.transfer_headers: list[dict[str, str]] = []
        self.joinable = True
        self.transfers_given_up = 0
        self.joined: list[Leg] = []
        self.agents_of: list[Leg] = []
        self.backgrounds: list[bytes] = []
        self.digits: list[str] = []
        self.requests: list[tuple[str, dict[str, str], str, str]] = []
        self.request_answer = (200, "OK")
        self.sent: list[bytes] = []
        self.next_tick = 0
        self.jitter_ms: float | None = 20.0
        self.responded = False
        self.decide: Callable[[Failure], bool] = lambda failure: False

    @property
    def software(self) -> str:
        return self._info.headers.get("User-Agent", "")

    @property
    def info(self) -> LegInfo:
        return self._info

    @property
    def armed(self) -> bool:
        return self.ring.armed

    def attach(self, listener: LegListener) -> None:
        self.listener = listener

    def capture(self, sink: PacketSink) -> None:
        self.sink = sink

    def keep_dialog(self, keep: Callable[[KeptDialog], None]) -> None:
        self.keep = keep

    async def alert(self) -> None:
        self.alerted = True

    async def answer(self) -> None:
        if self.ended:
            raise LegError("The caller is gone.")
        self.answered = True
        if self.answers:
            self._told.on_answered()

    async def refuse(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        reason: str = "",
        contact: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.refused = (status, retry_after)
        self.redirected_to = contact
        self.refusal_headers = list(headers)
        self.end(status, by_remote=False)

    async def hangup(self, reason: str = "", headers: Mapping[str, str] = NO_HEADERS) -> None:
        if self.hung_up is None:
            self.hung_up = reason
            self.hangup_headers = dict(headers)
            self.end(200, by_remote=False)

    def on_failure(self, decide: Callable[[Failure], bool]) -> None:
        self.decide = decide

    async def give_up(self) -> bool:
        return not self.responded

    def fail(self, failure: Failure) -> None:
        """An attempt that nobody answered: the end, unless another one follows."""
        if not self.decide(failure):
            self.end(failure.status)

    async def transfer(self, destination: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.transfers.append(destination)
        self.transfer_headers.append(dict(headers))

    async def transfer_to(self, other: Leg, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.transfers.append(f"attended {other.info.called}")
        self.transfer_headers.append(dict(headers))

    async def give_up_transfer(self) -> None:
        self.transfers_given_up += 1

    async def join(self, other: Leg) -> None:
        if self.ended or not getattr(other, "joinable", True):
            raise LegError("One of the two calls has no sound, so they cannot hear each other.")
        self.joined.append(other)

    async def part(self, other: Leg) -> None:
        self.joined = [one for one in self.joined if one is not other]

    async def hears_agent_of(self, other: Leg, on: bool) -> None:
        self.agents_of = [one for one in self.agents_of if one is not other] + ([other] if on else [])

    async def background(self, pcm: bytes) -> None:
        self.backgrounds.append(pcm)

    async def send_digits(self, digits: str, *, info: bool = False) -> None:
        self.digits.append(f"INFO {digits}" if info else digits)

    async def send_request(
        self, method: str, headers: Mapping[str, str], body: str, content_type: str
    ) -> tuple[int, str]:
        self.requests.append((method, dict(headers), body, content_type))
        return self.request_answer

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        return self.ring.play(utterance, offset, pcm, final=final)

    def queued(self) -> int:
        return self.ring.queued()

    def arm_pause(self, armed: bool) -> None:
        self.ring.arm_pause(armed)

    def pause(self) -> None:
        self.ring.pause()

    def resume(self) -> None:
        self.ring.resume()

    def flush(self) -> None:
        self.ring.flush()

    async def statistics(self) -> MediaStatistics | None:
        return MediaStatistics("PCMU", self.next_tick, self.next_tick, 0, 0, 1.5, 12.0) if self.next_tick else None

    def waited_ms(self, tick: int) -> float | None:
        return self.jitter_ms if tick >= 0 else None

    def describe(self) -> str:
        return "memory"

    # ---------------------------------------------------------------- the far end

    @property
    def _told(self) -> LegListener:
        assert self.listener is not None
        return self.listener

    def frame(self, caller: bytes = SILENCE, *, present: bool = True) -> LegFrame:
        """One media tick."""
        paused = self.ring.paused
        utterance, position, agent, finished, underrun = self.ring.tick()
        tick, self.next_tick = self.next_tick, self.next_tick + 1
        frame = LegFrame(
            tick, tick * 20_000_000, caller, agent, utterance, position, present, False, finished, underrun, paused
        )
        self.sent.append(agent)
        self._told.on_frame(frame)
        return frame

    def frames(self, count: int, caller: bytes = SILENCE) -> Iterator[LegFrame]:
        """Several media ticks."""
        for _ in range(count):
            yield self.frame(caller)

    def speak_over(self, onset_frames_ago: int = 2) -> bool:
        """The fast VAD hears the caller; pauses when it is armed and something plays."""
        if not self.ring.armed or not self.ring.segments:
            return False
        head = self.ring.segments[0]
        self.ring.pause()
        self._told.on_pause(head.utterance, head.position, self.next_tick - 1 - onset_frames_ago, self.next_tick - 1)
        return True

    def redialled(self, **changes: object) -> None:
        """The next attempt is on its way."""
        self._info = replace(self._info, **changes)  # type: ignore[arg-type]

    def end(self, status: int = 200, *, by_remote: bool = True) -> None:
        """The leg is gone."""
        if not self.ended:
            self.ended = True
            if self.listener is None:
                return
            self._told.on_ended(status, "", by_remote=by_remote)

    def heard(self) -> bytes:
        """All that left, without silence."""
        return b"".join(frame for frame in self.sent if frame != SILENCE)


assert FRAME_SAMPLES * 2 == FRAME_BYTES
