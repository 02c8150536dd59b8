"""One simulated conversation, from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from gateway.conversation import events as e
from gateway.conversation.context import ToolReturned
from gateway.conversation.endpointing_rules import EndpointingPlan, SmartEndpointing
from gateway.conversation.journal import Restored, restore
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine
from gateway.conversation.voicemail import VoicemailPlan
from gateway.link.v1 import link_pb2 as pb
from tests.conversation.simulation import bounds, conditions
from tests.conversation.simulation.accounts import faults
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
CHARACTER_MS = (55, 75)
"""The pace of the voice: one per conversation."""
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
    losses: int = 0


class Conversation:
    """All parties of one call. Fair and rough conditions alternate with the seed, where none are given.

    :param lose_at: the number of the event after which the worker is lost, 0 for none
    """

    def __init__(
        self,
        seed: int,
        *,
        rough: bool | None = None,
        given: Conditions | None = None,
        plan: TurnPlan | None = None,
        length_ms: int | None = None,
        lose_at: int = 0,
    ) -> None:
        random = Random(seed)
        self._lose_at = lose_at
        self.rough = rough = seed % 2 == 1 if rough is None else rough
        given = given or (conditions.ROUGH if rough else conditions.FAIR)
        plan = plan or random.choice(PLANS)
        self.machine_answers = plan.voicemail is not None and random.random() < MACHINES
        self.length_ms = length_ms or random.randint(*LENGTH_MS)
        self.schedule = schedule = Schedule()
        self.machine = TurnMachine(plan)
        self.losses = 0
        self._plan, self._given, self._random = plan, given, random
        self._line = line = Line()
        self.referee = Referee(schedule, self.machine, plan, line, bounds.ROUGH if rough else bounds.FAIR)
        self.referee.character_ms = random.randint(*CHARACTER_MS)
        self.ear = self._make_ear()
        self._up = Link(schedule, given.link_ms, Random(random.random()))
        self._down = Link(schedule, given.link_ms, Random(random.random()))
        self.worker = self._make_worker()
        self.gateway = SimulatedGateway(
            schedule,
            given,
            Random(random.random()),
            tell=self._tell,
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

    def _make_ear(self) -> Ear:
        """Of the worker that is made next."""
        number = self.losses

        def tell(event: e.Event) -> None:
            if number == self.losses:
                self.worker.dispatch(event)

        return Ear(self.schedule, self._given, Random(self._random.random()), self._line, tell)

    def _make_worker(self, restored: Restored | None = None) -> SimulatedWorker:
        worker: SimulatedWorker

        def send(event: pb.WorkerEvent) -> None:
            sent_ms = self.schedule.now
            self._down.send(lambda: self._arrive(worker, sent_ms, event))

        worker = SimulatedWorker(
            self.schedule,
            self._given,
            Random(self._random.random()),
            self.machine,
            self.referee,
            send=send,
            ear=self.ear,
            character_ms=self.referee.character_ms,
            effect=self.referee.effect,
            restored=restored,
        )
        return worker

    def _arrive(self, worker: SimulatedWorker, sent_ms: int, event: pb.WorkerEvent) -> None:
        """What was on its way when its worker was lost does not count."""
        if worker is self.worker and not worker.lost:
            self.gateway.heard_worker(sent_ms)
            self.gateway.receive(event)

    def _tell(self, event: pb.GatewayEvent) -> None:
        worker = self.worker
        self._up.send(lambda: worker.receive(event))

    # ------------------------------------------------------------ a worker is lost

    def _lose_workers(self) -> Steps:
        """Now and then one is gone, and some time later another one has the call."""
        while not self.gateway.ended:
            yield round(self._random.expovariate(1 / self._given.worker_lost_ms))
            if self.machine.state is not State.OPENING and self.gateway.needs_worker:
                self.lose_worker()
                yield self._random.randint(*self._given.take_over_ms)
                self.take_over()

    def lose_worker(self) -> None:
        """With all that it knew and was doing."""
        self.losses += 1
        self.worker.lose()
        self.referee.lost()
        self.gateway.lose_worker()

    def take_over(self) -> None:
        """Another worker goes on from the journal."""
        if self.gateway.ended:
            return
        journal = self.gateway.hand_over()
        restored = restore(journal, self.schedule.now)
        self.machine = TurnMachine(self._plan)
        mistakes, self.ear = self.ear.mistakes, self._make_ear()
        self.ear.mistakes = mistakes
        self.worker = self._make_worker(restored)
        self.caller.change_ear(self.ear)
        self.referee.taken_over(self.machine, restored.turn)
        known = max((int(entry.data["end_ms"]) for entry in journal if entry.kind == "caller-turn"), default=0)
        self.worker.begin(restored, known)
        self.gateway.tell_again()

    def run(self) -> Outcome:
        """Hold the conversation.

        :raises Foul: something happened that must not
        """
        schedule, worker = self.schedule, self.worker
        worker.dispatch(e.Started(0))
        schedule.after(500, lambda: worker.receive(pb.GatewayEvent(answered=pb.Answered(at_ms=0))))
        schedule.spawn(self.caller.answer_as_machine() if self.machine_answers else self.caller.live(self.length_ms))
        schedule.spawn(self._look())
        if self._given.worker_lost_ms:
            schedule.spawn(self._lose_workers())
        schedule.run(self._is_over)
        ledger, referee = self.referee.ledger, self.referee
        if not self.worker.lost:
            referee.close(ended_by_agent=bool(ledger.reasons))
            self._check_journal()
        for fault in faults(self.gateway.journal, referee.words_sent, referee.words_off):
            referee.foul(fault)
        reason = ledger.reasons[0] if ledger.reasons else "customer-ended-call"
        pauses = len(ledger.noticed)
        return Outcome(
            schedule.now,
            referee.events,
            referee.turns,
            worker.replies,
            referee.interruptions,
            pauses,
            reason,
            self.losses,
        )

    def _is_over(self) -> bool:
        if self._lose_at and self.referee.events >= self._lose_at:
            self._lose_at = 0
            if self.gateway.needs_worker:
                self.lose_worker()
                self.schedule.after(self._random.randint(*self._given.take_over_ms), self.take_over)
        return self.gateway.ended and (self.worker.lost or self.machine.deadline is None)

    def _look(self) -> Steps:
        looks = 0
        while not self.gateway.ended:
            looks += 1
            if self.worker.lost:
                yield LOOK_MS
                continue
            self.referee.look(exact=not self.rough and not self.ear.mistakes)
            if looks % JOURNAL_LOOKS == 0:
                self._check_journal()
            yield LOOK_MS

    def _check_journal(self) -> None:
        """The context is what the journal restores, but for the results of tools that the end of the call cut off."""
        worker = self.worker
        if self.losses:
            return  # a journal of several workers: who took over began with what it restores
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
