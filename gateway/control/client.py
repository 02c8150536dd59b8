"""The command line's side of the control socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from gateway.control.messages import (
    CallStep,
    DialRequest,
    LiveCall,
    Message,
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
from gateway.control.socket import control_path
from gateway.errors import DialRefused, NoGateway, NotLive, ParleyError

SECONDS = 10.0
"""For everything but the steps of a call, which come when they come."""


class ControlClient:
    """A connection to the gateway of a data directory; a context manager.

    Every method raises `NoGateway` when none runs there, and the `ParleyError` that the gateway answers with.
    """

    def __init__(self, data_dir: Path) -> None:
        path = control_path(data_dir)
        self._path = path
        # The host is a name for the header only: every request goes to the socket.
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://parley", timeout=SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def dial(self, request: DialRequest) -> Iterator[CallStep]:
        """Place a call; yields each stage as it is reached, the end last.

        :raises DialRefused: when it is not placed
        """
        timeout = httpx.Timeout(SECONDS, read=None)
        with self._reaching(), self._http.stream("POST", "/calls", json=_json(request), timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
                raise DialRefused(_message(answer))
            for line in answer.iter_lines():
                yield CallStep.model_validate_json(line)

    def live(self) -> list[LiveCall]:
        """The live calls."""
        return [LiveCall.model_validate(call) for call in self._ask("GET", "/calls").json()]

    def say(self, call: str, request: SayRequest) -> None:
        """Let the agent say a text. :raises NotLive: when the call is not live"""
        self._ask("POST", f"/calls/{call}/say", _json(request))

    def record(self, call: str, *, paused: bool) -> None:
        """Pause the recording of a call, or let it go on. :raises NotLive: when the call is not live"""
        self._ask("PUT", f"/calls/{call}/recording", _json(RecordingRequest(paused=paused)))

    def hang_up(self, call: str) -> None:
        """End a call. :raises NotLive: when the call is not live"""
        self._ask("DELETE", f"/calls/{call}")

    def trunks(self) -> list[TrunkReport]:
        """The trunks, as they are now."""
        return [TrunkReport.model_validate(trunk) for trunk in self._ask("GET", "/trunks").json()]

    def status(self) -> StatusReport:
        """The gateway and its workers."""
        return StatusReport.model_validate(self._ask("GET", "/status").json())

    def drain(self) -> None:
        """Let the gateway go down when its calls have ended."""
        self._ask("POST", "/drain")

    def drain_worker(self, worker: str) -> None:
        """Let a worker go down when others have its calls. :raises ParleyError: there is none of that name"""
        self._ask("POST", "/workers/drain", _json(WorkerQuestion(worker=worker)))

    def restart_workers(self) -> Iterator[RestartStep]:
        """Replace the local workers; yields each step as it is taken, the end last.

        :raises ParleyError: there is none, or they are being restarted already
        """
        timeout = httpx.Timeout(SECONDS, read=None)
        with self._reaching(), self._http.stream("POST", "/workers/restart", timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
                raise ParleyError(_message(answer))
            for line in answer.iter_lines():
                yield RestartStep.model_validate_json(line)

    def explain(self, question: RouteQuestion) -> RouteAnswer:
        """What the control plane would do with a call."""
        return RouteAnswer.model_validate(self._ask("POST", "/routes", _json(question)).json())

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        with self._reaching():
            answer = self._http.request(method, path, json=body)
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotLive(_message(answer))
        if answer.is_error:
            raise ParleyError(_message(answer))
        return answer

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            if isinstance(_root(error), PermissionError):
                raise NoGateway(f"{self._path} belongs to another user; run this as the gateway's user.") from None
            raise NoGateway(
                "No gateway is running here; start one with `parley serve`, or give the data_dir of the one that runs: "
                f"nobody listens at {self._path}."
            ) from None
        except httpx.TransportError as error:
            raise NoGateway(f"The gateway does not answer: {error or type(error).__name__}.") from None


def _json(request: Message) -> dict[str, Any]:
    return request.model_dump(by_alias=True)


def _message(answer: httpx.Response) -> str:
    try:
        return Refusal.model_validate_json(answer.content).message
    except (ValueError, json.JSONDecodeError):
        return f"The gateway answered {answer.status_code}."


def _root(error: BaseException) -> BaseException:
    cause = error.__cause__ or error.__context__
    return _root(cause) if cause is not None else error
