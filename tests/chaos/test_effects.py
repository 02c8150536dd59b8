"""Effects of tools, counted by call, turn and key."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from gateway.chaos.effects import Effects, effects_app


def message(call: str, turn: int) -> dict[str, Any]:
    entry = {"id": "t", "function": {"name": "note_turn", "arguments": {"turn": turn}}}
    return {"message": {"type": "tool-calls", "call": {"id": call}, "toolCallList": [entry]}}


def ask(client: TestClient, call: str, turn: int, key: str) -> Any:
    return client.post("/effects", json=message(call, turn), headers={"Idempotency-Key": key}).json()


def test_an_effect_took_place_again_under_another_key_only() -> None:
    effects = Effects()
    client = TestClient(effects_app(effects))
    assert ask(client, "a", 1, "k1") == {"results": [{"toolCallId": "t", "result": "noted"}]}
    ask(client, "a", 1, "k1")
    ask(client, "a", 2, "k2")
    ask(client, "b", 1, "k3")
    assert (effects.done, effects.repeated, effects.asked_again) == (3, 0, 1)
    ask(client, "b", 1, "k4")
    assert (effects.done, effects.repeated, effects.asked_again) == (3, 1, 1)
