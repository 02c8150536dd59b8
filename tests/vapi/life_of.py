"""Runs an SDK's life against a running product, and is the telephone of the call that it makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from tests.peers.vapi_sdks import vapi_python, vapi_typescript

HERE = Path(__file__).parent
LIFE_SECONDS = 600.0
"""The Python SDK builds its models for half a minute at its first call."""
GREETED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What an SDK did: `wire` has method, path, status and json of each request, `error` what it raised."""

    name: str
    error: str | None
    made: str
    wire: Sequence[dict[str, Any]]


def python_life(base_url: str, key: str) -> list[str]:
    """The command that holds the life by the Python SDK."""
    return [str(vapi_python()), str(HERE / "life.py"), base_url, key]


def typescript_life(base_url: str, key: str) -> list[str]:
    """The command that holds the life by the TypeScript SDK."""
    return ["node", str(HERE / "life.mjs"), str(vapi_typescript()), base_url, key]


async def operations(command: Sequence[str]) -> list[Operation]:
    """All that the SDK did."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    assert process.stdin is not None
    assert process.stdout is not None
    done: list[Operation] = []
    try:
        async with asyncio.timeout(LIFE_SECONDS):
            async for line in process.stdout:
                told = json.loads(line)
                if "hold" in told:
                    await converse(told["url"])
                    process.stdin.write(b"\n")
                else:
                    done.append(Operation(told["operation"], told["error"], told["made"], told["wire"]))
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return done


async def converse(url: str) -> None:
    """Take the call, hear the greeting to its end, and hang up."""
    async with asyncio.timeout(GREETED_SECONDS), connect(url, max_queue=None) as socket:
        async for message in socket:
            if isinstance(message, str) and json.loads(message)["type"] == "transcript":
                return
