"""A language model without a model: a dialogue written down in YAML."""

from __future__ import annotations

from gateway.providers.llm.dialogue.load import load_dialogue
from gateway.providers.llm.dialogue.model import DialogueModel, Options, make

__all__ = ["DialogueModel", "Options", "load_dialogue", "make"]
