"""The border to pjsua2: its import, its error text, its options. pjsua2 has no type stubs, so `Any` ends here."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

import structlog

from gateway.errors import NativeMissing
from gateway.sip.headers import header_text

try:
    import pjsua2
except ImportError as error:
    raise NativeMissing(
        "The SIP stack (pjsua2 with Parley's media bridge) is not installed; run `parley setup` to build it."
    ) from error

pj: Any = pjsua2

log = structlog.get_logger(__name__)

P = ParamSpec("P")

_ADDRESS_IN_USE = 120098
"""pjlib's PJ_ERRNO_START_SYS (120000) + EADDRINUSE."""


def be_quiet() -> None:
    """Keep the library from writing to standard output until it has been told where to log."""
    ctypes.CDLL(sys.modules["_pjsua2"].__file__).pj_log_set_level(0)


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """A director callback whose exceptions are logged: one that escaped would unwind through C and end the process."""

    @functools.wraps(callback)
    def guard(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:
            log.exception("sip.callback_failed", callback=callback.__qualname__)

    return guard


def error_text(error: Exception) -> str:
    """What a pjsua2 error says, without the library's file and line."""
    return str(getattr(error, "reason", "") or error)


def is_address_in_use(error: Exception) -> bool:
    """Whether a transport could not be made because its port is taken."""
    return bool(getattr(error, "status", 0) == _ADDRESS_IN_USE)


def call_option(
    *,
    status: int = 0,
    reason: str = "",
    headers: Mapping[str, str] | None = None,
    further: Sequence[tuple[str, str]] = (),
    local_uri: str = "",
    signalling_id: str = "",
) -> Any:
    """A CallOpParam with audio only; the default would offer real-time text (m=text) as well.

    :param further: headers of which there may be several of a name
    """
    option = pj.CallOpParam(True)
    option.statusCode = status
    option.reason = reason
    option.opt.audioCount = 1
    option.opt.videoCount = 0
    option.opt.textCount = 0
    for name, value in (*(headers or {}).items(), *further):
        header = pj.SipHeader()
        header.hName, header.hValue = name, header_text(value)
        option.txOption.headers.append(header)
    if signalling_id:
        option.opt.customCallId = signalling_id
    if local_uri:
        option.txOption.localUri = local_uri
    return option


def call_audio(info: Any) -> Any | None:
    """The audio of a call whose `CallInfo` this is: of several sections the one that was taken; None without any.

    A section that was refused keeps its place in the list. It points into `info`, which must live as long.
    """
    audio = [media for media in info.media if media.type == pj.PJMEDIA_TYPE_AUDIO]
    refused = (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR)
    return next((media for media in audio if media.status not in refused), audio[0] if audio else None)
