"""The journal of a conversation: facts, one per entry, that rebuild it elsewhere.

    caller-turn   turn, text, start_ms, end_ms, source
    agent-turn    turn, reply, kind, text, heard, interrupted, start_ms
    tool-call     turn, id, name, arguments, key        before the tool is called; repeatable
    tool-result   turn, id, name, ok, result, ms; ends: the reason with which the call ends after what is said
    tool-request  id, name, url, method, status, ms, attempts, key, request, response, parse, error
    utterance     utterance, turn, text                 before the utterance may be heard; interruptible, filler;
                                                        once more when a model that speaks by itself told more text
    reply         turn, kind, text                      all that a reply says, once it is known; passages marked
    ending        reason: the call ends with it after what is being said; empty when it does not any more
    playout       by the gateway, when a worker was lost: `gateway.call.move.spoken`
    interruption  utterance, reason                     all up to this one is cut
    latency       turn, utterance, speech_end_ms, endpointing, transcriber, model, voice
    usage         rows: what was used so far of each provider, all workers of the call together
    message       turn, role, content                   what live control or a hook put into the conversation; answer:
                                                        it is to be answered
    variable      values: template variables that became known
    handoff       from, to, member, mode, messages, tool, members    before another assistant takes the call over:
                                                        `members` are those that the call did not have before
    key           digit: pressed, until a caller-turn tells of it
    say           text, end_call_after, interruptible   asked for, until a reply of kind `say` begins
    assistant     member, name, assistantId, assistant, from    an assistant has the call from here on
    note          event, and what belongs to it

Only the facts (the first four, and messages) make the conversation's context, and handoffs say how much of it the next
assistant sees. The other kinds tell how it went, and which words were on their way when a worker died.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.conversation.context import Added, AgentSaid, CallerSaid, Context, Fact, Part, ToolCalled, ToolReturned
from gateway.conversation.context_plan import ContextPlan, handed_over
from gateway.conversation.underway import Underway, UnderwayReader
from gateway.conversation.waiting import Waiting
from gateway.providers.base import ChatMessage

LOST_TOOL = (
    "The connection was lost while this ran: it is not known whether it was done, and it was not tried again. Do not "
    "say that it was done, and do not use it again at once. If another tool can tell, look it up; else say that you "
    "are not sure that it worked, and ask the caller how to go on."
)

HANDED_OVER = "The conversation was handed over."
"""What a handoff tool brought whose journal ends before its result."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal; `at_ms` is the call clock."""

    at_ms: int
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The data as compact JSON."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))


_FACTS: dict[str, type[Fact]] = {
    "caller-turn": CallerSaid,
    "agent-turn": AgentSaid,
    "tool-call": ToolCalled,
    "tool-result": ToolReturned,
    "message": Added,
}
_KINDS = {fact: kind for kind, fact in _FACTS.items()}


def entry_of(fact: Fact, at_ms: int, **details: Any) -> Entry:
    """The entry that keeps a fact of the context, with details for the record."""
    values = {name: getattr(fact, name) for name in fact.__dataclass_fields__}
    return Entry(at_ms, _KINDS[type(fact)], {**values, **details})


def fact_of(entry: Entry) -> Fact | None:
    """The fact that an entry keeps, None when it is not part of the context."""
    kind = _FACTS.get(entry.kind)
    if kind is None:
        return None
    return kind(**{name: entry.data[name] for name in kind.__dataclass_fields__ if name in entry.data})


KEPT = frozenset(
    {*_FACTS, "utterance", "reply", "ending", "interruption", "playout", "handoff", "assistant", "variable", "usage"}
    | {"key", "say", "note"}
)
"""The kinds that rebuild a conversation."""
RESUMED = "resumed"
"""The kind of an agent turn that tells what an earlier worker said."""
Instructions = Callable[[int], Sequence[ChatMessage]]
"""The system messages of a member."""


@dataclass(slots=True)
class Restored:
    """A conversation as the journal tells it. `answer` is caller text that nobody answered; `underway` is what was
    being said. With `ending` the call ends after it. `repeated` are tool calls without a result that are made once
    more. `filler` is the last one said, in the reply to `filler_turn`. `opens`: nobody has said anything yet.

    `member` has the call. `taking_over`: it is to begin now, for it said nothing yet since it got the call from
    `previous`; `seated` tells whether the journal says that it has it. `handoffs` were since the caller spoke last."""

    context: Context
    turn: int = 0
    last_utterance: int = 0
    answer: str = ""
    underway: Underway = field(default_factory=Underway)
    ending: str = ""
    repeated: Sequence[ToolCalled] = ()
    filler: str = ""
    filler_turn: int = 0
    waiting: Waiting = field(default_factory=Waiting)
    opens: bool = True
    member: int = 0
    previous: int = 0
    taking_over: bool = False
    seated: bool = False
    handoffs: int = 0


def _nothing(_: int) -> Sequence[ChatMessage]:
    return ()


def restore(entries: Iterable[Entry], at_ms: int, instructions: Instructions = _nothing, *, first: int = 0) -> Restored:
    """Rebuild a conversation at `at_ms` of the call clock. A tool without a result gets `LOST_TOOL`, no second run,
    unless its entry says that it may be made once more.

    :param first: the member that has the call at its beginning
    """
    reading = _Reading(instructions, first)
    for entry in entries:
        reading.read(entry)
    return reading.finish(at_ms)


