"""A FastAPI application that does nothing but answer, for comparison: `python -m bench.bare_api PORT`.

It is served as Parley's API is: the same server, event loop and priority. It keeps what it is sent in memory, and knows
no keys, checks, database or log.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from gateway.commands.api import fast_loop
from gateway.link.child import NICENESS
from tests.peers.ports import LOOPBACK


def bare_app() -> FastAPI:
    """`POST /assistant` and `GET /assistant/{id}`."""
    app = FastAPI()
    kept: dict[str, Any] = {}

    @app.post("/assistant")
    async def create(request: Request) -> JSONResponse:
        entity = {**await request.json(), "id": str(uuid.uuid4())}
        kept[entity["id"]] = entity
        return JSONResponse(entity, status_code=201)

    @app.get("/assistant/{id_}")
    async def get(id_: str) -> JSONResponse:
        return JSONResponse(kept[id_])

    return app


def main() -> None:
    """Serve until SIGTERM."""
    os.nice(NICENESS)
    config = uvicorn.Config(bare_app(), host=LOOPBACK, port=int(sys.argv[1]), access_log=False, lifespan="off")
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
