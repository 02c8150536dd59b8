"""What a run found, as figures and a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gateway.chaos.events import Lost, Move
from gateway.chaos.heard import Effect, Heard, Judged, answer_delays, effect, judged
from gateway.chaos.plan import Fault, Part, Plan


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault as it was carried out; ns of the wall clock."""

    fault: Fault
    met: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers may hear, ms; None is not judged, because a busy machine adds to it."""

    silence_ms: float | None = None
    gap_ms: float | None = None


def misheard(call: Heard) -> bool:
    """Whether other words than expected may be due to this machine, which held the caller up."""
    words = judged(call)
    return call.held_up and bool(words.missing or words.repeated or call.unanswered)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of a run. `effects_asked_again` are requests of tools that came again under their key."""

    plan: Plan
    happened: Sequence[Happened]
    calls: Sequence[Heard]
    effects_done: int
    effects_repeated: int
    effects_asked_again: int
    events: Lost
    moves: Sequence[Move] = ()

    def effects(self) -> list[Effect]:
        """Of each fault, what callers heard."""
        return [effect(self.calls, one.start_ns, one.end_ns) for one in self.happened]

    @property
    def taken(self) -> list[Heard]:
        return [call for call in self.calls if not call.refused]

    @property
    def refused(self) -> int:
        """Calls that were not taken and should have been."""
        return sum(bool(call.refused) for call in self.calls) if not self._gateway_hurt() else 0

    def usual_answer_ms(self) -> float | None:
        """The median wait for an answer, whatever happened."""
        delays = sorted(ms for call in self.taken for ms in answer_delays(call, 0, call.ended_ns))
        return delays[len(delays) // 2] if delays else None

    def dropped(self) -> int:
        """Calls that ended before the caller wanted, but for those of a gateway that was hurt."""
        return sum(call.dropped for call in self.taken if not self._lost_its_gateway(call))

    def judged(self) -> Iterator[tuple[Judged, int]]:
        """The words of each call that can be judged, and how many faults of workers it saw."""
        for call in self.taken:
            if self._can_be_judged(call):
                yield judged(call), sum(one.fault.part == Part.WORKER for one in self._during(call))

    def unanswered(self) -> int:
        return sum(call.unanswered for call in self.taken if self._can_be_judged(call))

    def wrong(self, limits: Limits | None = None) -> list[str]:
        """What should not have been, a sentence each."""
        words = list(self.judged())
        # A word that is heard again after a loss is what the caller would say, too; more is not.
        repeated = sum(max(0, len(one.repeated) - faults) for one, faults in words)
        found = {
            "calls were dropped": self.dropped(),
            "calls were refused": self.refused,
            "answers did not come": self.unanswered(),
            "words were missing": sum(len(one.missing) for one, _ in words),
            "words were heard again, beyond one for each loss": repeated,
            "effects of tools took place again": self.effects_repeated,
            "events were lost": self.events.lost,
            "events were out of order": self.events.out_of_order,
            "calls have not exactly one end": self.events.ends_wrong,
        }
        sentences = [f"{count} {what}" for what, count in found.items() if count]
        if not self.taken:
            sentences.append("no call was taken")
        elif all(map(misheard, self.taken)):
            sentences.append("this machine was too busy: all callers were held up while they spoke")
        return sentences + list(self._beyond(limits or Limits()))

    def _beyond(self, limits: Limits) -> Iterator[str]:
        for one, heard in zip(self.happened, self.effects(), strict=True):
            if one.fault.part in (Part.GATEWAY, Part.MACHINE):
                continue
            for what, ms, limit in (
                ("silence", heard.silence_ms, limits.silence_ms),
                ("gap in RTP", heard.gap_ms, limits.gap_ms),
            ):
                if ms is not None and limit is not None and ms > limit:
                    yield f"{one.fault}: {what} of {ms:.0f} ms"

    def _gateway_hurt(self) -> bool:
        return any(one.fault.ends_calls for one in self.happened)

    def _during(self, call: Heard) -> list[Happened]:
        return [one for one in self.happened if call.began_ns < one.end_ns and one.start_ns < call.ended_ns]

    def _can_be_judged(self, call: Heard) -> bool:
        return not (misheard(call) or self._lost_its_gateway(call))

    def _lost_its_gateway(self, call: Heard) -> bool:
        return any(one.fault.ends_calls for one in self._during(call))

    def as_data(self, limits: Limits | None = None) -> dict[str, Any]:
        """For JSON."""
        words = list(self.judged())
        return {
            "seed": self.plan.seed,
            "plan": self.plan.model_dump(mode="json"),
            "faults": [
                {"fault": str(one.fault), "met": one.met, "start_ns": one.start_ns, **asdict(heard)}
                for one, heard in zip(self.happened, self.effects(), strict=True)
            ],
            "moves": [asdict(move) for move in self.moves],
            "calls": len(self.taken),
            "refused": sum(bool(call.refused) for call in self.calls),
            "dropped": self.dropped(),
            "unanswered": self.unanswered(),
            "misheard": sum(map(misheard, self.taken)),
            "answer_ms": self.usual_answer_ms(),
            "words": {
                "missing": [number for one, _ in words for number in one.missing],
                "repeated": [number for one, _ in words for number in one.repeated],
                "others": sum(one.others for one, _ in words),
            },
            "effects": {
                "done": self.effects_done,
                "repeated": self.effects_repeated,
                "asked_again": self.effects_asked_again,
            },
            "events": asdict(self.events),
            "wrong": self.wrong(limits),
        }
