"""The functions that a model sees."""

from __future__ import annotations

from gateway.assistant.tool import FunctionChanges
from gateway.providers.base import ToolDefinition


def defined(usual: ToolDefinition, changes: FunctionChanges | None) -> ToolDefinition:
    """A tool's own definition, with what its `function` puts in the place of it."""
    if changes is None:
        return usual
    return ToolDefinition(
        changes.name or usual.name,
        usual.description if changes.description is None else changes.description,
        usual.parameters if changes.parameters is None else changes.parameters,
    )
