from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.conversation.context import Context
from gateway.errors import ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, ChatMessage, ChatRequest, ReplyPart, TextDelta
from gateway.worker.transfer_briefing import Briefing


class Summarist:
    """A model that answers, fails, or is silent."""

    def __init__(self, answer: str = "", *, fails: bool = False, hangs: bool = False) -> None:
        self.answer, self.fails, self.hangs = answer, fails, hangs
        self.asked: list[ChatRequest] = []

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        self.asked.append(request)
        if self.fails:
            raise ProviderUnavailable("no model")
        if self.hangs:
            await asyncio.sleep(60)
        for word in self.answer.split(" "):
            yield TextDelta(word + " ")


def briefing(model: Summarist) -> Briefing:
    context = Context(system=(ChatMessage("system", "You sell bread."),))
    return Briefing(model, context, {"customer": {"number": "+1555"}}, OUTSIDE_CALL)


def destination(mode: str, **plan: Any) -> dict[str, Any]:
    return {"type": "sip", "sipUri": "sip:desk@h", "transferPlan": {"mode": mode, **plan}}


async def test_a_message_has_its_templates_filled_in() -> None:
    given = destination("warm-transfer-say-message", message="{{customer.number}} calls.", introduction="Hello both.")
    done = await briefing(Summarist()).completed(given)
    assert done["transferPlan"]["message"] == "+1555 calls."
    assert done["transferPlan"]["introduction"] == "Hello both."


async def test_a_summary_is_what_the_human_is_told() -> None:
    model = Summarist("Ann wants bread.")
    done = await briefing(model).completed(destination("warm-transfer-say-summary", message="A call."))
    assert done["transferPlan"]["message"] == "Ann wants bread."
    assert "note-taker" in model.asked[0].messages[0].content


async def test_a_summary_goes_into_a_header_on_one_line() -> None:
    given = {**destination("blind-transfer-add-summary-to-sip-header"), "sipHeaders": {"X-A": "1"}}
    done = await briefing(Summarist("Ann wants\n bread.")).completed(given)
    assert done["sipHeaders"] == {"X-A": "1", "X-Transfer-Summary": "Ann wants bread."}


@pytest.mark.parametrize("model", [Summarist(fails=True), Summarist(hangs=True)], ids=["fails", "hangs"])
async def test_without_a_summary_the_transfer_goes_on_with_its_message(model: Summarist) -> None:
    given = destination("warm-transfer-say-summary", message="A call.", summaryPlan={"timeoutSeconds": 1})
    done = await briefing(model).completed(given)
    assert done["transferPlan"]["message"] == "A call."


async def test_the_summary_may_be_asked_for_in_own_words() -> None:
    model = Summarist("Bread.")
    asked = [{"role": "user", "content": "In one word: {{transcript}}"}]
    await briefing(model).completed(destination("warm-transfer-say-summary", summaryPlan={"messages": asked}))
    assert model.asked[0].messages[0].content.startswith("In one word:")


async def test_a_destination_without_a_plan_is_left_alone() -> None:
    plain = {"type": "number", "number": "200"}
    assert await briefing(Summarist(fails=True)).completed(plain) == plain
