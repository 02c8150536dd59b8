"""Asterisk 22 as a PBX on the loopback address: Parley and two telephones register at it with digest.

What concerns Parley is the configuration that `deploy/asterisk` ships, with the addresses and passwords of the test.
Asterisk comes from Debian forky (`tests.peers.debian`), with its English prompts, which are also human speech for other
tests. It runs in a chroot by root, and through the tree's own loader by anybody else.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tests.peers.debian import unpack
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess, PeerFailed

SUITE = "forky"
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav", "asterisk-core-sounds-en")
SOUNDS = Path("usr/share/asterisk/sounds/en_US_f_Allison")
"""Human prompts, 8000 Hz WAV, inside the tree."""
TRANSCRIPTS = Path("usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
_CONFIG = Path(__file__).parent / "asterisk_config"
_SHIPPED = Path(__file__).parents[2] / "deploy/asterisk"
_START_SECONDS = 20


def asterisk_root() -> Path:
    """The tree with Asterisk and its prompts. :raises PeerMissing: when it cannot be had."""
    return unpack("asterisk", SUITE, PACKAGES)


@dataclass(frozen=True, slots=True)
class AsteriskTls:
    """TLS at Asterisk: its certificate, and the authority that its clients' certificates are of."""

    ca_file: Path
    certificate_file: Path
    key_file: Path
    verify_client: bool = False


@dataclass(frozen=True, slots=True)
class AsteriskPlan:
    """What the configuration files are filled with. `codecs` in Asterisk's names, best first.

    With `tls` there is a transport for it at `tls_port`, and the account parley-tls. `encryption` of the account
    parley: no, sdes or dtls; `digests` are the algorithms of its challenges, the preferred first. With
    `parley_address`, host:port, there is the trunk without registration.
    """

    codecs: str = "ulaw,alaw"
    tls: AsteriskTls | None = None
    encryption: str = "no"
    digests: str = "MD5"
    parley_address: str | None = None
    tls_port: int = field(default_factory=free_port)
    sip_port: int = field(default_factory=free_port)
    rtp_ports: tuple[int, int] = field(default_factory=lambda: free_ports(40))
    parley_password: str = field(default_factory=lambda: secrets.token_hex(8))
    tls_password: str = field(default_factory=lambda: secrets.token_hex(8))
    desk_password: str = field(default_factory=lambda: secrets.token_hex(8))
    phone_password: str = field(default_factory=lambda: secrets.token_hex(8))


