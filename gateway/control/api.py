"""The control API of a gateway: what a local operator may ask of its calls.

| request | does | answer |
|---|---|---|
| POST /calls | dials | 200, a line of JSON for each stage that the call reaches, until it has ended |
| GET /calls | | 200, the live calls |
| POST /calls/ID/say | lets the agent say a text | 202 |
| PUT /calls/ID/recording | pauses the recording, or lets it go on | 202 |
| DELETE /calls/ID | hangs up | 202 |
| GET /trunks | | 200, the trunks: registration, and gateways that can be reached |
| GET /status | | 200, this gateway and its workers |
| POST /drain | lets the gateway go down as SIGTERM does | 202 |
| POST /workers/drain | lets a worker go down when others have its calls | 202 |
| POST /workers/restart | replaces the local workers one after the other | 200, a line of JSON for each step |
| POST /routes | asks the control plane whose a number is | 200, sentences |

Whoever leaves while lines come leaves the call, or the restart, as it is. Refusals are 404 for a call that is not
live and 409 for everything else, with the reason in words.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse

from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.session import Call
from gateway.call.state import EndNow
from gateway.control.explaining import explained
from gateway.control.messages import (
    CallStep,
    DialRequest,
    LiveCall,
    RecordingRequest,
    Refusal,
    RestartStep,
    RouteAnswer,
    RouteQuestion,
    SayRequest,
    StatusReport,
    TrunkReport,
    WorkerQuestion,
)
from gateway.control.status import status_report
from gateway.errors import NotLive, ParleyError
from gateway.link.rolling import RollingRestart
from gateway.recording.of_call import PAUSE, RESUME


def control_app(gateway: Gateway, *, go_down: Callable[[], None]) -> FastAPI:
    """The application.

    :param go_down: lets the process drain and end
    """
    began = time.monotonic()
    app = FastAPI(title="Parley control", openapi_url=None)
    app.add_exception_handler(ParleyError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)

    @app.post("/calls")
    async def dial(request: DialRequest) -> StreamingResponse:
        call = await gateway.dial(
            request.destination,
            assistant=request.assistant,
            trunk=request.trunk,
            caller=request.caller,
            variables=request.variables,
            ring_seconds=request.ring_seconds,
            extension=request.extension,
            anyway=request.anyway,
        )
        return StreamingResponse(_steps(call), media_type="application/x-ndjson")

    @app.get("/calls")
    async def live() -> list[LiveCall]:
        return [LiveCall.of(call) for call in gateway.calls.values()]

    @app.post("/calls/{call_id}/say", status_code=202)
    async def say(call_id: str, request: SayRequest) -> Response:
        call = gateway.call(call_id)
        call.say(request.text, end_call_after=request.end_call_after, interruptible=request.interruptible)
        return Response(status_code=202)

    @app.put("/calls/{call_id}/recording", status_code=202)
    async def record(call_id: str, request: RecordingRequest) -> Response:
        wanted = PAUSE if request.paused else RESUME
        gateway.call(call_id).control({"type": "control", "control": wanted}, by="command")
        return Response(status_code=202)

    @app.delete("/calls/{call_id}", status_code=202)
    async def hang_up(call_id: str) -> Response:
        gateway.call(call_id).post(EndNow(endings.MANUALLY_CANCELED))
        return Response(status_code=202)

    @app.get("/trunks")
    async def trunks() -> list[TrunkReport]:
        known, states = gateway.endpoint.trunks(), gateway.endpoint.trunk_states()
        return [TrunkReport.of(known[name], state) for name, state in states.items() if name in known]

    @app.get("/status")
    async def status() -> StatusReport:
        return await status_report(gateway, uptime_seconds=time.monotonic() - began)

    @app.post("/drain", status_code=202)
    async def drain() -> Response:
        go_down()
        return Response(status_code=202)

    @app.post("/workers/drain", status_code=202)
    async def drain_worker(question: WorkerQuestion) -> Response:
        await gateway.pool.drain(question.worker)
        return Response(status_code=202)

    @app.post("/workers/restart")
    async def restart_workers() -> StreamingResponse:
        return StreamingResponse(_restart_steps(gateway.pool.restart()), media_type="application/x-ndjson")

    @app.post("/routes")
    async def explain(question: RouteQuestion) -> RouteAnswer:
        return await explained(gateway, question)

    return app


async def _steps(call: Call) -> AsyncIterator[str]:
    async for step in call.progress:
        yield CallStep.of(call, step).model_dump_json(by_alias=True) + "\n"


async def _restart_steps(restart: RollingRestart) -> AsyncIterator[str]:
    async for text in restart:
        complete = restart.complete if restart.over else None
        yield RestartStep(text=text, complete=complete).model_dump_json(by_alias=True) + "\n"


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return _refusal(404 if isinstance(error, NotLive) else 409, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _refusal(422, f"The request is not valid: {where}: {first['msg']}.")


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse(Refusal(message=message).model_dump(by_alias=True), status_code=status)
