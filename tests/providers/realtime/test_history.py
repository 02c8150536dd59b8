"""The session's items say what the messages say, whatever they said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.providers.base import ChatMessage, ToolCall
from gateway.providers.realtime.history import ClientEvent, History, Item

WORD = 800
"""Samples of a word: 100 ms."""


@dataclass
class Server:
    """What the session makes of the events: per item its role and words, or the id of a tool's call or result."""

    items: list[tuple[str, str, list[str]]] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)

    def take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            getattr(self, event["type"].rpartition(".")[2])(event)

    def create(self, event: ClientEvent) -> None:
        item, before = event["item"], event["previous_item_id"]
        place = 0 if before == "root" else self._index(before) + 1
        if item["type"] == "message":
            made = (item["id"], item["role"], item["content"][0]["text"].split())
        else:
            made = (item["id"], item["type"], [item["call_id"]])
        self.items.insert(place, made)

    def delete(self, event: ClientEvent) -> None:
        del self.items[self._index(event["item_id"])]

    def truncate(self, event: ClientEvent) -> None:
        index = self._index(event["item_id"])
        item, role, words = self.items[index]
        assert event["audio_end_ms"] <= len(words) * 100, "the server would refuse more than there is"
        self.items[index] = (item, role, words[: event["audio_end_ms"] // 100])
        self.truncated[item] = event["audio_end_ms"]

    def _index(self, item_id: str) -> int:
        return [item[0] for item in self.items].index(item_id)

    @property
    def talk(self) -> list[tuple[str, list[str]]]:
        """Who said what, neighbours of one side together."""
        return joined([(role, words) for _, role, words in self.items if role in ("user", "assistant")])

    @property
    def tools(self) -> list[str]:
        return [words[0] for _, role, words in self.items if role.startswith("function_call")]


def joined(pieces: Sequence[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    runs = groupby((piece for piece in pieces if piece[1]), key=lambda piece: piece[0])
    return [(role, [word for _, words in run for word in words]) for role, run in runs]


@dataclass
class Session:
    """A history and the server that it mirrors."""

    history: History = field(default_factory=History)
    server: Server = field(default_factory=Server)

    def hears(self, item: str, text: str | None) -> None:
        """The caller's audio became an item."""
        self.history.add(Item(item, "user", text))
        self.server.items.append((item, "user", (text or "").split()))

    def says(self, item: str, text: str, heard: int) -> None:
        """The agent answered, and so many words of it were heard."""
        count = len(text.split())
        self.history.add(Item(item, "assistant", text, samples=count * WORD, heard=heard * WORD))
        self.server.items.append((item, "assistant", text.split()))

    def calls(self, item: str, call_id: str) -> None:
        self.history.add(Item(item, "call", call_id=call_id))
        self.server.items.append((item, "function_call", [call_id]))

    def agree(self, *messages: ChatMessage) -> list[ClientEvent]:
        events = self.history.agree(messages)
        self.server.take(events)
        return events


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def agent(text: str, *calls: ToolCall) -> ChatMessage:
    return ChatMessage("assistant", text, calls)


def result(call_id: str, text: str) -> ChatMessage:
    return ChatMessage("tool", text, tool_call_id=call_id)


def test_a_greeting_in_another_voice_goes_before_the_first_turn() -> None:
    session = Session()
    session.hears("u1", "Where is my order?")
    (create,) = session.agree(ChatMessage("system", "Be kind."), agent("Hello there."), user("Where is my order?"))
    assert create["previous_item_id"] == "root"
    assert create["item"]["content"] == [{"type": "output_text", "text": "Hello there."}]
    assert session.agree(agent("Hello there."), user("Where is my order?")) == []


def test_an_answer_that_was_cut_ends_where_the_caller_ceased_to_hear() -> None:
    session = Session()
    session.hears("u1", "go on")
    session.says("a1", "one two three four five", heard=2)
    session.hears("u2", "stop")
    (truncate,) = session.agree(user("go on"), agent("one two"), user("stop"))
    assert truncate == {
        "type": "conversation.item.truncate",
        "item_id": "a1",
        "content_index": 0,
        "audio_end_ms": 200,
    }
    assert session.agree(user("go on"), agent("one two"), user("stop")) == []


def test_an_answer_that_was_prepared_in_vain_goes() -> None:
    session = Session()
    session.hears("u1", "what are your")
    session.says("a1", "our hours are nine to five", heard=0)
    session.hears("u2", "hours tomorrow")
    (delete,) = session.agree(user("what are your hours tomorrow"))
    assert delete == {"type": "conversation.item.delete", "item_id": "a1"}


def test_noise_goes_and_speech_whose_words_are_still_to_come_stays() -> None:
    session = Session()
    session.hears("noise", "")
    session.hears("u1", "hello")
    session.hears("u2", None)
    assert [event["item_id"] for event in session.agree(user("hello"))] == ["noise"]


def test_keys_that_were_pressed_are_told_as_text() -> None:
    session = Session()
    session.hears("u1", "my number is")
    (create,) = session.agree(user("my number is 4821"))
    assert (create["previous_item_id"], create["item"]["content"][0]["text"]) == ("u1", "4821")


def test_a_filler_before_an_answer_is_told_as_text() -> None:
    session = Session()
    session.hears("u1", "where is it")
    session.says("a1", "it is on its way", heard=5)
    (create,) = session.agree(user("where is it"), agent("One moment, please. It is on its way."))
    assert (create["previous_item_id"], create["item"]["content"][0]["text"]) == ("u1", "One moment, please.")
    assert session.server.talk[1] == ("assistant", ["One", "moment,", "please.", "it", "is", "on", "its", "way"])


def test_what_was_said_before_a_tool_is_kept_while_it_is_on_its_way() -> None:
    session = Session()
    session.hears("u1", "where is it")
    session.says("a1", "let me see", heard=0)
    session.calls("c1", "call_1")
    call = ToolCall("call_1", "lookup", {"number": 7})
    (create,) = session.agree(user("where is it"), agent("let me see", call), result("call_1", "on its way"))
    assert create["previous_item_id"] == "c1"
    assert create["item"]["output"] == "on its way"


def test_words_before_and_behind_a_tool_are_one_message_later() -> None:
    session = Session()
    session.hears("u1", "where is it")
    session.says("a1", "let me see", heard=3)
    session.calls("c1", "call_1")
    call = ToolCall("call_1", "lookup", {})
    session.agree(user("where is it"), agent("let me see", call), result("call_1", "on its way"))
    session.says("a2", "it is on its way", heard=5)
    session.hears("u2", "thanks")
    told = (user("where is it"), agent("", call), result("call_1", "on its way"))
    assert session.agree(*told, agent("let me see it is on its way"), user("thanks")) == []


def test_a_session_that_knows_nothing_is_told_all() -> None:
    session = Session()
    call = ToolCall("call_1", "lookup", {"number": 7})
    messages = (user("where is it"), agent("", call), result("call_1", "on its way"), agent("it is on its way"))
    events = session.agree(*messages)
    assert [event["item"]["type"] for event in events] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert events[1]["item"]["arguments"] == '{"number": 7}'
    assert session.server.talk == [("user", ["where", "is", "it"]), ("assistant", ["it", "is", "on", "its", "way"])]


KINDS = ["user", "assistant", "unheard", "noise", "text", "lost", "tool"]


@st.composite
def stories(draw: st.DrawFn, *, cut: bool) -> tuple[Session, list[ChatMessage]]:
    """A conversation as the context has it, and a session that had its own part in it.

    :param cut: some answers are cut, and no word comes twice: how much of them was heard is known by the words alone
    """
    session, messages = Session(), list[ChatMessage]()
    kinds = st.sampled_from([*KINDS, "cut"] if cut else KINDS)
    for number, kind in enumerate(draw(st.lists(kinds, max_size=10))):
        words = draw(st.lists(st.sampled_from(["yes", "no", "one", "two", "three", "please"]), min_size=1, max_size=5))
        text = " ".join(f"{word}{number}x{index}" if cut else word for index, word in enumerate(words))
        messages += happen(session, kind, f"item{number}", text, heard=draw(st.integers(1, len(words))))
    return session, [*messages, user("and now")]


def happen(session: Session, kind: str, name: str, text: str, *, heard: int) -> list[ChatMessage]:
    """Something that the session has its part in; returns what the context says of it."""
    words = text.split()
    match kind:
        case "user":
            session.hears(name, text)
        case "noise":
            session.hears(name, "")
        case "assistant" | "cut" | "unheard":
            heard = {"assistant": len(words), "cut": heard, "unheard": 0}[kind]
            session.says(name, text, heard=heard)
            return [agent(" ".join(words[:heard]))] if heard else []
        case "tool":
            session.calls(name, name)
            return [agent("", ToolCall(name, "lookup", {})), result(name, text)]
    return {"user": [user(text)], "lost": [user(text)], "text": [agent(text)]}.get(kind, [])


def spoken(messages: Sequence[ChatMessage]) -> list[tuple[str, list[str]]]:
    return joined([(one.role, one.content.split()) for one in messages if one.role in ("user", "assistant")])


@given(st.booleans().flatmap(lambda cut: stories(cut=cut)))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_both_agree_afterwards_and_there_is_nothing_more_to_do(story: tuple[Session, list[ChatMessage]]) -> None:
    session, messages = story
    session.agree(*messages)
    assert session.server.talk == spoken(messages)
    ids: list[Any] = [call.id for message in messages for call in message.tool_calls for _ in range(2)]
    assert sorted(session.server.tools) == sorted(ids)
    assert session.agree(*messages) == []
