"""The fast voice detector's rules: when a caller speaks, decided within frames, without a model.

One `FastVad` per leg, stepped once per 20 ms frame with what the media thread measured; no clock, no audio inside.

A frame counts as voiced when webrtcvad says so and its level passes the gate:

- above an absolute floor, so that line noise of a dead quiet line never counts;
- `over_noise_db` above the tracked noise floor, which falls at once and rises slowly, so that a fan is learnt and a
  word is not;
- while we are playing, and for `echo_tail` frames after, `echo_margin_db` above what the line returns of our own voice:
  a hybrid or a loudspeaker returns it weaker than it was sent. How much weaker is learnt while we sound: the loss falls
  quickly when something louder comes back, and rises slowly while nothing does. The caller's words over ours do not
  teach much, for they pause us.

Speech begins when `onset_of` of the last `onset_window` frames were voiced, and ends after `hangover` frames without.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SILENCE_DB = -96.0
"""Level of digital silence, dB below full scale."""


@dataclass(frozen=True, slots=True)
class FastVadRules:
    """Levels in dB relative to full scale (RMS), lengths in frames of 20 ms.

    The defaults were chosen on the tuning half of `bench/overlaps`: no false pause in 24 calls of 12 s with an echo 12
    to 24 dB down, where a fixed loss of 16 dB had 67, and the agent silent 52 ms after a clean onset in the median.
    """

    onset_of: int = 2
    onset_window: int = 3
    hangover: int = 10
    floor_db: float = -50.0
    over_noise_db: float = 12.0
    noise_ceiling_db: float = -30.0
    noise_rise_db: float = 0.08
    """Per frame: 4 dB a second."""
    echo_loss_db: float = 12.0
    """Of a line that is not known yet."""
    least_loss_db: float = 6.0
    most_loss_db: float = 20.0
    echo_margin_db: float = 4.0
    loss_fall_db: float = 1.0
    """Per frame, at most."""
    loss_rise_db: float = 0.1
    """Per frame: 5 dB a second."""
    echo_tail: int = 15
    """300 ms: line and loudspeaker echo return within it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`speech`: the caller speaks. `onset_tick` is set in the frame where speech begins: its first voiced tick."""

    speech: bool
    onset_tick: int | None = None


_SILENT = Verdict(speech=False)
_SPEAKING = Verdict(speech=True)


class FastVad:
    """State of one leg's detector."""

    __slots__ = (
        "_agent_db",
        "_echo_frames",
        "_echo_from_db",
        "_loudest_db",
        "_rules",
        "_speech",
        "_unvoiced",
        "_voiced_ticks",
        "loss_db",
        "noise_db",
    )

    def __init__(self, rules: FastVadRules | None = None) -> None:
        self._rules = rules or FastVadRules()
        self._voiced_ticks: deque[int] = deque(maxlen=self._rules.onset_of)
        self._agent_db: deque[float] = deque(maxlen=self._rules.echo_tail)
        self._echo_from_db = self._rules.floor_db + self._rules.least_loss_db
        self._echo_frames = 0
        self._loudest_db = SILENCE_DB
        self.loss_db = self._rules.echo_loss_db
        self._speech = False
        self._unvoiced = 0
        self.noise_db = self._rules.floor_db - self._rules.over_noise_db

    def gate_db(self) -> float:
        """The level that the next frame must exceed to count: below it there is no need to ask webrtcvad."""
        rules = self._rules
        gate = self.noise_db + rules.over_noise_db
        if gate < rules.floor_db:
            gate = rules.floor_db
        return max(gate, self._loudest_db - self.loss_db + rules.echo_margin_db) if self._echo_frames else gate

    def heard(self, agent_db: float) -> None:
        """Our own level in this tick, before `step`: the echo of it may be in the frames that follow."""
        self._agent_db.append(agent_db)
        # the echo of anything quieter is below the floor, and most of a call we are silent
        if agent_db > self._echo_from_db:
            self._echo_frames = self._rules.echo_tail
        elif self._echo_frames:
            self._echo_frames -= 1
        if self._echo_frames:
            self._loudest_db = max(self._agent_db)

    def rests(self, level_db: float, agent_db: float) -> bool:
        """Take a frame of which nothing follows: below the floor, nobody speaks, and no echo is waited for. False, and
        nothing is taken, where it is another."""
        if self._speech or self._echo_frames or level_db > self._rules.floor_db or agent_db > self._echo_from_db:
            return False
        noise_db = self.noise_db
        if level_db < noise_db:
            self.noise_db = max(level_db, SILENCE_DB)
        elif level_db > noise_db:
            self.noise_db = min(noise_db + self._rules.noise_rise_db, level_db, self._rules.noise_ceiling_db)
        self._unvoiced += 1
        self._agent_db.append(agent_db)
        return True

    def step(self, tick: int, level_db: float, *, voiced: bool) -> Verdict:
        """One frame of the caller.

        :param voiced: webrtcvad's word for a frame above `gate_db()`, False for a frame below
        """
        if level_db != self.noise_db:
            self._track_noise(level_db)
        if self._echo_frames and self._agent_db[-1] > self._echo_from_db:
            self._learn_loss(level_db)
        if voiced:
            self._voiced_ticks.append(tick)
            self._unvoiced = 0
        else:
            self._unvoiced += 1
        if self._speech:
            return self._go_on()
        return self._begin(tick) if voiced else _SILENT

    def _begin(self, tick: int) -> Verdict:
        ticks, rules = self._voiced_ticks, self._rules
        if len(ticks) < rules.onset_of or tick - ticks[0] >= rules.onset_window:
            return _SILENT
        self._speech = True
        return Verdict(speech=True, onset_tick=ticks[0])

    def _go_on(self) -> Verdict:
        if self._unvoiced < self._rules.hangover:
            return _SPEAKING
        self._speech = False
        self._voiced_ticks.clear()
        return _SILENT

    def _learn_loss(self, level_db: float) -> None:
        rules, seen = self._rules, self._loudest_db - level_db
        if seen < self.loss_db:
            self.loss_db = max(seen, self.loss_db - rules.loss_fall_db, rules.least_loss_db)
        elif self.loss_db < rules.most_loss_db:
            self.loss_db += rules.loss_rise_db

    def _track_noise(self, level_db: float) -> None:
        rules = self._rules
        if level_db < self.noise_db:
            self.noise_db = max(level_db, SILENCE_DB)
        else:
            self.noise_db = min(self.noise_db + rules.noise_rise_db, level_db, rules.noise_ceiling_db)
