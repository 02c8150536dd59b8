"""The stack's log lines, into structlog; and what can only be learnt from them: datagrams that were no SIP message, and
requests that are too long for a datagram."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import structlog

from gateway.settings import LogSettings
from gateway.sip.library import guarded, pj

log = structlog.get_logger("gateway.sip.pjsip")

_MALFORMED = re.compile(r"Error processing packet from |Dropping \d+ bytes packet from ")
"""How pjsip's log begins when it drops a datagram (sip_endpoint.c, sip_transport.c)."""
_LONG = re.compile(r"Long request by (TCP|UDP after all) to (.+)")
"""How it tells by what a request goes that is too long for a datagram (native/message_patches.py)."""
_TRACED = ("RX ", "TX ")
"""How it begins when it prints a whole message (pjsua_core.c)."""
_DIGEST = re.compile(r"^((?:proxy-)?authorization\s*:.*?\bresponse\s*=\s*\"?)[0-9a-f]+", re.IGNORECASE | re.MULTILINE)
_KEY = re.compile(r"^(a=crypto:.*?\binline:)[^\r\n]+", re.IGNORECASE | re.MULTILINE)


def log_level(settings: LogSettings) -> int:
    """pjsip's level: 1 errors, 2 warnings, 3 information, 4 debugging and whole messages."""
    if settings.sip:
        return 4
    return 3 if settings.level == "debug" else 2


def is_malformed(line: str) -> bool:
    """Whether a line of the log tells of a dropped datagram."""
    return _MALFORMED.match(line) is not None


def without_secrets(message: str) -> str:
    """A SIP message without the keys of its audio (SDES), and without digests from which a password may be guessed."""
    return _KEY.sub(r"\1…", _DIGEST.sub(r"\1…", message))


def write_line(level: int, text: str) -> None:
    """One line of the stack's log. Its errors are warnings here: what fails a call is reported by the call."""
    line = text.strip()
    if is_malformed(line):
        # anyone can send garbage: it is counted, not printed
        log.debug("sip.malformed_datagram", text=line[:300])
    elif long := _LONG.match(line):
        # TCP is as it should be (RFC 3261 section 18.1.1); a long datagram may never arrive
        write = log.info if long[1] == "TCP" else log.warning
        write("sip.long_request", by=long[1], to=long[2])
    elif level <= 2:
        log.warning("sip.stack", text=line)
    elif line.startswith(_TRACED):
        log.info("sip.trace", text=without_secrets(line).replace("\r\n", "\n").removesuffix("\n--end msg--"))
    else:
        log.debug("sip.stack", text=line)


class StackLogWriter(pj.LogWriter):  # type: ignore[misc]
    """Called on the owner thread only: lines of the stack's other threads wait for it."""

    def __init__(self, on_malformed: Callable[[], None]) -> None:
        super().__init__()
        self._on_malformed = on_malformed

    @guarded
    def write(self, entry: Any) -> None:
        text = str(entry.msg)
        if is_malformed(text.lstrip()):
            self._on_malformed()
        write_line(int(entry.level), text)
