"""A journal that is cut anywhere gives the call to the assistant that was to have it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.context_plan import MODES
from gateway.conversation.journal import Entry, restore
from gateway.providers.base import ChatMessage


@dataclass
class Story:
    """Writes the journal of a call that goes from one member to the next, and knows after each entry who has it, and
    whether it has yet to begin."""

    entries: list[Entry] = field(default_factory=list)
    truth: list[tuple[int, bool]] = field(default_factory=list)
    member: int = 0
    begins: bool = False
    utterance: int = 0
    turn: int = 0

    def add(self, kind: str, **data: object) -> None:
        self.entries.append(Entry(len(self.entries) * 1000, kind, data))
        self.truth.append((self.member, self.begins))

    def turns(self, texts: list[str]) -> None:
        for text in texts:
            self.turn += 1
            self.begins = False
            self.add("caller-turn", turn=self.turn, text=text)
            self.says(text)

    def says(self, text: str) -> None:
        self.utterance += 1
        self.add("utterance", utterance=self.utterance, turn=self.turn, text=text)
        self.add("agent-turn", turn=self.turn, text=text, heard=text, interrupted=False)

    def hand_over(self, to: int, mode: str, message: str) -> None:
        name, former = f"t{len(self.entries)}", self.member
        self.add("tool-call", turn=self.turn, id=name, name="transferCall", arguments={}, key=name)
        self.member, self.begins = to, True
        self.add("handoff", **{"from": str(former), "to": str(to)}, member=to, mode=mode, messages=2, tool=name)
        self.add("tool-result", turn=self.turn, id=name, name="transferCall", ok=True, result="done")
        if message:
            self.says(message)
        self.add("assistant", member=to, name=str(to))

    def begin(self, text: str) -> None:
        self.begins = False
        self.says(text)


words = st.text("abc ", min_size=1, max_size=12).filter(str.strip)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    story = Story()
    story.add("assistant", member=0, name="0")
    for _ in range(draw(st.integers(1, 3))):
        story.turns(draw(st.lists(words, max_size=2)))
        others = [number for number in range(3) if number != story.member]
        story.hand_over(draw(st.sampled_from(others)), draw(st.sampled_from(MODES)), draw(st.sampled_from(("", "Hm."))))
        if draw(st.booleans()):
            story.begin("I am here.")
    return story


def instructions(member: int) -> tuple[ChatMessage, ...]:
    return (ChatMessage("system", f"You are {member}."),)


@given(stories(), st.data())
def test_the_right_member_has_the_call_and_begins_once(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(story.entries)))
    kept = [Entry(entry.at_ms, entry.kind, json.loads(entry.json)) for entry in story.entries[:cut]]
    restored = restore(kept, 100_000, instructions)
    member, begins = story.truth[cut - 1]
    assert (restored.member, restored.taking_over) == (member, begins)
    assert f"You are {member}." in [message.content for message in restored.context.messages()]
    assert not (restored.taking_over and restored.underway.rest), (
        "nobody goes on with the words of who had the call before"
    )
    seats = [entry.kind for entry in kept if entry.kind in ("assistant", "handoff")]
    assert restored.seated == (not begins or seats[-1] == "assistant")


@given(stories(), st.data())
def test_the_tool_that_handed_over_is_known_to_have_done_it(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(story.entries)))
    restored = restore(story.entries[:cut], 100_000, instructions)
    if story.entries[cut - 1].kind == "handoff":
        results = [message.content for message in restored.context.messages() if message.role == "tool"]
        assert not results or results[-1] == "The conversation was handed over."
    assert not restored.context.open_tools()
