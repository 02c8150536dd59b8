"""What pjsua2 has no names for: a TLS transport that listens anew with another certificate, connections untouched, and
the name that its connections must lead to.

The structure is that of `native/bridge/listener.h`.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any


class _Listener(ctypes.Structure):
    """parley_tls_listener."""

    _fields_ = [
        ("address", ctypes.c_char_p),
        ("public_address", ctypes.c_char_p),
        ("ca_file", ctypes.c_char_p),
        ("certificate_file", ctypes.c_char_p),
        ("key_file", ctypes.c_char_p),
        ("port", ctypes.c_uint32),
        ("protocols", ctypes.c_uint32),
        ("verify_server", ctypes.c_uint32),
        ("verify_client", ctypes.c_uint32),
        ("handshake_ms", ctypes.c_uint32),
    ]


def listen_again(transport: int, config: Any) -> int:
    """Make a transport what a TransportConfig says; on the owner thread.

    :returns: pjlib's status, 0 when it listens; else it does not listen any more
    """
    tls = config.tlsConfig
    texts = (config.boundAddress, config.publicAddress, tls.CaListFile, tls.certFile, tls.privKeyFile)
    numbers = (config.port, tls.proto, tls.verifyServer, tls.verifyClient, tls.msecTimeout)
    listener = _Listener(*(str(text).encode() for text in texts), *map(int, numbers))
    return int(_library().parley_tls_listen_again(transport, ctypes.byref(listener)))


def expect(transport: int, name: str) -> int:
    """Have the connections of a transport ask for this host, and verify it, whatever host they lead to; on the owner
    thread.

    :returns: pjlib's status, 0 when it was taken
    """
    return int(_library().parley_tls_expect(transport, name.encode()))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(sys.modules["_pjsua2"].__file__)
