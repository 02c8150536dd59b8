from __future__ import annotations

from pathlib import Path

from gateway.conversation.diagram import COMMAND, mermaid, page
from gateway.conversation.states import NEXT, State

PAGE = Path(__file__).parents[2] / "docs" / "turn-states.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == page().rstrip() + "\n", f"out of date; renew it: {COMMAND}"


def test_the_diagram_has_every_step_and_no_other() -> None:
    arrows = [line.strip().split(" --> ") for line in mermaid() if "-->" in line]
    inside = {state for state in State if NEXT[state] >= {State.ENDING, State.CLOSED}}
    ends = {(state, State(after)) for before, after in arrows if before == "on" for state in inside}
    steps = {(State(before), State(after)) for before, after in arrows if {before, after} <= set(State)}
    assert steps | ends == {(state, after) for state in State for after in NEXT[state] - {state}}
