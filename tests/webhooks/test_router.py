"""What was delivered can be seen, and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import outbox
from tests.api.house import House, house


@pytest.fixture
async def parley(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


async def add(parley: House, *, call: str = "call-1") -> int:
    server = {"url": "https://hook.example/vapi?token=1", "secret": "s3", "headers": {"X-Key": "k"}}
    async with parley.context.database.transaction() as session:
        return await outbox.add(
            session,
            parley.organisation_id,
            stream=f"hook.example/{call}",
            type="status-update",
            server=server,
            body='{"message":{}}',
            call_id=call,
        )


async def give_up(parley: House, position: int) -> None:
    async with parley.context.database.transaction() as session:
        await outbox.dead(session, position, status=500, error="The server answered 500.")


async def test_what_was_given_up_is_found_and_replayed(parley: House) -> None:
    waiting, dead = await add(parley), await add(parley, call="call-2")
    await give_up(parley, dead)
    (found,) = (await parley.client.get("/delivery", params={"state": "dead"})).json()
    assert (found["id"], found["callId"], found["host"]) == (str(dead), "call-2", "hook.example")
    assert (found["status"], found["error"]) == (500, "The server answered 500.")
    replayed = await parley.client.post(f"/delivery/{dead}/replay")
    assert (replayed.status_code, replayed.json()["state"], replayed.json()["attempts"]) == (201, "pending", 0)
    listed = (await parley.client.get("/delivery", params={"state": "pending"})).json()
    assert [one["id"] for one in listed] == [str(dead), str(waiting)]


async def test_one_is_shown_with_its_body_and_without_secrets(parley: House) -> None:
    position = await add(parley)
    answer = await parley.client.get(f"/delivery/{position}")
    assert answer.json()["body"] == '{"message":{}}'
    assert "s3" not in answer.text
    assert "X-Key" not in answer.text


async def test_lists_are_by_call_and_page(parley: House) -> None:
    first, second, _ = [await add(parley, call=call) for call in ("a", "a", "b")]
    listed = (await parley.client.get("/delivery", params={"callId": "a", "before": second})).json()
    assert [one["id"] for one in listed] == [str(first)]


async def test_deliveries_of_others_are_not_there(parley: House) -> None:
    position = await add(parley)
    assert (await parley.stranger.get("/delivery")).json() == []
    assert (await parley.stranger.get(f"/delivery/{position}")).status_code == 404
    assert (await parley.stranger.post(f"/delivery/{position}/replay")).status_code == 404
    assert (await parley.public.get("/delivery")).status_code == 403
    assert (await parley.nobody.get("/delivery")).status_code == 401


@pytest.mark.parametrize("path", ["/delivery/x", "/delivery/99", f"/delivery/{'9' * 40}", "/delivery/%00"])
async def test_what_is_no_delivery_is_not_found(parley: House, path: str) -> None:
    assert (await parley.client.get(path)).status_code == 404


@pytest.mark.parametrize("query", [{"state": "lost"}, {"limit": "0"}, {"before": "x"}])
async def test_a_wrong_filter_is_refused(parley: House, query: dict[str, str]) -> None:
    assert (await parley.client.get("/delivery", params=query)).status_code == 400
