"""Certificates and keys in files: whether they can be used, said in one sentence before the stack says a number."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from gateway.errors import ConfigError

_AUTHORITIES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one side of a connection. Without `ca_file` the system's authorities are believed.

    `setting` is where they are named, such as sip.tls.
    """

    setting: str
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None

    def check(self, now: datetime.datetime) -> None:
        """:raises ConfigError: for a file that is missing, unreadable, of another key, or not valid now"""
        if (self.certificate_file is None) != (self.key_file is None):
            raise ConfigError(f"{self.setting} needs both certificate_file and key_file, or neither.")
        if self.ca_file is not None:
            self._certificates("ca_file", self.ca_file)
        if self.certificate_file is None or self.key_file is None:
            return
        certificate = self._certificates("certificate_file", self.certificate_file)[0]
        self._read("key_file", self.key_file)
        self._check_dates(certificate, now)
        self._check_pair()

    def stamps(self) -> tuple[int, ...]:
        """When each file was written (ns), 0 for one that is away: they differ once a file was replaced."""
        return tuple(_written_ns(path) for path in self._paths())

    @property
    def authorities(self) -> Path | None:
        """The file with the authorities that are believed; None where this machine has none."""
        if self.ca_file is not None:
            return self.ca_file
        return next((path for path in _system_authorities() if path.is_file()), None)

    def _paths(self) -> list[Path]:
        return [path for path in (self.certificate_file, self.key_file, self.ca_file) if path is not None]

    def _read(self, key: str, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigError(f"{self.setting}.{key}: {path} cannot be read: {reason}.") from None

    def _certificates(self, key: str, path: Path) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(self._read(key, path))
        except ValueError:
            raise ConfigError(f"{self.setting}.{key}: {path} holds no certificate in PEM form.") from None

    def _check_dates(self, certificate: x509.Certificate, now: datetime.datetime) -> None:
        where = f"{self.setting}.certificate_file: {self.certificate_file}"
        if now > certificate.not_valid_after_utc:
            raise ConfigError(f"{where} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; renew it.")
        if now < certificate.not_valid_before_utc:
            raise ConfigError(f"{where} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} only.")

    def _check_pair(self) -> None:
        assert self.certificate_file is not None
        try:
            # an empty password: a key that needs one must not ask at the terminal
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate_file, self.key_file, password="")
        except (ssl.SSLError, ValueError):
            pair = f"{self.key_file} is not the key of {self.certificate_file}, or has a password"
            raise ConfigError(f"{self.setting}.key_file: {pair}.") from None


def _system_authorities() -> list[Path]:
    known = ssl.get_default_verify_paths().cafile
    return [*([Path(known)] if known else []), *_AUTHORITIES]


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
