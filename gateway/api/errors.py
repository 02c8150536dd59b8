"""The shape of every refusal: `{"message": string or string[], "error": "Bad Request", "statusCode": 400}` (NestJS)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.api.sentences import bounded, sentence, sentences
from gateway.errors import (
    ApiError,
    BadRequest,
    CallRefused,
    CommandRefused,
    Conflict,
    DialRefused,
    Forbidden,
    InvalidAssistant,
    LinkError,
    NoGateway,
    NotFound,
    NotLive,
    ParleyError,
    PlaneAway,
    StoreError,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)

__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "Forbidden",
    "NotFound",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsupportedMedia",
    "add_handlers",
    "refusal",
]

_STATUS: dict[type[ParleyError], int] = {
    NotLive: 404,
    DialRefused: 409,
    NoGateway: 503,
    LinkError: 503,
    PlaneAway: 503,
    StoreError: 503,
}
"""Of errors that are not the API's own; the others are 400, because they tell what the user can do."""


def refusal(status: int, message: str | list[str], *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer."""
    body = {"message": message, "error": HTTPStatus(status).phrase, "statusCode": status}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def add_handlers(app: FastAPI) -> None:
    """Give every refusal of `app` its shape."""
    app.add_exception_handler(ParleyError, _parley_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_exception)


async def _parley_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ParleyError)
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    if isinstance(error, ApiError):
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return refusal(error.status, error.message, headers=headers)
    if isinstance(error, InvalidAssistant):
        return refusal(400, bounded(error.problems))
    status = error.status if isinstance(error, CallRefused | CommandRefused) else 400
    status = next((known for kind, known in _STATUS.items() if isinstance(error, kind)), status)
    return refusal(status, str(error), headers=headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Query, path and form: what FastAPI validates itself. The first part of its location is not a path of ours."""
    assert isinstance(error, RequestValidationError)
    found = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
    return refusal(400, sentences(found) or [sentence(problem) for problem in error.errors()])


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code in (404, 405):
        message = f"Cannot {request.method} {request.url.path}"
    return refusal(error.status_code, message, headers=error.headers)
