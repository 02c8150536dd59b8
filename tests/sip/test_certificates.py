"""What is said of certificates and keys that cannot be used."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.errors import ConfigError
from gateway.sip.certificates import TlsFiles
from tests.peers.certificates import Authority

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_a_certificate_with_its_key_is_usable(authority: Authority) -> None:
    made = authority.issue("ok", hosts=["pbx.example.com"])
    TlsFiles("sip.tls", made.certificate_file, made.key_file, authority.ca_file).check(NOW)
    TlsFiles("sip.tls").check(NOW)


def test_a_key_of_another_certificate_is_named(authority: Authority) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    with pytest.raises(ConfigError, match=r"sip.tls.key_file: .*other.key is not the key of .*one.crt"):
        TlsFiles("sip.tls", one.certificate_file, other.key_file).check(NOW)


def test_a_key_with_a_password_does_not_ask_at_the_terminal(authority: Authority, tmp_path: Path) -> None:
    made = authority.issue("locked")
    key = serialization.load_pem_private_key(made.key_file.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="or has a password"):
        TlsFiles("sip.tls", made.certificate_file, locked).check(NOW)


@pytest.mark.parametrize(
    ("days", "said"), [((-9.0, -1.0), r"expired on 20\d\d-\d\d-\d\d; renew it"), ((1.0, 9.0), "is valid from")]
)
def test_a_certificate_out_of_its_time_is_told_by_date(
    authority: Authority, days: tuple[float, float], said: str
) -> None:
    made = authority.issue("late", days=days)
    with pytest.raises(ConfigError, match=said):
        TlsFiles("sip.tls", made.certificate_file, made.key_file).check(NOW)


def test_files_that_are_missing_or_hold_something_else_are_named(authority: Authority, tmp_path: Path) -> None:
    made, away, text = authority.issue("ok"), tmp_path / "away.crt", tmp_path / "text.crt"
    text.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"certificate_file: .*away.crt cannot be read: no such file"):
        TlsFiles("sip.tls", away, made.key_file).check(NOW)
    with pytest.raises(ConfigError, match=r"ca_file: .*text.crt holds no certificate in PEM form"):
        TlsFiles("sip.tls", made.certificate_file, made.key_file, text).check(NOW)
    with pytest.raises(ConfigError, match=r"sip.tls needs both certificate_file and key_file"):
        TlsFiles("sip.tls", made.certificate_file).check(NOW)


def test_the_authorities_of_the_machine_are_a_file_of_certificates() -> None:
    authorities = TlsFiles("sip.tls").authorities
    assert authorities is None or x509.load_pem_x509_certificates(authorities.read_bytes())


def test_a_file_that_was_replaced_has_another_stamp(authority: Authority) -> None:
    made = authority.issue("renewed")
    files = TlsFiles("sip.tls", made.certificate_file, made.key_file)
    before = files.stamps()
    made.certificate_file.unlink()
    assert files.stamps() != before
