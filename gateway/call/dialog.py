"""What is kept of a SIP dialog, so that another process can end it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from gateway.call.journal import Entry

KIND = "dialog"
"""Of the journal's entry."""
LAST_KIND = "ended"


@dataclass(frozen=True, slots=True)
class KeptDialog:
    """A dialog as our requests in it see it (RFC 3261 section 12.1). It holds no credentials: those are the trunk's.

    `local` and `remote` are From and To with their tags, `target` the Request-URI, `routes` the route set in order,
    `cseq` our next sequence number when this was written; `trunk` is None for a call without one.
    """

    call_id: str
    local: str
    remote: str
    target: str
    cseq: int
    routes: tuple[str, ...] = ()
    trunk: str | None = None

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "routes": list(self.routes)}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """:raises ValueError: something is missing"""
        try:
            words = {name: str(data[name]) for name in ("call_id", "local", "remote", "target")}
            trunk = data.get("trunk")
            routes = tuple(str(route) for route in data.get("routes", ()))
            return cls(**words, cseq=int(data["cseq"]), routes=routes, trunk=str(trunk) if trunk else None)
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is no dialog: {error}.") from None


def open_dialogs(entries: Iterable[Entry]) -> list[KeptDialog]:
    """The dialogs of a journal whose call nobody has ended, each as it was known last."""
    found: dict[tuple[str, str], KeptDialog] = {}
    for entry in entries:
        if entry.kind == LAST_KIND:
            return []
        if entry.kind == KIND:
            try:
                dialog = KeptDialog.read(entry.data)
            except ValueError:
                continue
            found[dialog.call_id, dialog.local] = dialog
    return list(found.values())
