from __future__ import annotations

from tests.peers.debian import mirror


def test_the_mirror_is_found_in_one_line_sources() -> None:
    assert mirror(["# deb http://old/debian x", "deb [arch=amd64] http://m/debian bookworm main"]) == "http://m/debian"


def test_the_mirror_is_found_in_deb822_sources() -> None:
    assert mirror(["Types: deb", "URIs: https://m/debian/", "Suites: bookworm"]) == "https://m/debian/"


def test_security_updates_are_no_mirror() -> None:
    assert mirror(["deb http://m/debian-security bookworm-security main", "URIs: http://m/ubuntu"]) is None
