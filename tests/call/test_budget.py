"""A call that costs more than its assistant allows."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.assistant.budget import Budget
from gateway.call.budget import GOODBYE, BudgetWatch, book_of
from gateway.call.prices import Price, PriceBook
from gateway.conversation.live_control import read_control
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import greet, house
from tests.link.worker_double import until

SPOKEN = {"stage": "voice", "provider": "11labs", "model": "eleven_flash_v2_5", "characters": 1000}
PLATFORM = Price.model_validate({"component": "platform", "unit": "minute", "price": "0.06"})
ENDING = Budget(max_cost=0.05)


def watch(**fields: Any) -> BudgetWatch:
    return BudgetWatch(Budget.model_validate({"maxCost": 0.05, **fields}), PriceBook([PLATFORM]), None)


def test_a_budget_is_passed_once_by_usage_and_time_together() -> None:
    budget = watch()
    assert budget.passed([SPOKEN], Decimal(9)) is None, "0.04 for the voice, 0.009 for the platform"
    assert budget.passed([SPOKEN], Decimal(10)) == Decimal("0.05")
    assert budget.passed([SPOKEN, SPOKEN], Decimal(60)) is None


def test_the_call_is_ended_in_words() -> None:
    assert watch().control("Front desk")["content"] == GOODBYE
    said = watch(message="Time is up.").control("Front desk")
    assert (said["content"], said["endCallAfterSpoken"], said["interruptionsEnabled"]) == ("Time is up.", True, False)
    read_control(said)


def test_or_goes_on_with_a_cheaper_model_of_the_same_assistant() -> None:
    control = watch(action="downgrade", model="gpt-4.1-nano").control("Front desk")
    destination = control["destination"]
    assert (control["type"], destination["assistantName"]) == ("handoff", "Front desk")
    assert destination["assistantOverrides"]["model"] == {"model": "gpt-4.1-nano"}
    read_control(control)


def test_the_prices_of_the_plan_win_over_those_of_the_settings() -> None:
    own = {"component": "platform", "unit": "minute", "price": "0.01"}
    assert book_of([own], [PLATFORM]).price("platform", "parley", "", "minute") == Decimal("0.01")


@pytest.mark.parametrize(
    "wrong", [{}, {"maxCost": 0}, {"maxCost": 1, "action": "downgrade"}, {"maxCost": 1, "action": "stop"}]
)
def test_what_is_no_budget_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Budget.model_validate(wrong)


async def test_the_gateway_tells_the_worker_when_the_budget_is_passed(tmp_path: Path) -> None:
    async with house(tmp_path, greet, budget=ENDING) as h:
        await h.live()
        (call,) = h.gateway.calls.values()
        worker = h.workers[0]
        number = next(event.call for event in worker.got("answered") if worker.call_id(event.call) == call.id)
        for characters in (1000, 2000, 3000):
            rows = json.dumps({"rows": [{**SPOKEN, "characters": characters}]})
            worker.send(pb.WorkerEvent(call=number, journal=pb.JournalEntry(at_ms=100, kind="usage", json=rows)))
        await until(lambda: sum(entry.kind == "usage" for entry in call.journal.entries) == 3)
        await until(lambda: worker.got("control"))
        (told,) = worker.got("control")
        assert json.loads(told.control.json)["content"] == GOODBYE
        (note,) = [entry.data for entry in call.journal.entries if entry.data.get("event") == "budget"]
        assert note == {"event": "budget", "spent": 0.08, "action": "end"}
