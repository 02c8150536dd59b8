"""Those who read the journal of a call while it is written: the control plane, who listens, and the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gateway.call.budget import BudgetWatch, budget_watch
from gateway.call.journal import Entry
from gateway.call.state import State

if TYPE_CHECKING:
    from gateway.call.session import Call


class JournalReaders:
    """Of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._budget = budget_watch(call.assistant, call.plan, call.services.prices, call.leg.info.trunk)
        self._member = call.plan.members[0].name if call.plan else call.assistant.name

    def read(self, entry: Entry) -> None:
        """A line was written."""
        if self._call.services.spool is not None:
            self._call.services.spool.add(self._call.id, entry)
        self._call.audience.learn(entry)
        if entry.kind == "assistant":
            self._member = str(entry.data.get("name") or self._member)
        elif entry.kind == "usage" and self._budget is not None:
            self._keep_budget(self._budget, entry.data.get("rows", ()))

    def _keep_budget(self, budget: BudgetWatch, rows: Sequence[Mapping[str, Any]]) -> None:
        call = self._call
        spent = budget.passed(rows, Decimal(call.answered_for_ms) / 1000)
        if spent is not None and call.state is State.LIVE:
            note = {"event": "budget", "spent": float(spent), "action": budget.budget.action}
            call.journal.append(call.now_ms, "note", note)
            call.control(budget.control(self._member))
