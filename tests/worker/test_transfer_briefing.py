from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.conversation.context import CallerSaid, Context
from gateway.errors import InvalidAssistant, ProviderUnavailable
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import OUTSIDE_CALL, CallContext, ChatMessage, ChatRequest, ReplyPart, TextDelta
from gateway.worker.call_start import CallStart
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


@dataclass
class Providing:
    """What a briefing needs of the providers of a call."""

    model: Summarist
    context: CallContext


def briefing(summarist: Summarist, **assistant: Any) -> Briefing:
    written = {"model": {"provider": "dialogue"}, **assistant}
    start = pb.StartCall(assistant_json=json.dumps(written), variables_json='{"customer": {"number": "+1555"}}')
    context = Context(system=(ChatMessage("system", "You sell bread."),))
    context.add(CallerSaid(1, "I want bread."))
    return Briefing(CallStart(start).first_opening(), Providing(summarist, OUTSIDE_CALL), context)


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


TALKS = {"model": {"provider": "dialogue"}, "firstMessage": "{{customer.number}} calls."}


def talking(**changes: Any) -> dict[str, Any]:
    return destination("warm-transfer-experimental", transferAssistant=TALKS, **changes)


async def test_nobody_talks_where_the_plan_names_nobody() -> None:
    for given in (
        destination("warm-transfer-experimental"),
        destination("warm-transfer-say-message", transferAssistant=TALKS),
    ):
        assert (await briefing(Summarist()).transfer_talk(given)).assistant_json == ""


async def test_a_transfer_assistant_speaks_and_hears_as_the_agent_does_and_knows_what_was_said() -> None:
    agent = briefing(Summarist(fails=True), voice={"provider": "hibari", "speed": 1.2})
    talk = await agent.transfer_talk(talking())
    assistant, variables = json.loads(talk.assistant_json), json.loads(talk.variables_json)
    assert assistant["voice"] == {"provider": "hibari", "speed": 1.2}
    assert assistant["name"] == "transfer-assistant"
    assert assistant["maxDurationSeconds"] == 120
    assert assistant["model"]["messages"][0]["content"].endswith("{{conversation}}")
    assert variables["conversation"] == variables["transcript"] == "User: I want bread."
    assert variables["customer"] == {"number": "+1555"}


@pytest.mark.parametrize(
    ("context", "known"),
    [
        ({"type": "none"}, ""),
        ({"type": "lastNMessages", "maxMessages": 1}, "User: I want bread."),
        ({"type": "all"}, "User: I want bread."),
    ],
)
async def test_how_much_it_knows_is_for_the_plan_to_say(context: dict[str, Any], known: str) -> None:
    talk = await briefing(Summarist()).transfer_talk(talking(contextEngineeringPlan=context))
    assert json.loads(talk.variables_json)["conversation"] == known
    assert ("{{conversation}}" in talk.assistant_json) is bool(known)


async def test_a_summary_is_written_only_for_a_transfer_assistant_that_names_it() -> None:
    model = Summarist("Ann wants bread.")
    await briefing(model).transfer_talk(talking())
    assert model.asked == []
    named = {**TALKS, "firstMessage": "{{ summary }}"}
    talk = await briefing(model).transfer_talk(destination("warm-transfer-experimental", transferAssistant=named))
    assert json.loads(talk.variables_json)["summary"] == "Ann wants bread."


async def test_own_instructions_stand_in_the_place_of_the_usual_ones() -> None:
    model = {"provider": "dialogue", "messages": [{"role": "system", "content": "Be brief."}]}
    talk = await briefing(Summarist()).transfer_talk(
        destination("warm-transfer-experimental", transferAssistant={"model": model})
    )
    assistant = json.loads(talk.assistant_json)
    assert assistant["model"]["messages"][0]["content"].startswith("Be brief.")
    assert assistant["firstMessageMode"] == "assistant-waits-for-user"


async def test_one_that_cannot_be_used_is_told_and_not_every_provider_is_for_everybody() -> None:
    for model in ({"provider": "nobody"}, {"provider": "tests.worker.fakes:EchoModel"}):
        with pytest.raises(InvalidAssistant):
            await briefing(Summarist()).transfer_talk(
                destination("warm-transfer-experimental", transferAssistant={"model": model})
            )


async def test_what_the_operator_wrote_into_the_assistant_may_name_a_provider_of_this_machine() -> None:
    given = destination(
        "warm-transfer-experimental", transferAssistant={"model": {"provider": "tests.worker.fakes:EchoModel"}}
    )
    tools = [{"type": "transferCall", "destinations": [given]}]
    own = briefing(Summarist(), model={"provider": "dialogue", "tools": tools})
    assert "EchoModel" in (await own.transfer_talk(given)).assistant_json
