"""What is kept of the stack's dialogs, and the BYE in dialogs of an earlier process, on the owner thread.

pjsua2 can do neither: it shows no tags and no route set, and sends requests in its own dialogs only. So both are in
native/bridge/dialog.c, which answers challenges with the account's credentials, too.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import itertools
from collections.abc import Callable
from typing import Any

from gateway.call.dialog import KeptDialog
from gateway.errors import NativeMissing

OnEnded = Callable[[int], None]
"""Told the final status of a BYE; 408 when nobody answered."""

SEQUENCE_MARGIN = 10_000
"""More requests than a call sends after its dialog was kept: the far end takes any greater number (RFC 3261 section
12.2.2)."""

_TEXT_BYTES = 8192
_FAILED = 503
_Ended = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_int)


def read_dialog(call_id: int, trunk: str | None) -> KeptDialog | None:
    """The dialog of a call of the stack; None when it has none yet, or one too long to keep."""
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    length = _library().parley_dialog_read(call_id, text, _TEXT_BYTES)
    if length <= 0:
        return None
    name, local, remote, target, cseq, *routes = text.raw[:length].decode(errors="replace").splitlines()
    return KeptDialog(name, local, remote, target, int(cseq), tuple(routes), trunk)


class EarlierDialogs:
    """Ends them. It must outlive the stack."""

    def __init__(self) -> None:
        self._waiting: dict[int, OnEnded] = {}
        self._tokens = itertools.count(1)
        self._told = _Ended(self._ended)
        # a library without it is told at the start, not when a call is up
        _library()

    def end(self, dialog: KeptDialog, account: int, reason: str, on_ended: OnEnded) -> None:
        """Send BYE.

        :param account: the stack's id of the account whose credentials and transport it takes
        :param reason: text of the Reason header
        """
        token = next(self._tokens)
        self._waiting[token] = on_ended
        words = (dialog.call_id, dialog.local, dialog.remote, dialog.target, "\n".join(dialog.routes))
        cause = f'SIP;cause=200;text="{reason}"'
        failed = _library().parley_dialog_end(
            account,
            *(word.encode() for word in words),
            dialog.cseq + SEQUENCE_MARGIN,
            cause.encode(),
            self._told,
            token,
        )
        if failed:
            self._ended(token, _FAILED)

    def _ended(self, token: int, status: int) -> None:
        if on_ended := self._waiting.pop(token, None):
            on_ended(status)


@functools.cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(importlib.import_module("_pjsua2").__file__)
        text, number = ctypes.c_char_p, ctypes.c_uint32
        library.parley_dialog_read.argtypes = [ctypes.c_int, text, number]
        end: list[Any] = [ctypes.c_int, *[text] * 5, number, text, _Ended, ctypes.c_uint64]
        library.parley_dialog_end.argtypes = end
    except (ImportError, OSError, AttributeError) as error:
        raise NativeMissing("The installed pjsua2 keeps no dialogs. Run `parley setup`, which builds it.") from error
    return library
