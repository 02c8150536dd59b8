"""What is public, in every form in which an address can be written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress.addresses import is_public, read_address

FORBIDDEN = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "240.0.0.1", "198.18.0.1", "::1", "::", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "::127.0.0.1"),
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo with the client 127.0.0.1
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_of_the_internet_is_not_public(address: str) -> None:
    assert not is_public(read_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_what_is_of_the_internet_is_public(address: str) -> None:
    assert is_public(read_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_hides_in_no_form_of_ipv6(address: IPv4Address) -> None:
    for prefix in ("::ffff:0:0/96", "64:ff9b::/96"):
        inside = IPv6Address(int(IPv6Network(prefix).network_address) | int(address))
        assert is_public(inside) == is_public(address)