class Asterisk:
    """A running Asterisk. Extensions are in `asterisk_config/extensions.conf`."""

    def __init__(self, plan: AsteriskPlan, root: Path, folder: Path) -> None:
        self.plan = plan
        self.root = root
        self.folder = folder
        self._child: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.plan.sip_port}"

    @property
    def log(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")

    async def start(self) -> None:
        """:raises PeerFailed: when it is not up in time"""
        self._write_configuration()
        config = str(self._inside(self.folder / "asterisk.conf"))
        command = self._command("-f", "-C", config, "-vvv", "-n")
        self._child = await ChildProcess.start(command, log=self.folder / "console.log")
        for _ in range(_START_SECONDS * 10):
            self._child.require_running()
            if "Asterisk Ready" in self._child.tail(200):
                return
            await asyncio.sleep(0.1)
        raise PeerFailed(f"Asterisk is not up after {_START_SECONDS} s.\n{self._child.tail()}")

    async def stop(self) -> None:
        if self._child:
            await self._child.stop()

    async def cli(self, command: str) -> str:
        """What a command of Asterisk's command line prints (`asterisk -rx`)."""
        arguments = self._command("-C", str(self._inside(self.folder / "asterisk.conf")), "-rx", command)
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise PeerFailed(f"Asterisk did not answer {command!r} within 10 s.") from None
        return output.decode(errors="replace")

    async def registered(self, account: str, *, seconds: float = 15) -> str:
        """Wait until `account` ("parley", "phone", …) has registered; returns its contact URI.

        :raises PeerFailed: when it has not after `seconds`
        """
        for _ in range(int(seconds * 5)):
            if match := re.search(rf"Contact:\s+{account}/(\S+)", await self.cli("pjsip show contacts")):
                return match[1]
            await asyncio.sleep(0.2)
        raise PeerFailed(f"{account} did not register at Asterisk within {seconds} s.\n{self.log[-2000:]}")

    async def channels(self) -> int:
        """Channels that exist now."""
        found = re.search(r"(\d+) active channel", await self.cli("core show channels count"))
        return int(found[1]) if found else 0

    @property
    def _chroot(self) -> bool:
        return os.geteuid() == 0

    def _inside(self, path: Path) -> Path:
        return Path("/") / path.relative_to(self.root) if self._chroot else path

    def _command(self, *arguments: str) -> Sequence[str]:
        if self._chroot:
            return ["chroot", str(self.root), "/usr/sbin/asterisk", *arguments]
        libraries = self.root / "usr/lib" / _machine(self.root)
        loader = next((self.root / "usr/lib64").glob("ld-linux-*"))
        return [str(loader), "--library-path", str(libraries), str(self.root / "usr/sbin/asterisk"), *arguments]

    def _write_configuration(self) -> None:
        values = {
            "folder": self._inside(self.folder),
            "root": "" if self._chroot else self.root,
            "machine": _machine(self.root),
            "sip_port": self.plan.sip_port,
            "rtp_first": self.plan.rtp_ports[0],
            "rtp_last": self.plan.rtp_ports[1],
            "codecs": self.plan.codecs,
            "parley_password": self.plan.parley_password,
            "phone_password": self.plan.phone_password,
            "desk_password": self.plan.desk_password,
        }
        for file in sorted(_CONFIG.glob("*.conf")):
            (self.folder / file.name).write_text(Template(file.read_text()).substitute(values))
        for name, changes in self._shipped().items():
            (self.folder / name).write_text(_changed(_SHIPPED / name, changes))

    def _shipped(self) -> dict[str, dict[str, str]]:
        """The files of `deploy/asterisk`, and what stands in the place of what in each."""
        parley = {
            "choose-a-long-one": f"{self.plan.parley_password}\nsupported_algorithms_uas={self.plan.digests}",
            "allow=ulaw,alaw,g722": f"allow={self.plan.codecs}",
            "media_encryption=no": f"media_encryption={self.plan.encryption}\ndtls_auto_generate_cert=yes",
        }
        files: dict[str, dict[str, str]] = {"extensions_parley.conf": {}, "queues_parley.conf": {}}
        files |= {"pjsip_parley.conf": parley, "pjsip_parley_ip.conf": {}, "pjsip_parley_tls.conf": {}}
        if self.plan.parley_address:
            host = self.plan.parley_address.partition(":")[0]
            files["pjsip_parley_ip.conf"] = {"192.0.2.10:5060": self.plan.parley_address, "192.0.2.10": host}
        else:
            del files["pjsip_parley_ip.conf"]
        if self.plan.tls:
            files["pjsip_parley_tls.conf"] = self._tls(self.plan.tls)
        else:
            del files["pjsip_parley_tls.conf"]
        return files

    def _tls(self, tls: AsteriskTls) -> dict[str, str]:
        """The certificates are copied to where a chroot sees them."""
        inside = []
        for path in (tls.certificate_file, tls.key_file, tls.ca_file):
            shutil.copy(path, self.folder)
            inside.append(str(self._inside(self.folder / path.name)))
        verify = "yes" if tls.verify_client else "no"
        asked = f"ca_list_file={inside[2]}\nverify_client={verify}\nrequire_client_cert={verify}"
        return {
            "choose-another-one": self.plan.tls_password,
            "0.0.0.0:5061": f"{LOOPBACK}:{self.plan.tls_port}",
            "/etc/asterisk/keys/asterisk.crt": inside[0],
            "/etc/asterisk/keys/asterisk.key": inside[1],
            "method=tlsv1_2": f"method=tlsv1_2\n{asked}",
        }


def _changed(file: Path, changes: Mapping[str, str]) -> str:
    """A file's text with each of `changes` made. :raises PeerFailed: when what is to be changed is not there"""
    text = file.read_text()
    for old, new in changes.items():
        if old not in text:
            raise PeerFailed(f"{file} has no {old!r}.")
        text = text.replace(old, new)
    return text


def _machine(root: Path) -> str:
    return next((root / "usr/lib").glob("*/asterisk/modules")).parts[-3]


@asynccontextmanager
async def running_asterisk(plan: AsteriskPlan | None = None) -> AsyncIterator[Asterisk]:
    """Asterisk while the block runs.

    :raises PeerMissing: when it cannot be had on this machine
    """
    root = await asyncio.to_thread(asterisk_root)
    folder = Path(tempfile.mkdtemp(prefix="asterisk-", dir=root / "tmp"))
    asterisk = Asterisk(plan or AsteriskPlan(), root, folder)
    try:
        await asterisk.start()
        yield asterisk
    finally:
        await asterisk.stop()
        shutil.rmtree(folder, ignore_errors=True)
