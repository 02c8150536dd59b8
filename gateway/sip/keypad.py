"""Keys of the far end's telephone: how they come and go, and each press told once however often it comes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

KEYS = "0123456789*#ABCD"
"""By their event codes (RFC 4733 section 3.2)."""

DtmfSetting = Literal["auto", "rfc4733", "info", "inband"]
"""The field `dtmf` of a trunk."""

_WINDOW_SECONDS, _INFO_WINDOW_SECONDS = 1.5, 4.0
"""How much later the same press may come by another way; INFO is sent when the key is let go."""


class KeyPath(StrEnum):
    """By which way a key goes over the line."""

    EVENT = "rfc4733"
    INFO = "info"
    TONES = "inband"


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """How keys are sent to a far end, and whether they are looked for in its audio.

    Those that come as events or by INFO are always taken.
    """

    send: KeyPath
    hears_tones: bool


def key_plan(setting: DtmfSetting, *, events: bool) -> KeyPlan:
    """What a trunk's setting makes of a call.

    :param events: whether telephone events were negotiated
    """
    if setting == "auto":
        return KeyPlan(KeyPath.EVENT, False) if events else KeyPlan(KeyPath.TONES, True)
    send = KeyPath(setting)
    return KeyPlan(send, send is KeyPath.TONES)


@dataclass(slots=True)
class _Press:
    key: str
    at: float
    came_by: set[KeyPath]


class Keypad:
    """Tells the presses of one leg apart: what comes by a second way within the window is the same press.

    A way counts each press once by itself, so two of a key by one way are two presses, and the two that another way
    tells of belong to them in their order.
    """

    def __init__(self) -> None:
        self._presses: deque[_Press] = deque()

    def is_new(self, key: str, path: KeyPath, now: float) -> bool:
        """Whether a key that came by `path` is a press that no other way has told of; `now` in seconds."""
        while self._presses and self._presses[0].at < now - _INFO_WINDOW_SECONDS:
            self._presses.popleft()
        for press in self._presses:
            if press.key == key and path not in press.came_by and _is_within(press, path, now):
                press.came_by.add(path)
                return False
        self._presses.append(_Press(key, now, {path}))
        return True


def _is_within(press: _Press, path: KeyPath, now: float) -> bool:
    by_info = path is KeyPath.INFO or KeyPath.INFO in press.came_by
    return now - press.at <= (_INFO_WINDOW_SECONDS if by_info else _WINDOW_SECONDS)


def key_of_info(body: str) -> str | None:
    """The key in a body of `application/dtmf`: nothing but the key, as it is or as its event code."""
    text = body.strip().upper()
    if text in ("10", "11"):
        return KEYS[int(text)]
    return text if len(text) == 1 and text in KEYS else None
