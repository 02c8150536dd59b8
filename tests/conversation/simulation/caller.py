"""A simulated caller: speaks, listens, and does all that callers do to an agent."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.conversation.simulation.conditions import Conditions
from tests.conversation.simulation.gateway import SimulatedGateway
from tests.conversation.simulation.hearing import Ear
from tests.conversation.simulation.schedule import Schedule, Steps
from tests.conversation.simulation.sounds import Kind, Line, Sound, Word

SENTENCES = (
    "what time is it",
    "I would like to change my order please",
    "yes",
    "no",
    "my number is four two",
    "one nine seven three",
    "can you tell me when you open and",
    "that is not what I meant I wanted the other one",
    "could I speak to somebody about the bill that came last week",
    "okay thank you",
)
MAILBOX = "you have reached the mailbox of somebody who is out please leave a message after the tone"
BACKCHANNELS = ("okay", "mhm", "yes", "right")
SYLLABLES = ("ba", "de", "ki", "lo", "mu", "ra", "se", "ti", "vo", "zu")
WORD_MS = (180, 420)
PAUSE_MS = (140, 1_300)
PATIENCE_MS = 12_000
GONE_QUIET_MS = 400
LOOK_MS = 100


class SimulatedCaller:
    """Lives from the answer to the end of the call.

    :param said: told of every stretch of a statement when it begins, and whether the agent was speaking then
    """

    def __init__(
        self,
        schedule: Schedule,
        conditions: Conditions,
        random: Random,
        *,
        line: Line,
        ear: Ear,
        gateway: SimulatedGateway,
        said: Callable[[Sound], None],
    ) -> None:
        self.on_hold = False
        self._schedule = schedule
        self._conditions = conditions
        self._random = random
        self._line = line
        self._ear = ear
        self._gateway = gateway
        self._said = said
        self._names = 0

    def live(self, length_ms: int) -> Steps:
        """The call from the caller's side; hangs up after `length_ms` if nobody did before."""
        yield self._random.randint(200, 3_000)
        while self._schedule.now < length_ms and not self._gateway.ended:
            if self._hears_agent:
                yield from self._over_agent()
            else:
                yield from self._on_the_floor()
        self._gateway.end("customer-ended-call")

    def answer_as_machine(self) -> Steps:
        """A greeting that is longer than a human's, a beep, and a recorder that waits."""
        yield self._random.randint(200, 2_000)
        words = MAILBOX.split()
        yield from self._make(Kind.BACKCHANNEL, words[self._random.randrange(len(words) // 2) :])
        yield self._random.randint(100, 2_500)
        if self._happens(0.8):
            self._ear.beep(self._schedule.now + 400)
        yield 90_000
        self._gateway.end("customer-ended-call")

    def change_ear(self, ear: Ear) -> None:
        """Another worker listens from here on."""
        self._ear = ear
        if self.on_hold:
            ear.hold(True)

    @property
    def _hears_agent(self) -> bool:
        heard = self._gateway.heard_ms
        return heard > 0 and self._schedule.now - heard < GONE_QUIET_MS

    def _happens(self, probability: float) -> bool:
        return self._random.random() < probability

    # ------------------------------------------------------------ moves

    def _over_agent(self) -> Steps:
        """A second of the agent's speech: something happens, or the caller listens."""
        conditions = self._conditions
        yield self._random.randint(50, 900)
        if not self._hears_agent:
            return
        if self._happens(conditions.interruption):
            yield from self._say(self._sentence(self._random.choice(SENTENCES)))
            yield from self._await_agent()
        elif self._happens(conditions.backchannel):
            yield from self._make(Kind.BACKCHANNEL, [self._random.choice(BACKCHANNELS)])
        elif self._happens(conditions.noise):
            yield from self._noise(self._random.randint(40, 500))
        elif self._happens(conditions.echo):
            yield from self._make(Kind.ECHO, ["the", "office", "opens"])
        elif self._happens(conditions.side_talk):
            yield from self._make(Kind.SIDE_TALK, ["where", "did", "you", "put", "the", "car", "keys", "then"])
        elif self._happens(conditions.keys / 4):
            yield from self._keys()
        else:
            yield from self._rarely()

    def _on_the_floor(self) -> Steps:
        """The agent is silent: usually the caller says something and waits for an answer."""
        yield self._random.randint(200, 1_500)
        if self._hears_agent:
            return
        conditions = self._conditions
        if self._happens(conditions.keys):
            yield from self._keys()
        elif self._happens(conditions.absent):
            yield self._random.randint(5_000, 50_000)
        elif self._happens(conditions.noise):
            yield from self._noise(self._random.randint(40, 900))
        elif self._happens(conditions.hum):
            yield from self._noise(self._random.randint(10_000, 60_000))
        else:
            yield from self._rarely()
            yield from self._say(self._sentence(self._random.choice(SENTENCES)))
        yield from self._await_agent()

    def _rarely(self) -> Steps:
        """What happens from outside."""
        if self._happens(self._conditions.hold):
            self._hold(True)
            yield self._random.randint(500, 40_000)
            self._hold(False)
        elif self._happens(self._conditions.live_control):
            self._gateway.say("The line will be cut soon.", end_call_after=self._happens(0.2))

    def _hold(self, held: bool) -> None:
        self.on_hold = held
        self._gateway.hold(held)

    def _await_agent(self) -> Steps:
        """Wait until the agent speaks, then until it has spoken, or not."""
        begun = self._schedule.now
        while not self._hears_agent and self._schedule.now - begun < PATIENCE_MS and not self._gateway.ended:
            if self._happens(0.003):
                return  # goes on by itself
            if self._happens(self._conditions.noise / 20):
                yield from self._noise(self._random.randint(40, 900))
            yield LOOK_MS

    def _keys(self) -> Steps:
        for digit in self._random.choice(("1", "42#", "4711", "#", "90#")):
            self._gateway.key(digit)
            yield self._random.randint(120, 900)

    def _noise(self, ms: int) -> Steps:
        self._begin(Sound(Kind.NOISE, self._schedule.now, self._schedule.now + ms))
        yield ms

    # ------------------------------------------------------------ speech

    def _sentence(self, text: str) -> list[str]:
        """The sentence with a name before it that was never said before: so a lost first word is noticed."""
        self._names += 1
        name = "".join(SYLLABLES[int(digit)] for digit in str(self._names))
        return [name, *text.split()]

    def _say(self, words: list[str]) -> Steps:
        """A sentence, with pauses inside at times; a caller whom the agent interrupts there may leave it at that."""
        while words:
            piece = len(words) if self._happens(0.6) else self._random.randint(1, len(words))
            yield from self._make(Kind.STATEMENT, words[:piece])
            words = words[piece:]
            if words:
                yield self._random.randint(*PAUSE_MS)
                if self._hears_agent and self._happens(0.5):
                    return

    def _make(self, kind: Kind, texts: list[str]) -> Steps:
        """Speak without a pause."""
        at, words = self._schedule.now, []
        for text in texts:
            end = at + self._random.randint(*WORD_MS)
            words.append(Word(text, at, end))
            at = end
        self._begin(Sound(kind, self._schedule.now, at, tuple(words)))
        yield at - self._schedule.now

    def _begin(self, sound: Sound) -> None:
        if self.on_hold or self._gateway.ended:
            return
        self._line.add(sound)
        if sound.kind is Kind.STATEMENT:
            self._said(sound)
        self._ear.hears(sound)
        self._gateway.caller_sounds(sound)
