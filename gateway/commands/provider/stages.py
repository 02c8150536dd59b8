"""Which stage and provider a name on the command line means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.commands.provider.names import StageName
from gateway.errors import ConfigError
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.usage import Stage

STAGES: Mapping[StageName, Stage] = {
    StageName.STT: "transcriber",
    StageName.LLM: "model",
    StageName.TTS: "voice",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A provider of one stage."""

    stage: StageName
    provider: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.provider}"


def choose(name: str, stage: StageName | None = None) -> Chosen:
    """The provider that a user means by "deepgram", "stt/deepgram", or a "package.module:Class" with its stage.

    :raises ConfigError: there is none, or there are several
    """
    before, slash, after = name.partition("/")
    if slash and before in set(StageName):
        name, stage = after, StageName(before)
    found = [one for one in StageName if name in BY_STAGE[STAGES[one]] and stage in (None, one)]
    if stage is not None and ":" in name:
        return Chosen(stage, name)
    if not found:
        where = f" {stage}" if stage else ""
        raise ConfigError(f'There is no{where} provider "{name}"; `parley provider list` shows them.')
    if len(found) > 1:
        places = " or ".join(f"{one}/{name}" for one in found)
        raise ConfigError(f'"{name}" is a provider of several stages: write {places}.')
    return Chosen(found[0], name)
