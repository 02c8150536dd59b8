"""The server that the assistants' tool asks: it counts what was done, for whom, and under which key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request


class Effects:
    """Requests by call and turn."""

    def __init__(self) -> None:
        self._keys: defaultdict[tuple[str, int], list[str]] = defaultdict(list)

    @property
    def done(self) -> int:
        """Turns of calls whose effect took place."""
        return len(self._keys)

    @property
    def repeated(self) -> int:
        """Effects that took place once more: a server that keeps to Idempotency-Key does nothing for a key it knows."""
        return sum(len(set(keys)) - 1 for keys in self._keys.values())

    @property
    def asked_again(self) -> int:
        """Requests under a key that was there before."""
        return sum(len(keys) - len(set(keys)) for keys in self._keys.values())

    def note(self, message: Mapping[str, Any], key: str) -> list[dict[str, str]]:
        """A message of type tool-calls; returns the results."""
        results = []
        for call in message["toolCallList"]:
            arguments = (call.get("function") or call).get("arguments") or {}
            self._keys[str(message.get("call", {}).get("id")), int(arguments["turn"])].append(key)
            results.append({"toolCallId": call["id"], "result": "noted"})
        return results


def effects_app(effects: Effects) -> FastAPI:
    """The server as an application: POST /effects."""
    app = FastAPI(title="Parley chaos")

    @app.post("/effects")
    async def note(request: Request) -> dict[str, Any]:
        body = await request.json()
        return {"results": effects.note(body["message"], request.headers.get("idempotency-key", ""))}

    return app
