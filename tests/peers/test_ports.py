from __future__ import annotations

import socket
from itertools import pairwise

from tests.peers.ports import LOOPBACK, free_port, free_ports, share


def test_ranges_are_neighbours_start_even_and_never_overlap() -> None:
    given: set[int] = set()
    for count in (1, 8, 200, 40, 1):
        first, last = free_ports(count)
        assert first % 2 == 0
        assert last - first + 1 == count
        assert given.isdisjoint(range(first, last + 1))
        given.update(range(first, last + 1))


def test_a_port_that_is_given_can_be_bound() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        port = free_port()
        udp.bind((LOOPBACK, port))
        tcp.bind((LOOPBACK, port))


def test_processes_of_one_run_have_ports_of_their_own() -> None:
    shares = [share({"PYTEST_XDIST_WORKER": f"gw{n}", "PYTEST_XDIST_WORKER_COUNT": "3"}) for n in range(3)]
    assert all(first % 2 == 0 and last - first > 7000 for first, last in shares)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(shares))
    assert share({}) == (10000, 32000)
