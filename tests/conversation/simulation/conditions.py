"""How fast and how reliable the parties of a simulated conversation are."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]
"""The least and the most, ms."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Delays are spans; everything else is a probability, per occasion."""

    link_ms: Span = (1, 12)
    edge_ms: Span = (0, 40)
    transcript_ms: Span = (80, 350)
    model_ms: Span = (60, 900)
    voice_ms: Span = (20, 250)
    tool_ms: Span = (100, 1_800)
    timer_ms: Span = (0, 5)

    word_times: float = 0.5
    partials: float = 0.0
    judge: float = 0.5
    tools: float = 0.2
    ends_call: float = 0.05

    transcript_lost: float = 0.0
    transcript_empty: float = 0.0
    transcript_wrong: float = 0.0
    transcript_late: float = 0.0
    transcriber_fails: float = 0.0
    model_fails: float = 0.0
    model_hangs: float = 0.0
    voice_fails: float = 0.0
    voice_stumbles: float = 0.0
    tool_slow: float = 0.05
    tool_fails: float = 0.1
    report_lost: float = 0.0
    end_lost: float = 0.0

    worker_lost_ms: int = 0
    """The mean time between two losses of the worker; 0 for none."""
    take_over_ms: Span = (20, 1_500)

    backchannel: float = 0.15
    interruption: float = 0.2
    noise: float = 0.1
    echo: float = 0.0
    side_talk: float = 0.0
    hum: float = 0.0
    keys: float = 0.08
    hold: float = 0.04
    absent: float = 0.02
    live_control: float = 0.02


FAIR = Conditions()
"""Everything works, at the speeds of a good day."""

ROUGH = Conditions(
    link_ms=(1, 150),
    edge_ms=(0, 150),
    transcript_ms=(100, 1_500),
    model_ms=(60, 3_500),
    voice_ms=(20, 1_200),
    tool_ms=(100, 9_000),
    timer_ms=(0, 40),
    partials=0.3,
    transcript_lost=0.03,
    transcript_empty=0.05,
    transcript_wrong=0.15,
    transcript_late=0.05,
    transcriber_fails=0.002,
    model_fails=0.02,
    model_hangs=0.01,
    voice_fails=0.01,
    voice_stumbles=0.1,
    tool_slow=0.2,
    tool_fails=0.2,
    report_lost=0.05,
    end_lost=0.2,
    noise=0.25,
    echo=0.1,
    side_talk=0.08,
    hum=0.03,
    keys=0.12,
    hold=0.08,
    absent=0.05,
    live_control=0.05,
)
"""Every kind of misfortune that a call can meet, more often than any call does."""
