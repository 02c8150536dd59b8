"""The journal of a conversation: facts, one per entry, that rebuild it elsewhere.

    caller-turn   turn, text, start_ms, end_ms, source
    agent-turn    turn, reply, kind, text, heard, interrupted, start_ms
    tool-call     turn, id, name, arguments, key        before the tool is called
    tool-result   turn, id, name, ok, result, ms
    tool-request  id, name, url, method, status, ms, attempts, key, request, response, parse, error
    utterance     utterance, turn, text                 before the utterance may be heard; interruptible, filler;
                                                        once more when a model that speaks by itself told more text
    interruption  utterance, position, reason, pause
    latency       turn, utterance, speech_end_ms, endpointing, transcriber, model, voice
    usage         rows: what was used so far of each provider, all workers of the call together
    message       turn, role, content                   what live control or a hook put into the conversation
    variable      values: template variables that became known
    handoff       from, to, member, mode, messages, tool, members    before another assistant takes the call over:
                                                        `members` are those that the call did not have before
    assistant     member, name, assistantId, assistant, from    an assistant has the call from here on
    note          event, and what belongs to it

Only the facts (the first four, and messages) make the conversation's context, and handoffs say how much of it the next
assistant sees. The other kinds tell how it went, and which words were on their way when a worker died.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.conversation.context import Added, AgentSaid, CallerSaid, Context, Fact, ToolCalled, ToolReturned
from gateway.conversation.context_plan import ContextPlan, handed_over
from gateway.conversation.heard import SAMPLES_PER_CHARACTER, estimate_borders, heard_text
from gateway.conversation.passages import marked
from gateway.providers.base import ChatMessage

LOST_TOOL = "The connection was lost while this ran. It is not known whether it was done; it was not tried again."

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


KEPT = frozenset({*_FACTS, "utterance", "handoff", "assistant", "variable", "usage"})
"""The kinds that rebuild a conversation."""
Instructions = Callable[[int], Sequence[ChatMessage]]
"""The system messages of a member."""


@dataclass(slots=True)
class Restored:
    """A conversation as the journal tells it. `answer` is caller text that nobody answered; `rest` is what was being
    said, its passages marked, without what was heard of it; `begun` are the words of it that were heard. `filler` is
    the last one said, in the reply to `filler_turn`.

    `member` has the call. `taking_over`: it is to begin now, for it said nothing yet since it got the call from
    `previous`; `seated` tells whether the journal says that it has it. `handoffs` were since the caller spoke last."""

    context: Context
    turn: int = 0
    last_utterance: int = 0
    answer: str = ""
    begun: AgentSaid | None = None
    rest: str = ""
    filler: str = ""
    filler_turn: int = 0
    member: int = 0
    previous: int = 0
    taking_over: bool = False
    seated: bool = False
    handoffs: int = 0


def _nothing(_: int) -> Sequence[ChatMessage]:
    return ()


def restore(entries: Iterable[Entry], at_ms: int, instructions: Instructions = _nothing, *, first: int = 0) -> Restored:
    """Rebuild a conversation at `at_ms` of the call clock. A tool without a result gets `LOST_TOOL`, no second run.

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
        self._pending: list[Entry] = []
        self._leaving: Entry | None = None
        self._transfers: set[str] = set()

    def read(self, entry: Entry) -> None:
        restored = self._restored
        fact = fact_of(entry)
        if fact is not None:
            start_ms, end_ms = (entry.data.get(edge, entry.at_ms) for edge in ("start_ms", "end_ms"))
            restored.context.add(fact, start_ms=start_ms, end_ms=end_ms)
            restored.turn = max(restored.turn, fact.turn)
        if isinstance(fact, AgentSaid | CallerSaid):
            self._pending.clear()
            self._begun()
            restored.handoffs = 0 if isinstance(fact, CallerSaid) else restored.handoffs
        elif entry.kind == "utterance":
            self._utterance(entry)
        elif entry.kind == "handoff":
            self._hand_over()
            self._leaving = entry
            self._transfers.add(str(entry.data.get("tool", "")))
            restored.handoffs += 1
        elif entry.kind == "assistant":
            self._hand_over()
            restored.seated = True

    def finish(self, at_ms: int) -> Restored:
        restored = self._restored
        for call in restored.context.open_tools():
            handed = call.id in self._transfers
            result = ToolReturned(call.turn, call.id, call.name, handed, HANDED_OVER if handed else LOST_TOOL)
            restored.context.add(result, start_ms=at_ms, end_ms=at_ms)
        _unspoken(restored, self._pending, at_ms)
        if self._leaving is not None:
            if restored.begun is not None:
                restored.context.add(restored.begun, start_ms=at_ms, end_ms=at_ms)
            restored.rest = ""
            self._hand_over()
        facts = restored.context.facts
        if not restored.rest and restored.begun is None and facts and isinstance(facts[-1], _AWAITING_ANSWER):
            restored.answer = next((fact.text for fact in reversed(facts) if isinstance(fact, CallerSaid)), "")
        return restored

    def _utterance(self, entry: Entry) -> None:
        restored = self._restored
        restored.last_utterance = max(restored.last_utterance, entry.data["utterance"])
        if entry.data.get("filler"):
            restored.filler, restored.filler_turn = entry.data["text"], entry.data["turn"]
        else:
            self._begun()
            _append(self._pending, entry)

    def _begun(self) -> None:
        """Who has the call has begun: what comes from here on is not a beginning."""
        if self._leaving is None:
            self._restored.taking_over = False

    def _hand_over(self) -> None:
        """The conversation goes to the member that the last handoff named."""
        entry, self._leaving = self._leaving, None
        if entry is None:
            return
        restored = self._restored
        restored.previous, restored.member = restored.member, int(entry.data["member"])
        restored.taking_over, restored.seated = True, False
        self._pending.clear()
        plan = ContextPlan(entry.data["mode"], entry.data.get("messages", 0))
        system = self._instructions(restored.member)
        restored.context = handed_over(restored.context, plan, system, transfers=self._transfers)


_AWAITING_ANSWER = (CallerSaid, ToolCalled, ToolReturned, Added)


def _append(pending: list[Entry], entry: Entry) -> None:
    """Add an utterance; more text of one that is there belongs to its beginning."""
    for index, known in enumerate(pending):
        if known.data["utterance"] == entry.data["utterance"]:
            pending[index] = Entry(known.at_ms, known.kind, entry.data)
            return
    pending.append(entry)


def _unspoken(restored: Restored, pending: list[Entry], at_ms: int) -> None:
    """Part what was on its way into heard and not heard. The gateway may have noted what it sent ("playout"); else the
    voice is taken to have spoken without a pause since the first utterance was queued."""
    if not pending:
        return
    begun_ms, heard, rest, again = pending[0].at_ms, "", "", list[str]()
    for entry in pending:
        text = entry.data["text"]
        begun_ms = max(begun_ms, entry.at_ms)
        position = max(0, at_ms - begun_ms) * 8
        part = heard_text(text, position, estimate_borders(text, 0)) if not rest else ""
        heard = f"{heard} {part}".strip()
        if left := text[len(part) :].strip():
            rest = f"{rest} {left}".strip()
            again.append(left if entry.data.get("interruptible", True) else marked(left))
        begun_ms += len(text) * SAMPLES_PER_CHARACTER // 8
    turn = pending[-1].data.get("turn", restored.turn)
    restored.rest = " ".join(again)
    restored.begun = AgentSaid(turn, f"{heard} {rest}".strip(), heard, bool(rest))
