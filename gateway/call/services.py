"""What is paid for the calls of an assistant."""

from __future__ import annotations

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import ProviderSettings
from gateway.call.estimate import Service
from gateway.call.prices import COMPONENTS
from gateway.commands.provider.listing import default_model
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES
from gateway.providers.registry import Providers
from gateway.settings import Settings


def services_of(settings: Settings, assistant: Assistant, line: str | None = None) -> list[Service]:
    """Its providers first in line, the line, and the platform. Loads the packages of its providers.

    :param line: the trunk; default: the first of the settings, or none
    """
    heard = assistant.transcriber or Providers.of(settings).default_transcriber()
    named = [
        _service(StageName.STT, heard),
        _service(StageName.LLM, assistant.model),
        _service(StageName.TTS, assistant.voice),
    ]
    trunk = line or (settings.trunks[0].name if settings.trunks else "direct")
    return [Service("platform", "parley"), *named, Service("telephony", trunk)]


def _service(stage: StageName, chosen: ProviderSettings) -> Service:
    model = str(chosen.options.get("model") or default_model(stage, chosen.provider))
    return Service(COMPONENTS[STAGES[stage]], chosen.provider, model if model != chosen.provider else "")
