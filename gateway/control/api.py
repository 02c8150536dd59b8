"""The control API of a gateway: what a local operator may ask of its calls.

| request | does | answer |
|---|---|---|
| POST /calls | dials | 200, a line of JSON for each stage that the call reaches, until it has ended |
| GET /calls | | 200, the live calls |
| POST /calls/ID/say | lets the agent say a text | 202 |
| PUT /calls/ID/recording | pauses the recording, or lets it go on | 202 |
| DELETE /calls/ID | hangs up | 202 |
| GET /trunks | | 200, the trunks: registration, and gateways that can be reached |
| POST /routes | asks the control plane whose a number is | 200, sentences |

Whoever leaves while the lines of a dialled call come leaves the call as it is. Refusals are 404 for a call that is not
live and 409 for everything else, with the reason in words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

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
    RouteAnswer,
    RouteQuestion,
    SayRequest,
    TrunkReport,
)
from gateway.errors import NotLive, ParleyError
from gateway.recording.of_call import PAUSE, RESUME


def control_app(gateway: Gateway) -> FastAPI:
    """The application."""
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

    @app.post("/routes")
    async def explain(question: RouteQuestion) -> RouteAnswer:
        return await explained(gateway, question)

    return app


async def _steps(call: Call) -> AsyncIterator[str]:
    async for step in call.progress:
        yield CallStep.of(call, step).model_dump_json(by_alias=True) + "\n"


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return _refusal(404 if isinstance(error, NotLive) else 409, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _refusal(422, f"The request is not valid: {where}: {first['msg']}.")


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse(Refusal(message=message).model_dump(by_alias=True), status_code=status)
