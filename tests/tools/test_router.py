from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.house import House, house


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


async def test_a_tool_is_tried_by_rest(api: House) -> None:
    tool = {"type": "dtmf", "sipInfoDtmfEnabled": True}
    made = (await api.client.post("/tool", json=tool)).json()
    tried = await api.client.post(f"/tool/{made['id']}/test", json={"arguments": {"dtmf": "12"}})
    assert tried.status_code == 200
    shown = tried.json()
    assert (shown["ok"], shown["wouldDo"], shown["result"]) == (
        True,
        ["press 12 by SIP INFO"],
        "The keys were pressed.",
    )


async def test_a_private_address_is_not_called_for_a_user(api: House) -> None:
    tool = {"type": "function", "function": {"name": "order"}, "server": {"url": "http://127.0.0.1:9/"}}
    made = (await api.client.post("/tool", json=tool)).json()
    shown = (await api.client.post(f"/tool/{made['id']}/test", json={})).json()
    assert not shown["ok"]
    assert "egress.allow" in shown["result"]


async def test_only_its_own_organisation_tries_a_tool(api: House) -> None:
    made = (await api.client.post("/tool", json={"type": "endCall"})).json()
    assert (await api.stranger.post(f"/tool/{made['id']}/test", json={})).status_code == 404
    assert (await api.client.post(f"/tool/{made['id']}/test", json={"arguments": 7})).status_code == 400


async def test_what_a_tool_does_not_do_here_is_warned_of(api: House) -> None:
    tool = {
        "type": "voicemail",
        "beepDetectionEnabled": True,
        "surprise": 1,
        "messages": [{"type": "request-start", "content": "x", "color": "red"}],
    }
    made = (await api.client.post("/tool", json=tool)).json()
    assert [warning["path"] for warning in made["warnings"]] == ["messages.0.color", "surprise", "beepDetectionEnabled"]
    refused = await api.client.post("/tool", json={"type": "function", "function": {"name": "a b"}})
    assert refused.status_code == 400
    assert any(problem.startswith("function.name must match") for problem in refused.json()["message"])
