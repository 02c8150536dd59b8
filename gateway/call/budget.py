"""Whether a call has cost more than its assistant allows; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.assistant.assistant import Assistant
from gateway.assistant.budget import Budget
from gateway.assistant.call_plan import CallPlan
from gateway.call.costs import costs_of
from gateway.call.prices import Price, PriceBook
from gateway.providers.usage import read_usage

GOODBYE = "I am sorry, we have to end this call here. Goodbye."
"""Said where the assistant has no words of its own: nobody is hung up on in silence."""


class BudgetWatch:
    """Of one call. Asks for an end, or for a cheaper model, once.

    :param trunk: by which the call came
    """

    def __init__(self, budget: Budget, prices: PriceBook, trunk: str | None) -> None:
        self.budget = budget
        self._prices = prices
        self._trunk = trunk
        self._passed = False

    def passed(self, rows: Iterable[Mapping[str, Any]], seconds: Decimal) -> Decimal | None:
        """What the call has cost when that is now for the first time more than allowed, else None.

        :param rows: all that was used until now, as the journal has it
        :param seconds: since the answer
        """
        if self._passed:
            return None
        used = [read_usage(row) for row in rows if row.keys() >= {"stage", "provider"}]
        spent = sum((row.cost for row in costs_of(used, seconds, self._trunk, self._prices)), Decimal(0))
        self._passed = spent >= Decimal(str(self.budget.max_cost))
        return spent if self._passed else None

    def control(self, member: str) -> Mapping[str, Any]:
        """The message of live control that keeps the call within its budget.

        :param member: name of the assistant that has the call
        """
        if self.budget.action == "end":
            return {
                "type": "say",
                "content": self.budget.message or GOODBYE,
                "endCallAfterSpoken": True,
                "interruptionsEnabled": False,
            }
        cheaper = {
            "model": {"model": self.budget.model},
            "firstMessage": "",
            "firstMessageMode": "assistant-waits-for-user",
        }
        destination = {"type": "assistant", "assistantName": member, "assistantOverrides": cheaper}
        return {"type": "handoff", "destination": destination, "content": self.budget.message or ""}


def book_of(plan_prices: Sequence[Mapping[str, Any]], configured: Sequence[Price]) -> PriceBook:
    """The prices of a call: those of its plan, then those of the settings."""
    return PriceBook([*(Price.model_validate(one) for one in plan_prices), *configured])


def budget_watch(
    assistant: Assistant, plan: CallPlan | None, configured: Sequence[Price], trunk: str | None
) -> BudgetWatch | None:
    """What keeps a call within its assistant's budget; None where it has none."""
    if assistant.budget is None:
        return None
    return BudgetWatch(assistant.budget, book_of(plan.prices if plan else (), configured), trunk)
