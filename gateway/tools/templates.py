"""Templates in the settings of tools: texts anywhere in a JSON value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.assistant.tool import ToolParameter
from gateway.conversation.templates import render


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with the templates in all its texts filled in.

    :raises ConfigError: a template is malformed
    """
    match value:
        case str():
            return render(value, variables)
        case Mapping():
            return {name: filled(one, variables) for name, one in value.items()}
        case list() | tuple():
            return [filled(one, variables) for one in value]
    return value


def static_values(parameters: list[ToolParameter], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The static parameters of a tool.

    :raises ConfigError: a template is malformed
    """
    return {parameter.key: filled(parameter.value, variables) for parameter in parameters}
