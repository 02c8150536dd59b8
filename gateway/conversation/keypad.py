"""Keys that the caller presses, as a part of the turn."""

from __future__ import annotations

from dataclasses import dataclass

EXPECTED_MS = 400
"""Wait for a delimiter after as many keys as were asked for."""
TYPING_MS = 600
"""Keys of one number follow each other faster than this."""
UNTIMED_MS = 30_000
"""Keys that only a delimiter ends are taken after this long without one."""


@dataclass(frozen=True, slots=True)
class KeypadPlan:
    """Keys are a turn when one of `delimiters` is pressed, or none for `timeout_ms`. A timeout of 0 waits for the
    delimiter, and takes each key by itself when there is none. When not `enabled`, keys are noted and do nothing."""

    enabled: bool = True
    timeout_ms: int = 2000
    delimiters: str = "#"

    def wait_ms(self, keys: str, expected: int = 0) -> int:
        """How long to wait for another key after these; `expected` is how many digits were asked for, 0 for any."""
        if self.ended(keys):
            return 0
        if expected and len(keys) >= expected:
            return EXPECTED_MS
        return self.timeout_ms or (UNTIMED_MS if self.delimiters else 0)

    def ended(self, keys: str) -> bool:
        """The last key is a delimiter."""
        return keys[-1:] in self.delimiters if keys and self.delimiters else False

    def text(self, keys: str) -> str:
        """The keys without the delimiter that ended them; a lone delimiter is a text of its own."""
        return (keys[:-1] if self.ended(keys) else keys) or keys
