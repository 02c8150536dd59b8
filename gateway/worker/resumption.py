"""How a session begins: what the journal of the call so far says, told to the turn machine and to the journal itself.

A session that is the first of its call has an empty journal behind it, and begins in the same way.
"""

from __future__ import annotations

from typing import Any

from gateway.conversation.events import Started
from gateway.conversation.journal import RESUMED, Restored, entry_of
from gateway.worker.journal import SessionJournal
from gateway.worker.opening import Opening


def journal_beginning(opening: Opening, journal: SessionJournal, now_ms: int) -> None:
    """Keep what of a reply was heard before, the variables, and who has the call.

    :param now_ms: call clock
    """
    restored = opening.restored
    begun = restored.underway.begun
    if begun is not None and restored.taking_over:
        journal.append(entry_of(begun, now_ms, kind=RESUMED))
    elif begun is not None:
        journal.record(begun, kind=RESUMED)
    if not opening.resumed and opening.variables:
        journal.write("variable", values=dict(opening.variables))
    if not restored.seated:
        _tell_assistant(opening, journal)


def started(restored: Restored, now_ms: int, *, resumed: bool) -> Started:
    """The turn machine's first event, at `now_ms` of the call clock."""
    underway = restored.underway
    return Started(
        now_ms,
        resumed,
        restored.turn,
        answer=restored.answer,
        rest=underway.rest,
        said=restored.context.last_said,
        filler=restored.filler,
        filler_turn=restored.filler_turn,
        takes_over=restored.taking_over,
        opens=resumed and restored.opens,
        adopted=underway.adopted,
        unfinished=underway.unfinished,
        kind=underway.kind.value,
        ending=restored.ending,
        keys=restored.waiting.keys,
        says=tuple(restored.waiting.says),
        silent_ms=restored.waiting.silent_ms,
        reprompts=restored.waiting.reprompts,
        reprompted_ms=restored.waiting.reprompted_ms,
    )


def _tell_assistant(opening: Opening, journal: SessionJournal) -> None:
    about: dict[str, Any] = {"member": opening.member, "name": opening.name, "assistantId": opening.assistant_id}
    about |= {"from": opening.previous} if opening.previous else {}
    journal.write("assistant", **about, assistant=dict(opening.shown))
