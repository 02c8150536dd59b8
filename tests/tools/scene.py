"""A conversation for tools, without a call: what they say and ask for is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx

from gateway.assistant.assistant import Model
from gateway.assistant.section import Server
from gateway.conversation.context import ToolCalled, ToolReturned
from gateway.providers.base import ToolCall
from gateway.tools.kind import Surroundings
from gateway.tools.outcome import ToolOutcome
from gateway.tools.port import Done
from gateway.tools.toolbox import Toolbox
from gateway.webhooks.signing import Signer

CALL = {"id": "call-1", "customer": {"number": "+15550001"}, "phoneNumber": {"number": "+15550002"}}
Answer = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def results(result: Any, **more: Any) -> httpx.Response:
    """What a tool server should answer."""
    return httpx.Response(200, json={"results": [{"toolCallId": "t", "result": result, **more}]})


class Port:
    """Keeps what tools do with the call, in the order in which it happens."""

    def __init__(self, said: Sequence[tuple[str, str]], variables: Mapping[str, Any]) -> None:
        self.did: list[Any] = []
        self.askers: list[str] = []
        """Tool calls that asked for an action that must not be done twice."""
        self.entries: list[tuple[str, Mapping[str, Any]]] = []
        self.facts: list[ToolCalled | ToolReturned] = []
        self.answer = Done(True, "Done.")
        self.covered: bool | None = None
        self.kept = True
        self.variables: dict[str, Any] = dict(variables)
        self._said = [{"role": role, "content": text} for role, text in said]

    def set_variables(self, values: Mapping[str, Any]) -> None:
        self.variables.update(values)

    def messages(self) -> Sequence[Mapping[str, Any]]:
        return self._said

    def now(self) -> int:
        return 1000

    def record(self, fact: ToolCalled | ToolReturned, **details: Any) -> None:
        self.facts.append(fact)

    def journal(self, kind: str, data: Mapping[str, Any]) -> None:
        self.entries.append((kind, data))

    async def durable(self) -> bool:
        return self.kept

    def tool_started(self, tool: str, reply: int, timeout_ms: int, *, covered: bool) -> None:
        self.covered = covered

    def tool_ended(self, tool: str, reply: int) -> None:
        """Seen in `facts`."""

    async def transfer(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        self.askers.append(tool)
        self.did.append(("transfer", destination))
        return self.answer

    async def hand_off(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        self.did.append(("hand off", destination))
        return self.answer

    async def send_digits(self, digits: str, *, info: bool, tool: str) -> Done:
        self.askers.append(tool)
        self.did.append(("digits", digits, info))
        return self.answer

    async def pause_recording(self, *, paused: bool) -> Done:
        self.did.append("pause recording" if paused else "resume recording")
        return self.answer

    async def take_consent(self, *, granted: bool) -> Done:
        self.did.append(("consent", granted))
        return self.answer

    async def send_sip_request(self, verb: str, headers: Mapping[str, str], body: str, *, tool: str) -> Done:
        self.askers.append(tool)
        self.did.append(("sip", verb, dict(headers), body))
        return self.answer

    # ------------------------------------------------------------ the reply

    def say(self, text: str, *, interruptible: bool = True) -> None:
        self.did.append(("say", text))

    async def heard(self) -> None:
        self.did.append("heard")


class Scene:
    """One conversation with these tools.

    :param answer: what servers answer
    :param server: the assistant's
    """

    def __init__(
        self,
        *tools: Mapping[str, Any],
        answer: Answer | None = None,
        said: Sequence[tuple[str, str]] = (),
        variables: Mapping[str, Any] | None = None,
        server: Server | None = None,
        credentials: Sequence[Mapping[str, Any]] = (),
        client: httpx.AsyncClient | None = None,
        voicemail_message: str = "",
        call: Mapping[str, Any] = CALL,
        phone_number: Mapping[str, Any] | None = None,
    ) -> None:
        self.requests: list[httpx.Request] = []
        self.port = Port(said, variables or {})
        self._answer = answer or (lambda _: results("fine"))
        self.client = client or httpx.AsyncClient(transport=httpx.MockTransport(self._serve))
        around = Surroundings(
            port=self.port,
            client=self.client,
            signer=Signer(self.client),
            call=call,
            phone_number=phone_number,
            assistant={"name": "Shop"},
            server=server,
            voicemail_message=voicemail_message,
            credentials=credentials,
        )
        read = Model.model_validate({"provider": "dialogue", "tools": list(tools)}).tools
        self.toolbox = Toolbox(read, around, spawn=lambda work, name: asyncio.create_task(work, name=name))

    async def use(self, name: str, **arguments: Any) -> ToolOutcome:
        """The model calls a tool in the second turn."""
        return await self.toolbox.run(ToolCall("t", name, arguments), 2, 5, self.port)

    async def repeat(self, name: str, **arguments: Any) -> ToolOutcome:
        """The call that another worker made in the second turn."""
        return await self.toolbox.repeat(ToolCalled(2, "t", name, arguments), 5, self.port)

    @property
    def said(self) -> list[str]:
        """What the tools said."""
        return [did[1] for did in self.port.did if did[0] == "say"]

    @property
    def kept(self) -> Mapping[str, Any]:
        """The only request in the record."""
        ((kind, data),) = self.port.entries
        assert kind == "tool-request"
        return data

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answer(request)
        return answer if isinstance(answer, httpx.Response) else await answer
