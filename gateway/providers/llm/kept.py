"""What a server wants to see again: signed thoughts that come with tool calls and have to go back with them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

_MOST = 2000
"""Tool calls of as many calls as a process holds; a turn needs its own for seconds."""


class KeptByCall:
    """Remembers something for each tool call's id, the latest ones only."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def keep(self, call_id: str, something: Any) -> None:
        """Remember it."""
        self._kept[call_id] = something
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def of(self, call_id: str) -> Any:
        """What was kept, or None."""
        return self._kept.get(call_id)
