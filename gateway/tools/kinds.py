"""Which code carries out which tool."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.assistant.section import Server
from gateway.assistant.tool import EndCallTool, FunctionTool, ToolBase
from gateway.tools.end_call import EndCall
from gateway.tools.function import Function
from gateway.tools.kind import ToolKind


def kinds(tools: Sequence[ToolBase], server: Server | None) -> list[ToolKind]:
    """The tools that a model can be offered.

    :param server: of the conversation, for tools that have none of their own
    """
    return [kind for tool in tools if (kind := _kind(tool, server)) is not None]


def _kind(tool: ToolBase, server: Server | None) -> ToolKind | None:
    match tool:
        case FunctionTool(function=function) if function is not None:
            return Function(tool, function, server)
        case EndCallTool():
            return EndCall(tool)
    return None
