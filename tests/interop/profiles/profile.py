"""What a telephone system sends, in its own form: a profile, which a scripted party plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Profile:
    """The shapes of one system. `{host}`, `{port}` and `{tag}` in its texts are the party's.

    Without `settings`, a folder of deploy/, its trunk is a plain one of `transport` to the party's address.
    """

    name: str
    caller: str
    """From of its calls."""
    caller_number: str
    """Who calls by the trunk's own settings."""
    settings: str | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    contact: str = "<sip:{host}:{port}>"
    headers: tuple[str, ...] = ()
    """Of its INVITE."""
    payloads: str = "0 8 101"
    attributes: tuple[str, ...] = ("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20")
    changed_payloads: str = "8 101"
    """Of its offer with another codec."""
    early_media: bool = True
    """Whether its 183 has SDP; else it only rings."""
    offers_late: bool = False
    """Whether its own calls begin without SDP."""
    hold: Literal["sendonly", "inactive", "0.0.0.0", "no offer"] = "sendonly"
    digit: Literal["event", "info"] = "event"
    transfer_end: Literal["bye at once", "notify", "notify and bye"] = "notify"
    refresh: Literal["UPDATE", "INVITE"] = "INVITE"
    session: str = "1800"
    reason: str = 'Q.850;cause=16;text="Normal call clearing"'
    encrypted: bool = False
