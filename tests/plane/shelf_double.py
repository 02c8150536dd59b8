"""A shelf in memory."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from gateway.plane.shelf import Body


class MemoryShelf:
    """Implements `Shelf`; each thing is given with its id."""

    def __init__(
        self,
        *,
        assistants: Sequence[Body] = (),
        squads: Sequence[Body] = (),
        tools: Sequence[Body] = (),
        credentials: Sequence[Body] = (),
    ) -> None:
        self._kept = {
            "assistant": {one["id"]: one for one in assistants},
            "squad": {one["id"]: one for one in squads},
            "tool": {one["id"]: one for one in tools},
        }
        self._credentials = credentials

    async def assistant(self, name: str) -> Body | None:
        return self._get("assistant", name)

    async def squad(self, id_: str) -> Body | None:
        return self._get("squad", id_)

    async def tool(self, id_: str) -> Body | None:
        return self._get("tool", id_)

    async def credentials(self) -> Sequence[Body]:
        return deepcopy(list(self._credentials))

    def _get(self, kind: str, id_: str) -> dict[str, Any] | None:
        return deepcopy(self._kept[kind].get(id_))
