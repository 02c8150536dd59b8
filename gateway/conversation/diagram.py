"""The turn machine as a page: its rules, a diagram of its states and what happens in each, from the tables alone.

python -m gateway.conversation.diagram > docs/turn-states.md
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping

from gateway.conversation import states
from gateway.conversation.events import Event
from gateway.conversation.states import ALWAYS, LAST, NEXT, RULES, TIMERS, State

COMMAND = "python -m gateway.conversation.diagram > docs/turn-states.md"


def page() -> str:
    """Markdown with the diagram in Mermaid."""
    return "\n".join(
        [
            "# The states of a conversation",
            "",
            "Made from the tables in [gateway/conversation/states.py](../gateway/conversation/states.py) by",
            f"`{COMMAND}`.",
            "",
            "```mermaid",
            *mermaid(),
            "```",
            "",
            "## The rules",
            "",
            _rules(),
            "",
            "## What happens in each state",
            "",
            "An event that is not listed for a state changes nothing there, unless it is one that counts in any state.",
            "",
            *_tables(),
        ]
    )


def mermaid() -> Iterator[str]:
    """The states and what may follow each. Those that may end at any moment stand in a box, which ends."""
    going_on = [state for state in State if NEXT[state] >= LAST]
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.OPENING}"
    yield '    state "the call goes on" as on {'
    for state in going_on:
        yield from (f"        {state} --> {after}" for after in _in_order(NEXT[state] - LAST - {state}))
    yield "    }"
    yield from (f"    on --> {last}" for last in _in_order(LAST))
    for state in State:
        if state not in going_on:
            yield from (f"    {state} --> {after}" for after in _in_order(NEXT[state]))
    yield f"    {State.CLOSED} --> [*]"


def _in_order(some: frozenset[State]) -> list[State]:
    return [state for state in State if state in some]


def _rules() -> str:
    """The numbered rules of the tables' own text."""
    text = inspect.getdoc(states) or ""
    _, _, rules = text.partition("=\n")
    return rules.partition("\n\n")[0]


def _tables() -> Iterator[str]:
    for state in State:
        yield f"### {state}"
        yield ""
        if timers := sorted(TIMERS[state]):
            yield f"Timers: {', '.join(timers)}."
            yield ""
        if RULES[state]:
            yield from _table(RULES[state])
    yield "### in any state"
    yield ""
    yield "A rule of the state itself goes first."
    yield ""
    yield from _table(ALWAYS)


def _table(rules: Mapping[type[Event], str]) -> Iterator[str]:
    yield "| event | that is | rule |"
    yield "|---|---|---|"
    for event, name in rules.items():
        yield f"| {event.__name__} | {_first_sentence(event)} | `{name.removeprefix('_')}` |"
    yield ""


def _first_sentence(documented: type[Event]) -> str:
    text = " ".join((inspect.getdoc(documented) or "").split())
    return re.split(r"(?<=\.)\s|:\s", text)[0].rstrip(".")


if __name__ == "__main__":
    sys.stdout.write(page().rstrip() + "\n")
