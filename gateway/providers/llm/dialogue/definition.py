"""A dialogue as its author writes it: intents with example phrases, slots to fill, tools to call, answers to give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid import BoundTemplate
from liquid.exceptions import LiquidError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from gateway.conversation.endpointing_rules import Pattern, PatternError, check_pattern
from gateway.conversation.templates import BoundedEnvironment
from gateway.providers.llm.dialogue.spoken_digits import spell

_environment = BoundedEnvironment()
_environment.add_filter("spell", lambda value: spell(str(value)))


def _template(value: object) -> BoundTemplate:
    if isinstance(value, BoundTemplate):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text, which may hold Liquid templates")
    try:
        return _environment.from_string(value)
    except LiquidError as error:
        raise ValueError(f"the template is wrong: {error.message}") from error


def _pattern(value: object) -> Pattern:
    """Of RE2, which takes no longer than the text is long: dialogues come over the API, too."""
    if isinstance(value, Pattern):
        return value
    pattern = Pattern(str(value), ignore_case=True)
    try:
        check_pattern(pattern.text)
        return pattern
    except PatternError as error:
        raise ValueError(f"the regular expression is wrong: {error}") from error


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"there is no time zone {name}") from error
    return name


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Template = Annotated[BoundTemplate, PlainValidator(_template)]
Expression = Annotated[Pattern, PlainValidator(_pattern)]
Answers = Annotated[list[Template], BeforeValidator(_as_list), Field(min_length=1)]
"""One text, or several that are given in turn."""


class Part(BaseModel):
    """A part of a dialogue; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Slot(Part):
    """A string of digits that an intent needs.

    `ask` asks for it, `invalid` says that what came (`heard`) is not it, `confirm` (optional) reads it back for a yes.
    `give_up` is said after `attempts` answers without it.
    """

    digits: int = Field(ge=1, le=20)
    ask: Answers
    invalid: Answers
    give_up: Template
    confirm: Template | None = None
    attempts: int = Field(default=3, ge=1, le=10)


class Intent(Part):
    """Something that callers want. `phrases` are examples, `patterns` regular expressions that decide at once.

    With a `tool`, its slots are the arguments, `result` phrases what came back (variables of the result, or `result`
    itself), and `failed` is said when it did not work.
    """

    phrases: list[str] = []
    patterns: list[Expression] = []
    slots: dict[str, Slot] = {}
    answer: Answers | None = None
    tool: str | None = None
    result: Answers | None = None
    failed: Template | None = None
    end_call: bool = False
    repeat: bool = False
    cancel: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Intent:
        if not self.phrases and not self.patterns:
            raise ValueError("an intent needs phrases or patterns to be found by")
        if self.tool and (not self.result or not self.failed):
            raise ValueError("an intent with a tool needs result and failed")
        if not self.tool and not self.answer:
            raise ValueError("an intent needs an answer or a tool")
        if self.slots and not self.tool:
            raise ValueError("slots are the arguments of a tool, and this intent has none")
        return self


class Dialogue(Part):
    """The whole dialogue. `variables` are there in every template, with `now` in the time zone."""

    greeting: Template
    fallback: Answers
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    variables: dict[str, Any] = {}
    intents: dict[str, Intent] = Field(min_length=1)

    def now(self, moment: datetime) -> datetime:
        """A moment in the dialogue's time zone."""
        return moment.astimezone(ZoneInfo(self.timezone))
