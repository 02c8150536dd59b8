"""With whose keys calls are analysed: a model of OpenAI's kind is emulated, and takes one key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.call_plan import CallPlan
from gateway.chat.models import OrganisationModels
from gateway.messages.analysing import CallAnalyst
from gateway.messages.intake import KnownCall
from gateway.messages.servers import CallServers
from gateway.messages.view import CallView
from gateway.plane.kept_plans import keep_plan
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.organisations import create_organisation
from tests.messages.journals import CALL_ID, Journal
from tests.messages.stored import SECRETS
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat

KEY = "the right one"
ONLY_A_SUMMARY = {"successEvaluationPlan": {"enabled": False}}


@pytest.fixture
async def model() -> AsyncIterator[OpenAiChat]:
    async with running(server := OpenAiChat(lambda _: Answer("Said hello."), key=KEY)):
        yield server


def known(organisation_id: str, assistant: dict[str, Any]) -> KnownCall:
    """A call that has ended."""
    journal, view = Journal(), CallView({"id": CALL_ID, "orgId": organisation_id})
    journal.opened()
    journal.add("answered")
    journal.assistant(assistant=assistant)
    journal.agent("Hello.", 100)
    journal.caller("Hello?", 1000, 1500)
    journal.add("ended", 5000, reason="customer-ended-call")
    for event in journal.events:
        view.apply(event)
    return KnownCall(organisation_id, view, CallServers())


@pytest.mark.parametrize(
    ("ours", "own", "analysed"),
    [
        ({"apiKey": KEY}, [], False),
        ({"apiKey": KEY, "shared": True}, [], True),
        ({"apiKey": "wrong"}, [{"apiKey": KEY}, {"apiKey": "older"}], True),
    ],
    ids=["the operator's", "shared by the operator", "their own, the newest"],
)
@pytest.mark.parametrize("theirs", [True, False])
async def test_a_call_is_analysed_with_the_keys_that_it_had(
    tmp_path: Path,
    database: Database,
    model: OpenAiChat,
    ours: dict[str, Any],
    own: list[dict[str, Any]],
    analysed: bool,
    theirs: bool,
) -> None:
    served = {"provider": "openai", "apiUrl": model.api_url}
    assistant = {"name": "desk", "model": {"provider": "openai", "model": "gpt-4o"}, "analysisPlan": ONLY_A_SUMMARY}
    settings = Settings.model_validate(
        {"data_dir": tmp_path, "egress": {"allow": ["127.0.0.1"]}, "credentials": [{**served, **ours}]}
    )
    async with database.transaction() as session:
        other = await create_organisation(session, "other")
        organisation = other.id if theirs else database.default_organisation_id
        plan = CallPlan(
            organisation=organisation,
            call={"id": CALL_ID},
            members=[{"name": "desk", "assistant_id": "a-1", "assistant": assistant}],
            credentials=[{**served, **one} for one in own],
            shared_credentials=not theirs,
        )
        await keep_plan(session, SECRETS, plan)
    models = OrganisationModels(settings)
    try:
        found = await CallAnalyst(settings, database, SECRETS, models).analyse(known(organisation, assistant))
    finally:
        await models.close()
    assert found.get("summary") == ("Said hello." if analysed or not theirs else None)
