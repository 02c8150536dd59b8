"""The journal of a conversation: facts, one per entry, that rebuild it elsewhere.

    caller-turn   turn, text, start_ms, end_ms, source
    agent-turn    turn, reply, kind, text, heard, interrupted, start_ms
    tool-call     turn, id, name, arguments, key        before the tool is called
    tool-result   turn, id, name, ok, result, ms
    utterance     utterance, turn, text                 before the utterance may be heard; interruptible, filler;
                                                        once more when a model that speaks by itself told more text
    interruption  utterance, position, reason, pause
    latency       turn, utterance, speech_end_ms, endpointing, transcriber, model, voice
    usage         rows: what was used so far of each provider, all workers of the call together
    note          event, and what belongs to it

Only the first four make the conversation's context. The other kinds tell how it went, and which words were on their way
when a worker died.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.conversation.context import AgentSaid, CallerSaid, Context, Fact, ToolCalled, ToolReturned
from gateway.conversation.heard import SAMPLES_PER_CHARACTER, estimate_borders, heard_text
from gateway.conversation.passages import marked

LOST_TOOL = "The connection was lost while this ran. It is not known whether it was done; it was not tried again."


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


@dataclass(slots=True)
class Restored:
    """A conversation as the journal tells it. `answer` is caller text that nobody answered; `rest` is what was being
    said, its passages marked, without what was heard of it; `begun` are the words of it that were heard. `filler` is
    the last one said, in the reply to `filler_turn`."""

    context: Context
    turn: int = 0
    last_utterance: int = 0
    answer: str = ""
    begun: AgentSaid | None = None
    rest: str = ""
    filler: str = ""
    filler_turn: int = 0


def restore(entries: Iterable[Entry], at_ms: int) -> Restored:
    """Rebuild a conversation at `at_ms` of the call clock. A tool without a result gets `LOST_TOOL`, no second run."""
    entries = list(entries)
    restored = Restored(Context())
    pending: list[Entry] = []
    for entry in entries:
        fact = fact_of(entry)
        if fact is not None:
            start_ms, end_ms = (entry.data.get(edge, entry.at_ms) for edge in ("start_ms", "end_ms"))
            restored.context.add(fact, start_ms=start_ms, end_ms=end_ms)
            restored.turn = max(restored.turn, fact.turn)
        if isinstance(fact, AgentSaid | CallerSaid):
            pending.clear()
        elif entry.kind == "utterance":
            restored.last_utterance = max(restored.last_utterance, entry.data["utterance"])
            if entry.data.get("filler"):
                restored.filler, restored.filler_turn = entry.data["text"], entry.data["turn"]
            else:
                _append(pending, entry)
    for call in restored.context.open_tools():
        restored.context.add(
            ToolReturned(call.turn, call.id, call.name, False, LOST_TOOL), start_ms=at_ms, end_ms=at_ms
        )
    _unspoken(restored, pending, at_ms)
    facts = restored.context.facts
    if not restored.rest and restored.begun is None and facts and not isinstance(facts[-1], AgentSaid):
        restored.answer = next((fact.text for fact in reversed(facts) if isinstance(fact, CallerSaid)), "")
    return restored


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
