"""A certificate authority for tests: good certificates, and each kind of bad one."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM."""

    certificate_file: Path
    key_file: Path

    def copy_to(self, other: Certificate) -> None:
        """Write it over the files of another."""
        shutil.copy(self.certificate_file, other.certificate_file)
        shutil.copy(self.key_file, other.key_file)


class Authority:
    """Signs certificates. `ca_file` is its own; files are named in `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(f"Test authority {name}")
        certificate = _builder(self._name, self._name, self._key.public_key(), days=(-1, 30)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.ca_file = folder / f"{name}.pem"
        self.ca_file.write_bytes(_pem(certificate.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        *,
        hosts: Sequence[str] = (),
        uris: Sequence[str] = (),
        common_name: str = "parley test",
        days: tuple[float, float] = (-1, 30),
        self_signed: bool = False,
    ) -> Certificate:
        """A certificate for `hosts` (addresses or names) and `uris` as subject alternative names.

        :param name: of the files, overwritten when they exist
        :param days: from when to when it is valid, from now
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(common_name)
        builder = _builder(subject, subject if self_signed else self._name, key.public_key(), days=days)
        names = [_general_name(host) for host in hosts] + [x509.UniformResourceIdentifier(uri) for uri in uris]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, critical=False)
        signed = builder.sign(key if self_signed else self._key, hashes.SHA256())
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        made.certificate_file.write_bytes(_pem(signed))
        private = serialization.PrivateFormat.PKCS8
        made.key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
        return made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: tuple[float, float]
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
