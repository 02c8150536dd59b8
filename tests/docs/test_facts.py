"""What the documentation says is so: files, links, metrics, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

import gateway.observe.api_metrics
import gateway.observe.campaign_metrics
import gateway.observe.metrics
import gateway.observe.webhook_metrics  # noqa: F401  registers the metrics, as the others do
from gateway.assistant.assistant import Assistant
from gateway.assistant.filler_plan import FillerPlan
from gateway.assistant.hooks import SpeechTimeout
from gateway.assistant.keypad_input_plan import KeypadInputPlan
from gateway.assistant.message_plan import MessagePlan
from gateway.assistant.unhonoured import UNHONOURED
from gateway.config import load
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.usage import Stage
from tests.docs.pages import PAGES, ROOT, prose

OPERATE = (ROOT / "docs" / "operate.md").read_text()
SILENCE = (ROOT / "docs" / "silence-and-keys.md").read_text()
PROVIDERS = (ROOT / "docs" / "providers.md").read_text()
CONFIGURE = (ROOT / "docs" / "configure.md").read_text()


def our_metrics() -> set[str]:
    names = set()
    for metric in REGISTRY.collect():
        if metric.name.startswith("parley_"):
            names.add({"counter": f"{metric.name}_total", "info": f"{metric.name}_info"}.get(metric.type, metric.name))
    return names


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    tops = "gateway|tests|config|docs|proto|deploy|systemd|bench|LICENSES"
    for name in re.findall(rf"`((?:{tops})/[\w./@-]*)`", page.read_text()):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_metrics_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"\bparley_[a-z_]+[a-z]\b", page.read_text()):
        plain = re.sub(r"_(bucket|sum|count)$", "", name)
        assert {name, plain} & our_metrics(), name


def test_every_metric_is_documented() -> None:
    assert {name for name in our_metrics() if f"`{name}" not in OPERATE} == set()


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + (field.alias or name)


def test_every_field_of_an_assistant_is_documented() -> None:
    structured = {"startSpeakingPlan", "stopSpeakingPlan", "transcriber", "model", "voice", "name"}
    names = [name for name in fields(Assistant) if name not in structured]
    for part in ("start_speaking_plan", "stop_speaking_plan"):
        plan = Assistant.model_fields[part]
        assert isinstance(plan.annotation, type)
        names += fields(plan.annotation, f"{plan.alias}.")
    assert [name for name in names if f"`{name}`" not in CONFIGURE] == []


@pytest.mark.parametrize("plan", [MessagePlan, SpeechTimeout, KeypadInputPlan, FillerPlan])
def test_every_field_of_the_plans_for_silence_and_keys_is_documented(plan: type[BaseModel]) -> None:
    assert [name for name in fields(plan) if f"| `{name}` |" not in SILENCE] == []


def test_the_default_settings_are_without_a_mistake_and_serve_the_demo() -> None:
    settings = load(ROOT / "config" / "parley.yaml", environ={})
    demo = settings.assistants["demo"]
    assert settings.routes[-1].assistant == "demo"
    assert settings.demo.enabled
    servers = [tool.server.url for tool in demo.model.tools if tool.server]
    assert servers == [f"http://127.0.0.1:{settings.demo.port}/tools"]


def test_the_version_is_the_same_everywhere() -> None:
    from gateway import __version__

    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("stage", list(BY_STAGE))
def test_every_provider_is_documented(stage: Stage) -> None:
    assert [name for name in BY_STAGE[stage] if f"| `{name}` |" not in PROVIDERS] == []


def test_every_field_that_is_kept_and_does_nothing_is_documented_with_the_reason() -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \| (.+) \|$", (ROOT / "docs" / "assistants.md").read_text(), re.MULTILINE))
    assert set(UNHONOURED.items()) <= rows
