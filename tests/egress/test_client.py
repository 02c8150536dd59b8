"""Requests to URLs of users, over real sockets, with names that resolve to what a test says."""

from __future__ import annotations

import gzip
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.egress import Guard, guarded_client
from gateway.egress.client import GuardedTransport
from gateway.errors import ForbiddenAddress, ResponseTooLarge
from tests.egress.servers import Names, response, serving


async def test_a_private_address_is_not_connected_to() -> None:
    async with serving(response()) as server, guarded_client() as client:
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "017700000001", "[::ffff:127.0.0.1]"):
            with pytest.raises(ForbiddenAddress, match=r"egress\.allow"):
                await client.get(f"http://{host}:{server.port}/")
        assert server.requests == []


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "hook.example", "*.example", "HOOK.example."])
async def test_what_the_operator_allows_is_reached(allow: str) -> None:
    guard = Guard([allow], resolve=Names(hook_example=[["127.0.0.1"]]))
    async with serving(response(b"here")) as server, guarded_client(guard) as client:
        answer = await client.get(f"http://hook.example:{server.port}/path")
    assert answer.text == "here"
    assert f"Host: hook.example:{server.port}".encode() in server.requests[0]


async def test_a_name_that_changes_its_address_is_judged_by_what_is_connected_to() -> None:
    names = Names(hook_example=[["127.0.0.1"], ["127.0.0.2"]])
    guard = Guard(["127.0.0.1"], resolve=names)
    async with serving(response()) as server, guarded_client(guard) as client:
        url = f"http://hook.example:{server.port}/"
        assert (await client.get(url)).status_code == 200
        with pytest.raises(ForbiddenAddress):
            await client.get(url)
    assert names.asked == ["hook.example", "hook.example"]


async def test_of_a_name_with_both_only_the_permitted_address_is_used() -> None:
    guard = Guard(["127.0.0.1"], resolve=Names(hook_example=[["127.0.0.2", "127.0.0.1"]]))
    async with serving(response()) as server, guarded_client(guard) as client:
        assert (await client.get(f"http://hook.example:{server.port}/")).status_code == 200


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    guard = Guard(["127.0.0.0/8"], resolve=Names(hook_example=[["127.0.0.9", "127.0.0.1"]]))
    async with serving(response()) as server, guarded_client(guard) as client:
        assert (await client.get(f"http://hook.example:{server.port}/")).status_code == 200


async def test_a_redirect_to_a_private_address_is_refused() -> None:
    guard = Guard(["hook.example"], resolve=Names(hook_example=[["127.0.0.1"]]))
    async with serving(response(b"secret")) as inside:
        moved = response(status="307 Temporary Redirect", Location=f"http://127.0.0.1:{inside.port}/metadata")
        async with serving(moved) as outside, guarded_client(guard) as client:
            with pytest.raises(ForbiddenAddress):
                await client.post(f"http://hook.example:{outside.port}/", content=b"{}")
        assert inside.requests == []


async def test_an_answer_without_end_is_cut() -> None:
    async with (
        serving(response(b"x" * 3000)) as server,
        guarded_client(["127.0.0.1"], max_response_bytes=2000) as client,
    ):
        with pytest.raises(ResponseTooLarge, match="2000 bytes"):
            await client.get(f"http://127.0.0.1:{server.port}/")


async def test_a_compressed_answer_counts_as_what_it_becomes() -> None:
    body = gzip.compress(b"x" * 1_000_000)
    async with serving(response(body, Content_Encoding="gzip")) as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with guarded_client(["127.0.0.1"], max_response_bytes=999_999) as client:
            with pytest.raises(ResponseTooLarge):
                await client.get(url)
        async with guarded_client(["127.0.0.1"], max_response_bytes=1_000_000) as client:
            assert (await client.get(url)).text == "x" * 1_000_000


async def test_a_name_that_nobody_knows_is_an_error_of_the_connection() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    async with guarded_client(Guard(resolve=unknown)) as client:
        with pytest.raises(httpx.ConnectError, match=r"nowhere\.example cannot be resolved"):
            await client.get("http://nowhere.example/")


async def test_tls_is_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    ours, theirs = certified("hook.example", tmp_path)
    guard = Guard(["127.0.0.1"], resolve=Names(hook_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]]))
    transport = GuardedTransport(guard, tls=theirs)
    async with serving(response(), tls=ours) as server, httpx.AsyncClient(transport=transport) as client:
        assert (await client.get(f"https://hook.example:{server.port}/")).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://other.example:{server.port}/")


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "http://", "file:///etc/passwd", "http://example.com:99999/", "x"]
)
async def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddress, match="no URL"):
        await Guard().check(url)


async def test_a_socket_is_told_what_to_connect_to() -> None:
    guard = Guard(["10.0.0.0/8"], resolve=Names(ear_example=[["10.0.0.5", "192.168.0.1"]]))
    checked = await guard.check("wss://ear.example/listen")
    assert (checked.host, checked.port, checked.addresses) == ("ear.example", 443, ("10.0.0.5",))


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for `name`, and a client's that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / "server.pem")
    return ours, ssl.create_default_context(cadata=pem.decode())
