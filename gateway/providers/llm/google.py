"""Google's Gemini by the SDK `google-genai`.

Wire format: POST `/v1/models/{model}:streamGenerateContent?alt=sse` (https://ai.google.dev/api/generate-content):
each event is a whole response with the next parts, and the counts of tokens up to it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, cast

import httpx2
from google import genai
from google.genai import errors, types

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.base import ChatRequest, LanguageModel
from gateway.providers.credentials import Credential
from gateway.providers.llm import http
from gateway.providers.llm.gemini_contents import contents, system, thinking, tools
from gateway.providers.llm.gemini_events import Reader
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.options import ModelOptions
from gateway.providers.llm.streamed_model import StreamedModel
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Piece

_URL = "https://generativelanguage.googleapis.com"
_RETRY_DELAY = re.compile(r'"retryDelay":\s*"(\d+(?:\.\d+)?)s"')

_answers: ContextVar[list[httpx2.Response]] = ContextVar("answers of the request that is being made")


class Options(ModelOptions):
    """Gemini thinks as little as its model allows: the caller is waiting."""

    UNUSED: ClassVar[frozenset[str]] = ModelOptions.UNUSED | {"realtime_config"}

    realtime_config: dict[str, Any] | None = None


def make(options: Options, credential: Credential) -> LanguageModel:
    """A model of Google."""
    return StreamedModel(GoogleWire(options, credential))


class GoogleWire:
    """A model by the SDK of Google; the connection pool is shared by all calls."""

    lenient = False

    def __init__(self, options: Options, credential: Credential) -> None:
        self.provider = credential.provider
        self.model = options.model
        self.who = f"The model {options.model} of {credential.provider}"
        self._options = options
        self._credential = credential
        self._url = (credential.api_url or _URL).rstrip("/")
        self._pool = http.pool(options.timeout_seconds)
        self._pool.event_hooks = {"response": [_remember]}
        self._signatures = KeptByCall()
        self._client = genai.Client(
            vertexai=False,
            api_key=credential.key,
            http_options=types.HttpOptions(
                base_url=self._url,
                timeout=round(1000 * options.timeout_seconds),
                httpx_async_client=self._pool,
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._url)

    async def close(self) -> None:
        """Close all connections."""
        self._client.close()
        await self._pool.aclose()

    async def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """The server's responses; see `ModelWire`."""
        names = ToolNames(request.tools)
        reader = Reader(names, self._signatures)
        # The SDK nests generators, which do not close each other: a request that is cancelled is closed from below.
        answers: list[httpx2.Response] = []
        _answers.set(answers)
        try:
            with self._errors():
                stream = await self._client.aio.models.generate_content_stream(
                    model=self.model,
                    contents=cast(Any, contents(request.messages, names, self._signatures, self.model)),
                    config=self._config(request, names),
                )
                async with aclosing(cast(AsyncGenerator[types.GenerateContentResponse, None], stream)) as responses:
                    async for response in responses:
                        for piece in reader.read(response):
                            yield piece
        finally:
            for answer in answers:
                await answer.aclose()

    def _config(self, request: ChatRequest, names: ToolNames) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(
            system_instruction=system(request.messages) or None,
            temperature=self._options.temperature,
            max_output_tokens=self._options.max_tokens,
            tools=cast(Any, tools(request.tools, names)) or None,
            thinking_config=thinking(self.model),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )

    def _refused(self, response: httpx2.Response) -> ProviderError:
        return http.refused(self.who, response.status_code, response.text, _headers(response), self._credential)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with http.transport_errors(self.who, self._options.timeout_seconds):
                yield
        except errors.APIError as error:
            if not isinstance(error.response, httpx2.Response):  # An event of an answer that had begun.
                raise ProviderUnavailable(f"{self.who} broke off: {error.message or error.status}.") from error
            raise self._refused(error.response) from error
        except ValueError as error:
            raise ProviderError(f"{self.who} sent an event that is not a response: {error!s:.120}") from error


def _headers(response: httpx2.Response) -> dict[str, str]:
    """The headers, with Retry-After from the body, where Google has it (google.rpc.RetryInfo)."""
    delay = _RETRY_DELAY.search(response.text)
    return {**response.headers, **({"retry-after": delay[1]} if delay else {})}


async def _remember(response: httpx2.Response) -> None:
    if (answers := _answers.get(None)) is not None:
        answers.append(response)
