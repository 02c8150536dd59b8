"""Our language model of OpenAI-compatible servers with one that others wrote: llama.cpp's, alone and in a real call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication, ProviderBadRequest, ProviderUnavailable
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, ReplyEnd, TextDelta, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.openai import Options, make
from gateway.providers.usage import Usage, UsageBook
from tests.interop.conversation import hold_conversation
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.interop.tool_server import ToolServer
from tests.peers.llama_cpp import CONTEXT_TOKENS, KEY, LlamaCpp, running_llama_cpp
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.providers.llm.replies import closing

GREETING = "Good day, this is the little bakery. How may I help you?"
READY = "Your bread will be ready on Friday!"
LOOK_UP = ToolDefinition(
    "lookup_order",
    "Looks up an order.",
    {"type": "object", "properties": {"order_number": {"type": "string"}}, "required": ["order_number"]},
)

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaCpp]:
    async with running_llama_cpp(tmp_path_factory.mktemp("llama")) as running:
        yield running


def asked(server: LlamaCpp, *, key: str = KEY) -> AbstractAsyncContextManager[Any]:
    credential = Credential(provider="custom-llm", api_key=SecretStr(key))
    return closing(make(Options(model="bakery", url=server.url, temperature=0), credential))


def request(*messages: ChatMessage, tools: bool = False, said: str = "", book: UsageBook | None = None) -> ChatRequest:
    context = CallContext(meter=book.add) if book else CallContext()
    return ChatRequest(messages, [LOOK_UP] if tools else [], context, said)


HELLO = ChatMessage("user", "Hello")


async def text_of(server: LlamaCpp, asking: ChatRequest) -> str:
    async with asked(server) as model:
        return "".join([part.text async for part in model.reply(asking) if isinstance(part, TextDelta)])


async def test_its_words_come_one_by_one_and_it_counts_the_tokens(server: LlamaCpp) -> None:
    book = UsageBook()
    async with asked(server) as model:
        parts = [part async for part in model.reply(request(HELLO, book=book))]
    words = [part.text for part in parts if isinstance(part, TextDelta) and part.text]
    assert "".join(words) == GREETING
    assert len(words) > 10, "streamed, not sent at once"
    assert isinstance(parts[-1], ReplyEnd)
    (usage,) = book.sums
    assert (usage.stage, usage.provider, usage.model) == ("model", "custom-llm", "bakery")
    assert usage.completion_tokens == len(words) + 1, "each word and the end"
    assert usage.prompt_tokens > 15


async def test_what_it_had_in_its_cache_is_counted_apart(server: LlamaCpp) -> None:
    book = UsageBook()
    asking = request(ChatMessage("user", "Hello, and hello again"), book=book)
    for _ in range(2):
        await text_of(server, asking)
    assert 0 < book.sums[0].cached_prompt_tokens < book.sums[0].prompt_tokens


async def test_a_tool_call_comes_in_pieces_and_its_result_is_answered(server: LlamaCpp) -> None:
    question = ChatMessage("user", "Where is my order?")
    async with asked(server) as model:
        parts = [part async for part in model.reply(request(question, tools=True))]
        (call,) = [part for part in parts if isinstance(part, ToolCall)]
        assert (call.name, call.arguments) == ("lookup_order", {"order_number": "4821"})
        assert call.id
        assert not [part for part in parts if isinstance(part, TextDelta) and part.text]
        result = (ChatMessage("assistant", "", (call,)), ChatMessage("tool", "On Friday.", tool_call_id=call.id))
        assert await text_of(server, request(question, *result, tools=True)) == READY


async def test_a_reply_goes_on_behind_what_was_heard(server: LlamaCpp) -> None:
    rest = await text_of(server, request(HELLO, said="Good day, this is the"))
    assert rest.split() == ["little", "bakery.", "How", "may", "I", "help", "you?"]


async def test_a_reply_that_is_cut_ends_the_work_of_the_server(server: LlamaCpp) -> None:
    book = UsageBook()
    counting = request(ChatMessage("user", "Please count"), book=book)
    async with asked(server) as model:
        async with aclosing(model.reply(counting)) as parts:
            assert isinstance(await anext(parts), TextDelta)
        await server.idle()
        assert book.sums[0].completion_tokens < CONTEXT_TOKENS / 2, "it would have counted until its context was full"
    assert await text_of(server, request(HELLO)) == GREETING


async def test_its_refusals_are_understood(server: LlamaCpp) -> None:
    async with asked(server, key="another") as model:
        with pytest.raises(ProviderAuthentication, match="401: Invalid API Key"):
            _ = [part async for part in model.reply(request(HELLO))]
    with pytest.raises(ProviderBadRequest, match=r"400: .*exceeds the available context size"):
        await text_of(server, request(ChatMessage("user", "hello " * CONTEXT_TOKENS)))


async def test_a_server_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    async with running_llama_cpp(tmp_path) as server:
        await text_of(server, request(HELLO))
    with pytest.raises(ProviderUnavailable):
        await text_of(server, request(HELLO))


async def test_a_caller_talks_with_it(server: LlamaCpp, tmp_path: Path) -> None:
    """A real call: the caller's order is looked up by the model's own tool call, and the cost is in the record."""
    with ToolServer(lambda _name, _arguments: "It leaves the harbour on Friday.").serving() as tools:
        function = {"name": LOOK_UP.name, "description": LOOK_UP.description, "parameters": LOOK_UP.parameters}
        model = {
            "provider": "custom-llm",
            "url": server.url,
            "model": "bakery",
            "temperature": 0,
            "tools": [{"type": "function", "function": function, "server": {"url": tools.url}}],
        }
        heard = {"provider": "tests.interop.providers:FixedTranscriber", "text": "where is my order"}
        assistant = {**fake_assistant(), "transcriber": heard, "model": model}
        changes: dict[str, list[dict[str, Any]]] = {
            "credentials": [{"provider": "custom-llm", "apiKey": KEY}],
            "prices": [
                {"component": "llm", "provider": "custom-llm", "unit": "1M prompt tokens", "price": 10},
                {"component": "llm", "provider": "custom-llm", "unit": "1M completion tokens", "price": 30},
            ],
        }
        async with running_product(ProductPlan(tmp_path / "parley", assistant, changes=changes)) as product:
            phone = SoftphonePlan(tmp_path / "phone")
            call = await hold_conversation(product, phone, f"sip:demo@{product.address}", _ask_once, order="1")
    assert tools.calls("lookup_order") == [{"order_number": "4821"}]
    assert [turn["heard"] for turn in call.record["turns"] if turn["role"] == "agent"] == ["hello", READY]
    (row,) = [row for row in call.record["costs"] if row["type"] == "model"]
    used = Usage("model", "", prompt_tokens=row["promptTokens"], completion_tokens=row["completionTokens"])
    assert used.prompt_tokens > 50
    assert row["cost"] == pytest.approx((used.prompt_tokens * 10 + used.completion_tokens * 30) / 1e6, abs=1e-6)
    assert call.record["cost"] == call.record["cost_breakdown"]["total"] == row["cost"]


async def _ask_once(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["order"])
    await phone.far_end_spoke()
