"""A code of keys among the others that somebody presses. Pure."""

from __future__ import annotations

CODE_MS = 2000
"""Between two keys of a code at most; what was held back is passed on then."""


class KeyCode:
    """Holds back keys that may be the beginning of `code`, so that nobody takes them for an answer.

    :param code: such as `*7`; empty for one that nobody presses
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self.held = ""
        """Keys that are held back."""
        self._until_ms = 0

    def press(self, key: str, at_ms: int) -> tuple[bool, str]:
        """Whether the code is complete, and the keys that are to be passed on."""
        self.held += key
        self._until_ms = at_ms + CODE_MS
        passed = ""
        while self.held and not self._code.startswith(self.held):
            passed, self.held = passed + self.held[0], self.held[1:]
        if self._code and self.held == self._code:
            self.held = ""
            return True, passed
        return False, passed

    def late(self, at_ms: int) -> str:
        """The keys that were held back for too long."""
        if not self.held or at_ms < self._until_ms:
            return ""
        held, self.held = self.held, ""
        return held

    def forget(self) -> None:
        """What was held back is nobody's any more."""
        self.held = ""
