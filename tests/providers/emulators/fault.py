"""What can be wrong with a provider, for its emulator to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    REFUSE = "refuse"
    """No connection: the port is closed."""
    HANG_AT_CONNECT = "hang at connect"
    """The connection is accepted, and nothing is ever answered."""
    HANG_MID_STREAM = "hang mid-stream"
    """After some messages none comes any more."""
    SLOW = "slow"
    """Every message comes late."""
    UNAUTHORIZED = "401"
    RATE_LIMITED = "429"
    """With Retry-After."""
    SERVER_ERROR = "500"
    GARBAGE = "garbage"
    """Messages that are nothing of the protocol."""
    ZERO_AUDIO = "zero audio"
    """Ends well, and never held a sound."""
    CUT = "cut mid-stream"
    """The connection is lost after some messages."""
    DUPLICATE = "duplicate chunks"
    """Each message twice."""
    OUT_OF_ORDER = "out of order"
    """Pairs of messages in the wrong order."""


STATUS = {Kind.UNAUTHORIZED: 401, Kind.RATE_LIMITED: 429, Kind.SERVER_ERROR: 500}
AT_HANDSHAKE = frozenset({Kind.HANG_AT_CONNECT, *STATUS})
"""What happens to a connection when it is opened, and to none that is open."""


@dataclass(frozen=True, slots=True)
class Fault:
    """:param after: messages that are sent before it begins (mid-stream kinds)
    :param seconds: how late each message is (slow), or what Retry-After says (429)
    :param times: requests or connections that it hits, None for all"""

    kind: Kind
    after: int = 2
    seconds: float = 1.0
    times: int | None = None
