"""Calls that an earlier gateway left behind when it died: their far ends still believe in them, and are told BYE.

Their dialogs are in the journals (`gateway.call.dialog`). They are written into one file before the journals become
records, so that a gateway that dies again while it starts forgets none.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import structlog

from gateway.call.dialog import KeptDialog, open_dialogs
from gateway.call.journal_file import read_journal
from gateway.errors import LegError

log = structlog.get_logger(__name__)

FILE = "dialogs.kept"
REASON = "the gateway was restarted"
_PACE_SECONDS = 0.005
"""Between two BYE: 200 calls take a second, and no far end is flooded."""
_OK, _UNAUTHORIZED, _PROXY_AUTHENTICATION, _NO_DIALOG, _NOT_FOUND = 200, 401, 407, 481, 404


class DialogEnder(Protocol):
    """The part of the endpoint that is needed."""

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        """Send BYE in a dialog of an earlier process; returns the final status. :raises LegError: it cannot be sent"""


class Orphans:
    """:param folder: the data directory
    :param journals: where the calls' journals are
    """

    def __init__(self, folder: Path, journals: Path) -> None:
        self._path = folder / FILE
        self._journals = journals
        self.dialogs: list[KeptDialog] = []
        """Whose far ends have not been told yet."""

    def find(self) -> None:
        """Look for them, before the journals are closed. A file that cannot be written is logged: the calls are ended
        all the same."""
        known = {(dialog.call_id, dialog.local): dialog for dialog in self._kept()}
        for path in sorted(self._journals.glob("*.journal")):
            if path.with_suffix(".json").exists():
                continue  # it has ended, and only waits for the control plane
            known |= {(dialog.call_id, dialog.local): dialog for dialog in _of_journal(path)}
        self.dialogs = list(known.values())
        self._keep()

    async def end(self, endpoint: DialogEnder) -> None:
        """Tell all of them, and forget them. Returns when the last has answered, or is given up."""
        if not self.dialogs:
            return
        log.info("calls of an earlier gateway are ended", dialogs=len(self.dialogs))
        async with asyncio.TaskGroup() as tasks:
            for dialog in self.dialogs:
                tasks.create_task(_end(endpoint, dialog))
                await asyncio.sleep(_PACE_SECONDS)
        self.dialogs = []
        await asyncio.to_thread(self._keep)

    def _kept(self) -> Sequence[KeptDialog]:
        try:
            return [KeptDialog.read(one) for one in json.loads(self._path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            log.warning("kept dialogs cannot be read", file=str(self._path), detail=str(error))
            return []

    def _keep(self) -> None:
        if not self.dialogs:
            self._path.unlink(missing_ok=True)
            return
        beside = self._path.with_name(f"{FILE}.new")
        try:
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
                json.dump([dialog.shown() for dialog in self.dialogs], file)
            beside.replace(self._path)
        except OSError as error:
            log.error("dialogs of an earlier gateway not kept", file=str(self._path), detail=str(error))


def _of_journal(path: Path) -> Sequence[KeptDialog]:
    try:
        return open_dialogs(read_journal(path))
    except OSError as error:  # the others are ended all the same
        log.error("journal of an earlier gateway not read", path=str(path), detail=str(error))
        return []


async def _end(endpoint: DialogEnder, dialog: KeptDialog) -> None:
    try:
        status = await endpoint.end_dialog(dialog, REASON)
    except LegError as error:
        log.warning("call of an earlier gateway not ended", sip_call_id=dialog.call_id, reason=str(error))
        return
    # who does not know the dialog any more has ended it
    ended = _OK <= status < 300 or status in (_NO_DIALOG, _NOT_FOUND)
    (log.info if ended else log.warning)("call of an earlier gateway told", sip_call_id=dialog.call_id, status=status)
