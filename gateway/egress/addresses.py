"""Which addresses belong to the public Internet. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""RFC 8215: a network's own translation, which may lead to anything."""
_COMPATIBLE = IPv6Network("::/96")
"""RFC 4291, section 2.5.5.1: deprecated, yet some systems still take the last 32 bits."""


def read_address(text: str) -> Address:
    """An address as a resolver gives it, with or without the zone of a link.

    :raises ValueError: it is none
    """
    return ip_address(text.split("%", 1)[0])


def forms(address: Address) -> Iterator[Address]:
    """The address, and each IPv4 address that it stands for."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or address in _COMPATIBLE:
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def is_public(address: Address) -> bool:
    """Anybody may reach it over the Internet, and nothing of this machine or its networks answers there."""
    return all(_global(form) for form in forms(address))


def _global(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address in _NAT64:
            return True  # as far as the IPv4 address is
        if address in _LOCAL_NAT64 or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
