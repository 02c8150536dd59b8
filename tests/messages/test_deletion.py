"""Who is told that a call was deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.call_plan import CallPlan
from gateway.plane.kept_plans import keep_plan
from gateway.store import outbox
from gateway.store.calls import Calls
from tests.api.house import House, house
from tests.messages.journals import ASSISTANT, CALL_ID
from tests.vapi.contract import contract

SERVER = {"url": "https://hook.example/vapi", "secret": "s3"}


async def call_of(parley: House, **assistant: Any) -> None:
    """A call that has ended."""
    member = {"assistant": {**ASSISTANT, "server": SERVER, **assistant}}
    call = {"id": CALL_ID, "type": "outboundPhoneCall", "status": "ended"}
    plan = CallPlan.model_validate({"organisation": parley.organisation_id, "call": call, "members": [member]})
    async with parley.context.database.transaction() as session:
        await keep_plan(session, parley.context.secrets, plan)
        await Calls(session, parley.organisation_id).create(
            {**call, "assistant": member["assistant"], "artifact": {"transcript": "AI: Hi."}}, id=CALL_ID
        )


@pytest.mark.parametrize(("subscribed", "told"), [(["call.deleted"], 1), (["status-update"], 0), (None, 0)])
async def test_a_server_is_told_of_a_deletion_where_it_subscribes(
    tmp_path: Path, subscribed: list[str] | None, told: int
) -> None:
    async with house(tmp_path) as parley:
        await call_of(parley, **({} if subscribed is None else {"serverMessages": subscribed}))
        assert (await parley.client.delete(f"/call/{CALL_ID}")).status_code == 200
        async with parley.context.database.reading() as session:
            found = await outbox.list_deliveries(session, parley.organisation_id)
        assert len(found) == told
        for one in found:
            assert one.server == SERVER
            assert contract().message_faults(json.loads(one.body)) == []
            assert "Hi." not in one.body
            assert SERVER["secret"] not in one.body
