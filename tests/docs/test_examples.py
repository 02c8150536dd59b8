"""What the documentation shows works."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr
from structlog.testing import capture_logs
from typer.main import get_command

from gateway.assistant.assistant import Assistant
from gateway.cli import app
from gateway.config import load, load_assistant
from gateway.demo.orders import orders_app
from gateway.providers.base import ChatMessage, ChatRequest, ReplyEnd, ToolCall
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.llm.dialogue.load import load_dialogue
from gateway.providers.registry import Providers
from gateway.tools.tool_reply import read_reply
from gateway.worker.endpointing_callout import read_wait_ms
from tests.docs.pages import ROOT, Block, blocks


def each(kind: str, mark: str = "") -> pytest.MarkDecorator:
    found = list(blocks(kind, mark))
    assert found, f"no {kind} block in the documentation"
    return pytest.mark.parametrize("block", found, ids=str)


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Each use of a program in the shell blocks: where, and its arguments."""
    for block in blocks("sh"):
        for line in block.text.splitlines():
            for part in re.split(r"&&|\|", line):
                words = shlex.split(part, comments=True)
                while words and (words[0] == "sudo" or "=" in words[0]):
                    words = words[1:]
                if words and words[0] in (program, f".venv/bin/{program}"):
                    yield str(block), words[1:]


@each("yaml")
def test_settings_are_without_a_mistake(block: Block, tmp_path: Path) -> None:
    (tmp_path / "dialogues").symlink_to(ROOT / "config" / "dialogues")
    file = tmp_path / "parley.yaml"
    file.write_text(block.text)
    load(file, environ={})


@each("yaml", "dialogue")
def test_dialogues_are_without_a_mistake(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "dialogue.yaml"
    file.write_text(block.text)
    load_dialogue(file)


@each("yaml assistant")
def test_settings_of_an_assistant_are_without_a_mistake(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "assistant.yaml"
    file.write_text(block.text)
    load_assistant(file)


@each("yaml provider")
def test_providers_are_made_of_their_examples(block: Block) -> None:
    """Their own settings are right, and change something."""
    parts = {"transcriber": Providers.transcriber, "model": Providers.model, "voice": Providers.voice}
    ((part, written),) = yaml.safe_load(block.text).items()
    assistant = Assistant.model_validate({"model": {"provider": "none"}, part: written})
    entry = BY_STAGE[part][written["provider"]]
    beside = {"region": "westeurope"} if written["provider"] == "azure" else {"user_id": "me", "api_url": "https://h"}
    credential = Credential(provider=written["provider"], api_key=SecretStr("k" if entry.key else ""), **beside)
    with capture_logs() as logs:
        parts[part](Providers(Credentials([credential], environ={})), getattr(assistant, part))  # type: ignore[operator]
    assert "settings without effect" not in [line["event"] for line in logs]


def test_every_provider_has_an_example_or_is_named_beside_one() -> None:
    text = (ROOT / "docs" / "providers.md").read_text()
    for stage, entries in BY_STAGE.items():
        section = text.split(f"\n## {stage.capitalize()}s\n")[1].split("\n## ")[0]
        missing = [name for name in entries if section.count(f"`{name}`") + section.count(f"provider: {name},") < 2]
        assert missing == [], stage


@each("yaml prometheus")
def test_scrape_settings_name_the_default_port(block: Block) -> None:
    (job,) = yaml.safe_load(block.text)["scrape_configs"]
    (targets,) = job["static_configs"]
    settings = load(ROOT / "config" / "parley.yaml", environ={})
    assert targets["targets"] == [f"{settings.http.host}:{settings.http.port}"]


@pytest.mark.parametrize(("place", "arguments"), list(commands("parley")), ids=lambda value: str(value)[:60])
def test_command_lines_are_understood(place: str, arguments: list[str]) -> None:
    command: Any = get_command(app)
    context = command.make_context("parley", ["version"])
    while hasattr(command, "resolve_command") and arguments and not arguments[0].startswith("-"):
        name, command, arguments = command.resolve_command(context, arguments)
        context = command.context_class(command, parent=context, info_name=name)
    command.parse_args(context, list(arguments))


@pytest.mark.parametrize(("place", "arguments"), list(commands("make")), ids=lambda value: str(value)[:60])
def test_make_targets_exist(place: str, arguments: list[str]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {word for word in arguments if "=" not in word and not word.startswith("-")} <= targets, place


@each("python")
async def test_a_provider_of_ones_own_answers(block: Block) -> None:
    names: dict[str, type] = {}
    exec(compile(block.text, str(block), "exec"), names)
    parrot = names["Parrot"](prefix="I heard: ")
    assert inspect.getdoc(parrot)
    parts = [part async for part in parrot.reply(ChatRequest([ChatMessage("user", "hello")]))]
    assert getattr(parts[0], "text", None) == "I heard: hello"
    assert isinstance(parts[-1], ReplyEnd)


async def test_the_tool_request_is_one_that_the_demo_service_takes() -> None:
    request = next(json.loads(block.text) for block in blocks("json") if "toolCallList" in block.text)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(orders_app()), base_url="http://shop") as client:
        answer = await client.post("/tools", json=request)
    assert "Tuesday" in answer.json()["results"][0]["result"]


def test_the_tool_answer_is_one_that_the_worker_reads() -> None:
    text = next(block.text for block in blocks("json") if "toolCallId" in block.text)
    result = read_reply(ToolCall("t1", "lookup_order", {}), 200, text).result
    assert (result.ok, result.text) == (True, "Your order has shipped.")


def test_the_endpointing_answer_is_one_that_the_worker_reads() -> None:
    text = next(block.text for block in blocks("json") if block.text.startswith('{"timeoutSeconds"'))
    assert read_wait_ms(200, text) == 500
