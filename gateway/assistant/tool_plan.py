"""When a tool call is refused, and what of its result becomes a variable: Vapi's `rejectionPlan` and
`variableExtractionPlan`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gateway.assistant.provider_settings import valid_pattern
from gateway.assistant.section import Section


class MessageTarget(Section):
    """A message of the conversation: the one at `position` (-1 is the latest) among those of the role."""

    role: Literal["user", "assistant"] | None = None
    position: int = -1


class RegexCondition(Section):
    """Holds when the expression (RE2) finds something in the message; with `negate`, when it finds nothing."""

    type: Literal["regex"]
    regex: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(valid_pattern)]
    target: MessageTarget = MessageTarget()
    negate: bool = False


class LiquidCondition(Section):
    """Holds when the template (variables, and `messages`) gives "true"."""

    type: Literal["liquid"]
    liquid: str = Field(max_length=10_000)


class GroupCondition(Section):
    type: Literal["group"]
    operator: Literal["AND", "OR"]
    conditions: list[RejectionCondition]


RejectionCondition = Annotated[RegexCondition | LiquidCondition | GroupCondition, Field(discriminator="type")]


class RejectionPlan(Section):
    """A tool call is refused when all conditions hold; without conditions, never."""

    conditions: list[RejectionCondition] = Field(default_factory=list)


class VariableAlias(Section):
    """A variable of this name gets what the template makes of the response."""

    key: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$", max_length=40)
    value: str = Field(max_length=10_000)


class VariableExtractionPlan(Section):
    """Which parts of a tool's response become variables of the call. `json_schema` names properties of the response."""

    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    aliases: list[VariableAlias] = Field(default_factory=list)