class _Reading:
    """Reads the entries of one journal, oldest first."""

    def __init__(self, instructions: Instructions, first: int) -> None:
        self._instructions = instructions
        self._restored = Restored(Context(tuple(instructions(first))), member=first)
        self._speech = UnderwayReader()
        self._leaving: Entry | None = None
        self._transfers: set[str] = set()
        self._repeatable: set[str] = set()
        self._answer_wanted = False

    def read(self, entry: Entry) -> None:
        restored = self._restored
        restored.waiting.read(entry.kind, entry.data, entry.at_ms)
        fact = fact_of(entry)
        if fact is not None:
            self._fact(entry, fact)
        match entry.kind:
            case "utterance":
                self._utterance(entry)
            case "playout" | "reply" | "interruption":
                self._speech.read(entry.kind, entry.data, entry.at_ms)
                restored.ending = "" if entry.kind == "interruption" else restored.ending
            case "ending":
                restored.ending = str(entry.data["reason"])
            case "handoff":
                self._hand_over()
                self._leaving = entry
                self._transfers.add(str(entry.data.get("tool", "")))
                restored.handoffs += 1
            case "assistant":
                self._hand_over()
                restored.seated = True

    def _fact(self, entry: Entry, fact: Fact) -> None:
        restored = self._restored
        start_ms, end_ms = (entry.data.get(edge, entry.at_ms) for edge in ("start_ms", "end_ms"))
        restored.context.add(fact, start_ms=start_ms, end_ms=end_ms)
        restored.turn = max(restored.turn, fact.turn)
        match fact:
            case AgentSaid() | CallerSaid():
                self._speech.clear()
                self._begun()
                self._answer_wanted = isinstance(fact, CallerSaid)
                restored.handoffs = 0 if isinstance(fact, CallerSaid) else restored.handoffs
            case ToolCalled(id=number):
                self._answer_wanted = True
                if entry.data.get("repeatable"):
                    self._repeatable.add(number)
            case ToolReturned():
                self._answer_wanted = True
                restored.ending = str(entry.data.get("ends", restored.ending))
            case Added():
                self._answer_wanted = self._answer_wanted or bool(entry.data.get("answer"))

    def finish(self, at_ms: int) -> Restored:
        restored = self._restored
        self._finish_tools(at_ms)
        restored.underway = underway = self._speech.underway(restored.turn, at_ms)
        if self._leaving is not None:
            self._finish_leaving(at_ms)
        elif underway.nothing and self._answer_wanted:
            restored.answer = next(_unanswered(restored.context.facts), "")
        return restored

    def _finish_tools(self, at_ms: int) -> None:
        restored = self._restored
        restored.repeated = [call for call in restored.context.open_tools() if self._is_repeated(call)]
        for call in restored.context.open_tools():
            if call in restored.repeated:
                continue
            handed = call.id in self._transfers
            result = ToolReturned(call.turn, call.id, call.name, handed, HANDED_OVER if handed else LOST_TOOL)
            restored.context.add(result, start_ms=at_ms, end_ms=at_ms)

    def _is_repeated(self, call: ToolCalled) -> bool:
        return call.id in self._repeatable and call.id not in self._transfers and self._leaving is None

    def _finish_leaving(self, at_ms: int) -> None:
        """What sounds still is heard while the next member has the call."""
        restored = self._restored
        begun = restored.underway.said(restored.turn)
        if begun is not None:
            restored.context.add(begun, start_ms=at_ms, end_ms=at_ms)
        restored.underway, restored.ending = Underway(begun=begun), ""
        self._hand_over()

    def _utterance(self, entry: Entry) -> None:
        restored = self._restored
        restored.last_utterance = max(restored.last_utterance, entry.data["utterance"])
        if entry.data.get("filler"):
            restored.filler, restored.filler_turn = entry.data["text"], entry.data["turn"]
        else:
            self._begun()
        self._speech.read(entry.kind, entry.data, entry.at_ms)

    def _begun(self) -> None:
        """Who has the call has begun: what comes from here on is not a beginning."""
        self._restored.opens = False
        if self._leaving is None:
            self._restored.taking_over = False

    def _hand_over(self) -> None:
        """The conversation goes to the member that the last handoff named."""
        entry, self._leaving = self._leaving, None
        if entry is None:
            return
        restored = self._restored
        restored.previous, restored.member = restored.member, int(entry.data["member"])
        restored.taking_over, restored.seated, restored.opens = True, False, False
        self._speech.clear()
        plan = ContextPlan(entry.data["mode"], entry.data.get("messages", 0))
        system = self._instructions(restored.member)
        restored.context = handed_over(restored.context, plan, system, transfers=self._transfers)


def _unanswered(facts: Sequence[Part]) -> Iterator[str]:
    """What may be answered, the newest first: the caller's words, else a message that nobody spoke."""
    yield from (fact.text for fact in reversed(facts) if isinstance(fact, CallerSaid))
    yield from (fact.content for fact in reversed(facts) if isinstance(fact, Added))
