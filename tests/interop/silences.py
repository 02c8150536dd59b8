"""What callers hear between their own words: how soon they are answered, and whether an answer has a hole in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.interop.continuity import from_ports, to_ports
from tests.peers.pcap import Datagram
from tests.peers.rtp import decode
from tests.peers.talk import ActivityRule, Talkspurt, talkspurts

WORDS = ActivityRule(hangover_ms=150)
"""Of an agent that pauses for less than that between words."""
ANSWER_MS = 4000
"""A question that came later than this before the end of the call may stay without an answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One caller's call. `answers_ms` from the end of each question, `holes_ms` inside the answers; `unanswered`
    questions had all the time that there was."""

    answers_ms: tuple[float, ...]
    holes_ms: tuple[float, ...]
    unanswered: int

    @property
    def usual_answer_ms(self) -> float:
        return median(self.answers_ms)

    @property
    def slowest_answer_ms(self) -> float:
        return max(self.answers_ms)

    @property
    def longest_hole_ms(self) -> float:
        return max(self.holes_ms, default=0.0)


def heard_by_callers(captured: Sequence[Datagram], gateway: tuple[int, int]) -> list[Heard]:
    """One for each caller of a gateway with the ports first…last, where each call has its own."""
    agents = {stream.source[1]: stream for stream in from_ports(captured, gateway)}
    return [
        _heard(talkspurts(decode(stream)), talkspurts(decode(agents[port]), WORDS), stream.end_ns)
        for stream in to_ports(captured, gateway)
        if (port := stream.destination[1]) in agents
    ]


def _heard(caller: Sequence[Talkspurt], agent: Sequence[Talkspurt], end_ns: int) -> Heard:
    answers, holes, unanswered = [], [], 0
    for index, question in enumerate(caller):
        until_ns = caller[index + 1].start_ns if index + 1 < len(caller) else end_ns
        said = [spurt for spurt in agent if question.end_ns < spurt.start_ns < until_ns]
        if any(spurt.start_ns <= question.end_ns <= spurt.end_ns for spurt in agent):
            continue
        if not said:
            unanswered += until_ns - question.end_ns > ANSWER_MS * 1e6
            continue
        answers.append((said[0].start_ns - question.end_ns) / 1e6)
        holes += [(after.start_ns - before.end_ns) / 1e6 for before, after in pairwise(said)]
    return Heard(tuple(answers), tuple(holes), unanswered)
