"""Kamailio as registrar, trunk and dispatcher on the loopback address, as `deploy/kamailio` configures it.

`kamailio.cfg` is taken as it is; the files of a site (addresses, users, gateways, certificates) are the test's own.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.certificates import Certificate
from tests.peers.missing import program
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.process import ChildProcess, PeerFailed

SHIPPED = Path(__file__).parents[2] / "deploy/kamailio"
REALM = "sip.example.com"
_START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class KamailioPlan:
    """`parleys` and `carriers` are host:port, the best first. `users` are names and passwords.

    With `certificate` it takes TLS at `tls_port`, and believes those of the authority `ca_file`.
    """

    folder: Path
    parleys: Sequence[str] = ()
    carriers: Sequence[str] = ()
    users: Mapping[str, str] = field(default_factory=lambda: {"parley": secrets.token_hex(8)})
    certificate: Certificate | None = None
    ca_file: Path | None = None
    ping_seconds: int = 1
    sip_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)

    def files(self) -> dict[str, str]:
        """The files of the site, by name."""
        site = [f"listen={kind}:{LOOPBACK}:{self.sip_port}" for kind in ("udp", "tcp")]
        site += [f'alias="{REALM}"', f'#!define REALM "{REALM}"', '#!define PARLEY_NUMBERS "^7[0-9]{2}$"']
        site += [f"#!define PING_SECONDS {self.ping_seconds}"]
        paths = {"DISPATCHER_LIST": "dispatcher.list", "TLS_CFG": "tls.cfg"}
        site += [f'#!define {name} "{self.folder / file}"' for name, file in paths.items()]
        site += [f'#!define CTL_SOCKET "{self._control}"']
        if self.certificate:
            site += ["#!define WITH_TLS", f"listen=tls:{LOOPBACK}:{self.tls_port}"]
        return {
            "site.cfg": "\n".join([*site, ""]),
            "users.cfg": "".join(f'$sht(users=>{name}) = "{secret}";\n' for name, secret in self.users.items()),
            "dispatcher.list": "\n".join([*_rows(1, self.parleys), *_rows(2, self.carriers), ""]),
            "tls.cfg": self._tls(),
        }

    @property
    def _control(self) -> str:
        return f"unix:{self.folder / 'ctl'}"

    def _tls(self) -> str:
        text = (SHIPPED / "tls.cfg").read_text()
        if self.certificate:
            text = text.replace("/etc/kamailio/sip.example.com.crt", str(self.certificate.certificate_file))
            text = text.replace("/etc/kamailio/sip.example.com.key", str(self.certificate.key_file))
            text = text.replace("/etc/kamailio/parley-ca.crt", str(self.ca_file))
        return text


def _rows(set_id: int, hosts: Sequence[str]) -> list[str]:
    return [f"{set_id} sip:{host} 0 {100 - place}" for place, host in enumerate(hosts)]


class Kamailio:
    """A running Kamailio."""

    def __init__(self, plan: KamailioPlan) -> None:
        self.plan = plan
        self._child: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.plan.sip_port}"

    async def start(self) -> None:
        """:raises PeerFailed: when it is not up in time"""
        folder = self.plan.folder
        command = [program("kamailio", "kamailio"), "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-m", "128"]
        command += ["-M", "8", "-Y", str(folder)]
        self._child = await ChildProcess.start(command, log=folder / "kamailio.log", cwd=folder)
        for _ in range(_START_SECONDS * 10):
            self._child.require_running()
            if "uptime" in await self.command("core.uptime"):
                return
            await asyncio.sleep(0.1)
        raise PeerFailed(f"Kamailio is not up after {_START_SECONDS} s.\n{self._child.tail()}")

    async def stop(self) -> None:
        """Its processes end with the first; when that had to be killed they would not."""
        if self._child:
            await self._child.stop()
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    async def command(self, *words: str) -> str:
        """What `kamcmd` prints."""
        process = await asyncio.create_subprocess_exec(
            program("kamcmd", "kamailio"),
            "-s",
            f"unix:{self.plan.folder / 'ctl'}",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
            return ""
        return output.decode(errors="replace")

    async def contacts(self, user: str) -> list[str]:
        """Where a user has registered."""
        return re.findall(r"Address: (\S+)", await self.command("ul.lookup", "location", f"s:{user}"))

    async def add_contact(self, user: str, uri: str) -> None:
        """As if a telephone of `user` had registered there."""
        await self.command("ul.add", "location", f"s:{user}", uri, "600", "1.0", "s:", "0", "0", "0")

    async def registered(self, user: str, *, seconds: float = 10) -> str:
        """Wait for a registration; returns its contact. :raises PeerFailed: when there is none in time"""
        for _ in range(int(seconds * 10)):
            if found := await self.contacts(user):
                return found[0]
            await asyncio.sleep(0.1)
        raise PeerFailed(f"{user} did not register within {seconds} s.\n{self._child.tail() if self._child else ''}")

    async def states(self) -> dict[str, str]:
        """Flags of each gateway, by host:port: A or I (active, inactive), then P where it is probed."""
        listed = await self.command("dispatcher.list")
        return dict(re.findall(r"URI: sip:(\S+)\s+FLAGS: (\w+)", listed))

    async def until_state(self, host: str, flag: str, *, seconds: float = 15) -> None:
        """Wait until the flags of a gateway begin so. :raises PeerFailed: when they do not in time"""
        for _ in range(int(seconds * 10)):
            if (await self.states()).get(host, "").startswith(flag):
                return
            await asyncio.sleep(0.1)
        raise PeerFailed(f"{host} is not {flag} within {seconds} s: {await self.states()}")


@asynccontextmanager
async def running_kamailio(plan: KamailioPlan) -> AsyncIterator[Kamailio]:
    """Kamailio while the block runs.

    :raises PeerMissing: when it is not installed
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SHIPPED / "kamailio.cfg", plan.folder)
    for name, text in plan.files().items():
        (plan.folder / name).write_text(text)
    kamailio = Kamailio(plan)
    try:
        await kamailio.start()
        yield kamailio
    finally:
        await kamailio.stop()
