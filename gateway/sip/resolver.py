"""Which name servers the stack asks: for gateways and SIP URIs, as registrars are looked up by `gateway.sip.lookup`.

Without any, pjsip calls the system's resolver on the owner thread, and a name server that does not answer stops all
signalling for seconds. With them it asks by itself, without waiting, and follows SRV records (RFC 3263). It does not
read /etc/hosts, so names that are there, and addresses, are left to the system, which answers at once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

_LIMIT = 4
"""pjsua takes no more."""


def nameservers(
    hosts: Iterable[str],
    *,
    hosts_file: Path = Path("/etc/hosts"),
    resolver_file: Path = Path("/etc/resolv.conf"),
) -> list[str]:
    """IPv4 name servers for the stack; none when every host is an address or stands in the hosts file."""
    known = _known_hosts(_lines(hosts_file))
    if all(_is_address(host) or host.lower() in known for host in hosts):
        return []
    named = (words[1] for words in map(str.split, _lines(resolver_file)) if words[:1] == ["nameserver"] and words[1:])
    return [server for server in named if _is_address(server) and ":" not in server][:_LIMIT]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _known_hosts(lines: Iterable[str]) -> set[str]:
    return {name.lower() for line in lines for name in line.partition("#")[0].split()[1:]}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
