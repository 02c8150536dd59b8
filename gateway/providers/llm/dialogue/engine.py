"""The dialogue engine: a pure function from where the dialogue stands and what the caller said to the answer.

What happens with a caller's turn, first line that fits:

| waiting for | the caller said                    | then                                                |
| yes or no   | yes                                | call the tool                                       |
| yes or no   | no, without a number               | ask for the slot again                              |
| a slot      | the number                         | read back, or call the tool                         |
| a slot      | another intent                     | serve it and ask again, unless it cancels or ends   |
| a slot      | something else                     | say that it is not valid; give up after `attempts`  |
| nothing     | an intent                          | answer, or ask for its first slot, or call its tool |
| nothing     | just a number, after a tool's call | the same intent with the new number                 |
| nothing     | something else                     | fallback                                            |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from liquid import BoundTemplate

from gateway.providers.llm.dialogue.definition import Dialogue, Slot
from gateway.providers.llm.dialogue.matching import PhraseMatcher, words_of
from gateway.providers.llm.dialogue.spoken_digits import digits_in
from gateway.providers.llm.dialogue.state import Action, Answer, DialogueState

END_CALL = "endCall"
_YES = frozenset(
    ["yes", "yeah", "yep", "yup", "correct", "right", "sure", "exactly", "ok", "okay", "indeed", "affirmative"]
)
_NO = frozenset(["no", "nope", "nah", "not", "wrong", "incorrect", "negative"])

Step = tuple[DialogueState, Answer]


class DialogueEngine:
    """Steps of one dialogue; keeps nothing between them."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._matcher = PhraseMatcher({name: intent.phrases for name, intent in dialogue.intents.items()})

    def greeting(self, now: datetime) -> Answer:
        """What to say when the caller has not spoken yet."""
        return Answer(self._render([self._dialogue.greeting], DialogueState(), now))

    def heard(self, state: DialogueState, text: str, now: datetime) -> Step:
        """The caller's turn."""
        state = replace(state, turn=state.turn + 1)
        if state.waiting:
            return self._waiting(state, text, now)
        name = self._intent_of(text)
        if name:
            return self._begin(state, name, text, now)
        if state.intent and self._number(self._first_slot(state.intent), text):
            return self._begin(state, state.intent, text, now)
        return self._fallback(state, now)

    def result(self, state: DialogueState, tool: str, content: str, now: datetime) -> Step:
        """What a tool brought, as the text of the tool message. Nothing is said of a tool that is not in work."""
        intent = self._dialogue.intents[state.intent] if state.intent else None
        if intent is None or intent.tool != tool or not intent.result or not intent.failed:
            return state, Answer()
        value = _parsed(content)
        failed = (isinstance(value, dict) and "error" in value) or (isinstance(value, str) and _is_error(value))
        variables = {**(value if isinstance(value, dict) else {}), "result": value}
        return self._say(state, [intent.failed] if failed else intent.result, now, variables)

    # ------------------------------------------------------------ slots

    def _waiting(self, state: DialogueState, text: str, now: datetime) -> Step:
        if self._number(self._slot(state), text):
            return self._take(replace(state, confirming=False), text, now)
        agreed = _yes_or_no(text) if state.confirming else None
        if agreed:
            return self._proceed(replace(state, waiting=None, confirming=False), now)
        if agreed is False:
            return self._ask(replace(state, confirming=False), now)
        name = self._intent_of(text)
        if name and name != state.intent:
            return self._digress(state, name, text, now)
        return self._invalid(state, text, now)

    def _digress(self, state: DialogueState, name: str, text: str, now: datetime) -> Step:
        """Serve another intent. A mere answer comes back to the question, anything bigger replaces it."""
        other = self._dialogue.intents[name]
        if other.tool or other.cancel or other.end_call:
            return self._begin(replace(state, waiting=None, confirming=False, slots={}), name, text, now)
        if other.repeat:
            return state, Answer(state.said, expects="yes-no" if state.confirming else "digits")
        _, aside = self._begin(state, name, text, now)
        state, question = self._ask(replace(state, confirming=False), now)
        return state, replace(question, text=f"{aside.text} {question.text}")

    def _take(self, state: DialogueState, text: str, now: datetime) -> Step:
        """The caller said the number that was asked for."""
        assert state.waiting
        name, slot = state.waiting, self._slot(state)
        state = replace(state, slots={**state.slots, name: digits_in(text, slot.digits)}, waiting=None, attempts=0)
        if slot.confirm:
            state, answer = self._say(replace(state, waiting=name, confirming=True), [slot.confirm], now)
            return state, replace(answer, expects="yes-no")
        return self._proceed(state, now)

    def _proceed(self, state: DialogueState, now: datetime) -> Step:
        """Ask for the next slot, or call the tool when none is missing."""
        assert state.intent
        intent = self._dialogue.intents[state.intent]
        open_slots = [name for name in intent.slots if name not in state.slots]
        if open_slots:
            return self._ask(replace(state, waiting=open_slots[0], attempts=0), now)
        assert intent.tool
        text = self._render(intent.answer, state, now) if intent.answer else ""
        return replace(state, waiting=None), Answer(text, Action(intent.tool, state.slots))

    def _ask(self, state: DialogueState, now: datetime) -> Step:
        slot = self._slot(state)
        state, answer = self._say(state, slot.ask, now, turn=state.attempts)
        return state, replace(answer, expects="digits")

    def _invalid(self, state: DialogueState, text: str, now: datetime) -> Step:
        slot = self._slot(state)
        state = replace(state, attempts=state.attempts + 1, confirming=False)
        if state.attempts >= slot.attempts:
            return self._say(replace(state, waiting=None, slots={}, attempts=0), [slot.give_up], now)
        heard = {"heard": digits_in(text)}
        state, answer = self._say(state, slot.invalid, now, heard, turn=state.attempts - 1)
        return state, replace(answer, expects="digits")

    def _slot(self, state: DialogueState) -> Slot:
        """The slot that is asked for."""
        assert state.intent is not None
        assert state.waiting is not None
        return self._dialogue.intents[state.intent].slots[state.waiting]

    def _first_slot(self, intent: str) -> Slot | None:
        return next(iter(self._dialogue.intents[intent].slots.values()), None)

    @staticmethod
    def _number(slot: Slot | None, text: str) -> bool:
        """Does the text hold a number that fits the slot?"""
        return slot is not None and len(digits_in(text, slot.digits)) == slot.digits

    # ------------------------------------------------------------ intents

    def _begin(self, state: DialogueState, name: str, text: str, now: datetime) -> Step:
        intent = self._dialogue.intents[name]
        state = replace(state, misses=0)
        if intent.repeat and state.said:
            return state, Answer(state.said)
        if intent.tool:
            state = replace(state, intent=name, slots={}, waiting=next(iter(intent.slots), None), attempts=0)
            given = self._number(self._first_slot(name), text)
            return self._take(state, text, now) if given else self._proceed(state, now)
        assert intent.answer
        state, answer = self._say(state, intent.answer, now)
        return state, replace(answer, action=Action(END_CALL) if intent.end_call else None)

    def _intent_of(self, text: str) -> str | None:
        for name, intent in self._dialogue.intents.items():
            if any(pattern.matches(text) for pattern in intent.patterns):
                return name
        match = self._matcher.best(text)
        return match.name if match else None

    def _fallback(self, state: DialogueState, now: datetime) -> Step:
        state, answer = self._say(state, self._dialogue.fallback, now, turn=state.misses)
        return replace(state, misses=state.misses + 1), answer

    # ------------------------------------------------------------ text

    def _say(
        self,
        state: DialogueState,
        texts: Sequence[BoundTemplate],
        now: datetime,
        variables: dict[str, Any] | None = None,
        *,
        turn: int | None = None,
    ) -> Step:
        text = self._render(texts, state, now, variables, turn=turn)
        return replace(state, said=text), Answer(text)

    def _render(
        self,
        texts: Sequence[BoundTemplate],
        state: DialogueState,
        now: datetime,
        variables: dict[str, Any] | None = None,
        *,
        turn: int | None = None,
    ) -> str:
        """One of the texts, in turn, on one line."""
        template = texts[(state.turn if turn is None else turn) % len(texts)]
        local = self._dialogue.now(now)
        known = {"now": local, "weekday": local.strftime("%A"), **self._dialogue.variables}
        return " ".join(template.render(**{**known, **state.slots, **(variables or {})}).split())


def _yes_or_no(text: str) -> bool | None:
    words = set(words_of(text))
    if words & _NO:
        return False
    return True if words & _YES else None


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _is_error(text: str) -> bool:
    return text.casefold().startswith(("error", "failed"))
