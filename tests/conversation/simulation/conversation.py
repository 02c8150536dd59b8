"""One simulated conversation, from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from gateway.conversation import events as e
from gateway.conversation.context import ToolReturned
from gateway.conversation.endpointing_rules import EndpointingPlan, SmartEndpointing
from gateway.conversation.journal import restore
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.turn import TurnMachine
from gateway.conversation.voicemail import VoicemailPlan
from gateway.link.v1 import link_pb2 as pb
from tests.conversation.simulation import bounds, conditions
from tests.conversation.simulation.caller import SimulatedCaller
from tests.conversation.simulation.conditions import Conditions
from tests.conversation.simulation.gateway import Link, SimulatedGateway
from tests.conversation.simulation.hearing import Ear
from tests.conversation.simulation.referee import Foul, Referee
from tests.conversation.simulation.schedule import Schedule, Steps
from tests.conversation.simulation.sounds import Line
from tests.conversation.simulation.worker import SimulatedWorker

LOOK_MS = 250
"""The referee looks at the clock this often."""
JOURNAL_LOOKS = 80
"""And every 20 s at the journal."""
MACHINES = 0.4
"""Answers by a machine among those to outbound calls."""
LENGTH_MS = (30_000, 240_000)
ACKNOWLEDGEMENTS = ("okay", "mhm", "yes", "right")
INTERRUPTIONS = ("stop", "wait", "no")
OVERLAP = OverlapPlan(acknowledgements=ACKNOWLEDGEMENTS, interruptions=INTERRUPTIONS)
SILENCE = SilencePlan(
    10_000,
    message="I cannot hear you. Goodbye.",
    prompts=(Prompt(3_000, ("Hello?", "Still there?"), most=2, begins_anew=True), Prompt(6_000, ("I hang up soon.",))),
)
PLANS = (
    TurnPlan(greeting="Hello, this is the order desk. How can I help you?", overlap=OVERLAP),
    TurnPlan(overlap=OVERLAP, farewell="Goodbye, and thank you for calling."),
    TurnPlan(greeting="This call may be recorded.", greeting_interruptible=False, overlap=OVERLAP),
    TurnPlan(greeting="Hello.", wait_ms=800, backoff_ms=0, overlap=OverlapPlan()),
    TurnPlan(greeting="Hello.", silence=SILENCE, max_duration_ms=90_000, overlap=OVERLAP),
    TurnPlan(greeting="Hello.", overlap=OverlapPlan(num_words=2, interruptions=INTERRUPTIONS)),
    TurnPlan(greeting="Hello.", overlap=OVERLAP, endpointing=EndpointingPlan(smart=SmartEndpointing.SERVER)),
    TurnPlan(greeting="Hello, this is a call for you.", overlap=OVERLAP, voicemail=VoicemailPlan("Please call back.")),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a conversation went: its length in ms, and what was counted in it."""

    ms: int
    events: int
    turns: int
    replies: int
    interruptions: int
    pauses: int
    reason: str


class Conversation:
    """All parties of one call. Fair and rough conditions alternate with the seed, where none are given."""

    def __init__(
        self,
        seed: int,
        *,
        rough: bool | None = None,
        given: Conditions | None = None,
        plan: TurnPlan | None = None,
        length_ms: int | None = None,
    ) -> None:
        random = Random(seed)
        self.rough = rough = seed % 2 == 1 if rough is None else rough
        given = given or (conditions.ROUGH if rough else conditions.FAIR)
        plan = plan or random.choice(PLANS)
        self.machine_answers = plan.voicemail is not None and random.random() < MACHINES
        self.length_ms = length_ms or random.randint(*LENGTH_MS)
        self.schedule = schedule = Schedule()
        self.machine = TurnMachine(plan)
        line = Line()
        self.referee = Referee(schedule, self.machine, plan, line, bounds.ROUGH if rough else bounds.FAIR)
        self.ear = Ear(schedule, given, Random(random.random()), line, lambda event: self.worker.dispatch(event))
        up = Link(schedule, given.link_ms, Random(random.random()))
        down = Link(schedule, given.link_ms, Random(random.random()))
        self.worker = SimulatedWorker(
            schedule,
            given,
            Random(random.random()),
            self.machine,
            self.referee,
            send=lambda event: down.send(lambda: self.gateway.receive(event)),
            ear=self.ear,
        )
        self.referee.character_ms = self.worker.character_ms
        self.gateway = SimulatedGateway(
            schedule,
            given,
            Random(random.random()),
            tell=lambda event: up.send(lambda: self.worker.receive(event)),
            sent=self.referee.sent,
        )
        self.caller = SimulatedCaller(
            schedule,
            given,
            Random(random.random()),
            line=line,
            ear=self.ear,
            gateway=self.gateway,
            said=self.referee.said,
        )

    def run(self) -> Outcome:
        """Hold the conversation.

        :raises Foul: something happened that must not
        """
        schedule, worker = self.schedule, self.worker
        worker.dispatch(e.Started(0))
        schedule.after(500, lambda: worker.receive(pb.GatewayEvent(answered=pb.Answered(at_ms=0))))
        schedule.spawn(self.caller.answer_as_machine() if self.machine_answers else self.caller.live(self.length_ms))
        schedule.spawn(self._look())
        schedule.run(lambda: self.gateway.ended and self.machine.deadline is None)
        ledger, referee = self.referee.ledger, self.referee
        referee.close(ended_by_agent=bool(ledger.reasons))
        self._check_journal()
        reason = ledger.reasons[0] if ledger.reasons else "customer-ended-call"
        pauses = len(ledger.noticed)
        return Outcome(
            schedule.now, referee.events, referee.turns, worker.replies, referee.interruptions, pauses, reason
        )

    def _look(self) -> Steps:
        looks = 0
        while not self.gateway.ended:
            self.referee.look(exact=not self.rough and not self.ear.mistakes)
            looks += 1
            if looks % JOURNAL_LOOKS == 0:
                self._check_journal()
            yield LOOK_MS

    def _check_journal(self) -> None:
        """The context is what the journal restores, but for the results of tools that the end of the call cut off."""
        worker = self.worker
        restored = restore(worker.journal, self.schedule.now).context.facts
        lost = [fact for fact in restored[len(worker.context.facts) :] if not isinstance(fact, ToolReturned)]
        if restored[: len(worker.context.facts)] != worker.context.facts or lost:
            self.referee.foul("the journal restores another context")


def converse(seed: int, *, rough: bool | None = None) -> Outcome:
    """Hold the conversation of a seed.

    :raises Foul: something happened that must not; the message has the seed and what led to it
    """
    try:
        return Conversation(seed, rough=rough).run()
    except Foul as foul:
        raise Foul(f"seed {seed}: {foul}") from None
