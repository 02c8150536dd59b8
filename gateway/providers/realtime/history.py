"""The items of a session's conversation, and how they are made to say what the call's own context says.

The call's context (`ChatRequest.messages`) is the truth: what the caller said, and what he heard. The session has items
of its own: the caller's audio, answers that nobody heard to their end, answers that were prepared in vain. Before each
response the two are laid side by side. An item whose words are in a message is kept, because its audio says more than
its words; an answer that was cut is truncated to what was heard; what no message knows is deleted; and what no item
says, such as a greeting in another voice or the keys of a telephone, is created as text.

Wire format: client events `conversation.item.create`, `.truncate` and `.delete` of the Realtime API
(developers.openai.com/api/reference/resources/realtime/client-events).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.media.audio import samples_to_ms
from gateway.providers.base import ChatMessage, ToolCall

ClientEvent = Mapping[str, Any]
Kind = Literal["user", "assistant", "call", "result"]
_CONTENT = {"user": "input_text", "assistant": "output_text"}


@dataclass(slots=True)
class Item:
    """An item of the session's conversation.

    :param text: what is said in it, as far as that is known; None while the caller's audio has no transcript
    :param samples: its audio so far (8000 Hz), of the agent's
    :param heard: samples that reached the caller; None for an item of text
    :param call_id: of a tool's call and of its result
    """

    id: str
    kind: Kind
    text: str | None = ""
    samples: int = 0
    heard: int | None = None
    call_id: str = ""

    @property
    def cut(self) -> bool:
        """The caller did not hear it to its end."""
        return self.heard is not None and self.heard < self.samples


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as it is compared, and as it is written."""

    key: str
    written: str


def _words(text: str | None) -> list[_Word]:
    words = (_Word("".join(filter(str.isalnum, word)).lower(), word) for word in (text or "").split())
    return [word for word in words if word.key]


def _keys(words: Sequence[_Word]) -> list[str]:
    return [word.key for word in words]


def _written(words: Sequence[_Word]) -> str:
    return " ".join(word.written for word in words)


@dataclass(slots=True)
class History:
    """One session's conversation, in its order."""

    items: list[Item] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, item: Item) -> None:
        """The session has one more item at its end; one that it has already is none."""
        if self.find(item.id) is None:
            self.items.append(item)

    def find(self, item_id: str) -> Item | None:
        """The item with this id."""
        return next((item for item in self.items if item.id == item_id), None)

    def remove(self, item_id: str) -> list[ClientEvent]:
        """Delete an item; nothing when it is not there."""
        item = self.find(item_id)
        if item is None:
            return []
        self.items.remove(item)
        return [{"type": "conversation.item.delete", "item_id": item_id}]

    def agree(self, messages: Sequence[ChatMessage]) -> list[ClientEvent]:
        """What makes the session's conversation say what the messages say; it is taken to be done."""
        agreement = _Agreement(self, answering=bool(messages) and messages[-1].role != "tool")
        for message in messages:
            agreement.cover(message)
        return agreement.events()

    def new_id(self) -> str:
        """An id for an item of ours: letters, digits and underscores, at most 32."""
        return f"parley_{next(self._ids)}"


class _Agreement:
    """Goes through messages and items side by side.

    :param answering: a new answer is to be made. Then an answer that nobody heard is one that was prepared in vain;
        else it is the one that asked for the tools, and is on its way to the caller.
    """

    def __init__(self, history: History, *, answering: bool) -> None:
        self._history = history
        self._order = history.items
        self._answering = answering
        self._kept: set[str] = set()
        self._place = -1
        """Where in the order the latest kept item is: what comes next belongs behind it."""
        self._next = 0
        """Index of the first item that the text of the next message can be in."""
        self._changes: list[ClientEvent] = []

    def cover(self, message: ChatMessage) -> None:
        """Find the items that say this message, and make those that miss."""
        if message.role in ("user", "assistant"):
            self._cover_text("user" if message.role == "user" else "assistant", message.content)
            for call in message.tool_calls:
                self._cover_tool("call", call.id, _call_item(call))
        elif message.role == "tool":
            call_id = message.tool_call_id or ""
            output = {"type": "function_call_output", "call_id": call_id, "output": message.content}
            self._cover_tool("result", call_id, output)

    def events(self) -> list[ClientEvent]:
        """What no message knows goes first. The audio of a caller whose words are still to come stays."""
        strange = [item for item in self._order if item.id not in self._kept and item.text is not None]
        deletions = [event for item in strange for event in self._history.remove(item.id)]
        return [*deletions, *self._changes]

    # ------------------------------------------------------------ text

    def _cover_text(self, kind: Literal["user", "assistant"], content: str) -> None:
        left = _words(content)
        while left:
            found = self._find(kind, left)
            if found is None:
                self._create(kind, _written(left))
                return
            item, start, count = found
            if start:
                self._create(kind, _written(left[:start]))
            self._keep(item)
            self._next = self._order.index(item) + 1
            self._truncate(item, left[start : start + count])
            left = left[start + count :]

    def _find(self, kind: Kind, words: Sequence[_Word]) -> tuple[Item, int, int] | None:
        """The first item that says some of these words, where in the words it begins, and how many."""
        wanted = _keys(words)
        for item in self._order[self._next :]:
            own = _keys(_words(item.text))
            if item.kind != kind or not own or (item.heard == 0 and self._answering):
                continue
            for start in range(len(wanted)):
                part = wanted[start : start + len(own)]
                if part == own or (item.cut and part == own[: len(part)]):
                    return item, start, len(part)
        return None

    def _truncate(self, item: Item, heard: Sequence[_Word]) -> None:
        """Cut the agent's audio where the caller ceased to hear it, when that was before its end."""
        if len(heard) == len(_words(item.text)) or item.heard is None:
            return
        item.samples = item.heard
        item.text = _written(heard)
        truncation = {"item_id": item.id, "content_index": 0, "audio_end_ms": samples_to_ms(item.samples)}
        self._changes.append({"type": "conversation.item.truncate", **truncation})

    # ------------------------------------------------------------ tools

    def _cover_tool(self, kind: Literal["call", "result"], call_id: str, item: Mapping[str, Any]) -> None:
        """Calls and results are known by their ids: the text around them may have been told in another order."""
        for known in self._order:
            if known.kind == kind and known.call_id == call_id:
                self._keep(known)
                return
        self._insert(Item(self._history.new_id(), kind, call_id=call_id), item)

    # ------------------------------------------------------------ places

    def _keep(self, item: Item) -> None:
        self._kept.add(item.id)
        self._place = max(self._place, self._order.index(item))

    def _create(self, kind: Literal["user", "assistant"], text: str) -> None:
        content = {"type": "message", "role": kind, "content": [{"type": _CONTENT[kind], "text": text}]}
        self._insert(Item(self._history.new_id(), kind, text), content)
        self._next = max(self._next, self._place + 1)

    def _insert(self, item: Item, content: Mapping[str, Any]) -> None:
        before = self._order[self._place].id if self._place >= 0 else "root"
        self._place += 1
        self._order.insert(self._place, item)
        self._kept.add(item.id)
        change = {"type": "conversation.item.create", "previous_item_id": before}
        self._changes.append({**change, "item": {"id": item.id, **content}})


def _call_item(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}
