"""`parley serve` from start to end: in the test's process with an endpoint of ours, and as systemd runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import yaml

from gateway import serve as composition
from gateway.call.dialling import Dialled
from gateway.call.dialog import KeptDialog
from gateway.call.entrance import Arrival
from gateway.call.leg import NO_HEADERS
from gateway.config.loading import load
from gateway.errors import CallRefused, SetupError
from gateway.routing.settings import RouteSettings
from gateway.serve import Service, dialled_user
from gateway.settings import ApiSettings, HttpSettings, MediaSettings, Settings, WorkerSettings
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState
from tests.peers.ports import free_port, free_ports

NOBODY = "127.0.0.1:9"
"""A worker's address where none is."""


PARTS = ("SIP thread", "media thread", "media clock")


class SilentEndpoint:
    """An endpoint that nobody calls."""

    def __init__(self) -> None:
        self.address = "127.0.0.1:5060"
        self.told: list[str] = []
        self.started = asyncio.Event()
        self.stuck = ""
        """One of PARTS."""

    @property
    def heartbeats(self) -> Mapping[str, int]:
        now_ns = time.monotonic_ns()
        return {part: now_ns for part in PARTS if part != self.stuck} | ({self.stuck: 1} if self.stuck else {})

    async def start(self) -> None:
        self.told.append("start")
        self.started.set()

    def reload_certificates(self) -> None:
        self.told.append("reload certificates")

    async def dial(
        self,
        destination: str,
        *,
        trunk: str | None = None,
        gateway: str | None = None,
        caller: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Dialled:
        raise NotImplementedError

    async def redial(
        self, leg: Dialled, destination: str, *, trunk: str | None, gateway: str | None, caller: str | None
    ) -> None:
        raise NotImplementedError

    def trunks(self) -> Mapping[str, TrunkSettings]:
        return {}

    def trunk_states(self) -> Mapping[str, TrunkState]:
        return {}

    async def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        self.told.append("trunks")

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        raise NotImplementedError

    def registrations(self) -> Mapping[str, RegistrationState]:
        return {}

    def admit_by(
        self,
        admit: Callable[[Arrival], None],
        refused: Callable[[CallRefused, Arrival], None],
        staffed: Callable[[], bool],
    ) -> None:
        """Nobody calls over a wire."""

    def media_late_ms(self) -> float:
        return 0.0

    def stop_accepting(self) -> None:
        self.told.append("stop accepting")

    async def close(self) -> None:
        self.told.append("close")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        api=ApiSettings(enabled=False),
        http=HttpSettings(port=free_port()),
        media=MediaSettings(port=0),
        worker=WorkerSettings(count=0, addresses=[NOBODY]),
        routes=[RouteSettings(assistant="demo")],
    )


@asynccontextmanager
async def running(
    settings: Settings, endpoint: SilentEndpoint, output: Callable[[], str], config: Path | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The service, announced; it has ended when the block is left."""
    service = Service(settings, config=config, make_endpoint=lambda _settings, _on_leg: endpoint)
    task = asyncio.create_task(service.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.http.port}") as client, asyncio.timeout(60):
        while "parley ready" not in output():
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
        yield client
        await task


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    seen: list[str] = []

    def so_far() -> str:
        seen.append(capsys.readouterr().out)
        return "".join(seen)

    return so_far


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "REMOTE_WORKER_SECONDS", 0.05)


async def test_the_line_tells_whom_to_call_and_where_the_metrics_are(
    settings: Settings, output: Callable[[], str]
) -> None:
    async with running(settings, SilentEndpoint(), output):
        os.kill(os.getpid(), signal.SIGINT)
    address = f"http://127.0.0.1:{settings.http.port}/metrics"
    assert f"\nparley ready: call sip:demo@127.0.0.1:5060, metrics at {address}\n" in f"\n{output()}"


async def test_without_a_worker_it_serves_and_is_not_ready(settings: Settings, output: Callable[[], str]) -> None:
    async with running(settings, SilentEndpoint(), output) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "no worker takes calls")
        assert (await client.get("/healthz")).status_code == 200
        assert "parley_build_info" in (await client.get("/metrics")).text
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of NOTIFY_SOCKET, for a service in the test's process that is watched."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        yield end


def signs_of_life(systemd: socket.socket) -> int:
    """That came since the last look."""
    count = 0
    with suppress(BlockingIOError):
        while message := systemd.recv(500):
            count += message == b"WATCHDOG=1"
    return count


async def sign_of_life(systemd: socket.socket) -> None:
    """Wait for the next one."""
    while not signs_of_life(systemd):  # noqa: ASYNC110  the socket is read between two steps of the service
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.scenario("FLT-06", peer="NOTIFY_SOCKET", transport="unix")
async def test_signs_of_life_stop_when_a_thread_no_longer_moves(
    settings: Settings, output: Callable[[], str], systemd: socket.socket, part: str
) -> None:
    endpoint = SilentEndpoint()
    async with running(settings, endpoint, output) as client:
        await sign_of_life(systemd)
        endpoint.stuck = part
        while (answer := await client.get("/healthz")).status_code == 200:
            pass
        assert answer.json() == {"status": "stuck", "parts": [part]}
        assert signs_of_life(systemd) <= 1
        await asyncio.sleep(0.6)
        assert not signs_of_life(systemd)
        endpoint.stuck = ""
        await sign_of_life(systemd)
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.scenario("FLT-06", peer="NOTIFY_SOCKET", transport="unix")
async def test_signs_of_life_stop_when_the_event_loop_no_longer_moves(
    settings: Settings, output: Callable[[], str], systemd: socket.socket
) -> None:
    async with running(settings, SilentEndpoint(), output):
        await sign_of_life(systemd)
        time.sleep(1.2)  # noqa: ASYNC251  this is what freezes it
        assert not signs_of_life(systemd)
        await sign_of_life(systemd)
        os.kill(os.getpid(), signal.SIGTERM)


async def test_on_the_way_down_no_calls_are_taken_before_the_endpoint_closes(
    settings: Settings, output: Callable[[], str]
) -> None:
    endpoint = SilentEndpoint()
    async with running(settings, endpoint, output):
        os.kill(os.getpid(), signal.SIGTERM)
    assert endpoint.told[:2] == ["start", "stop accepting"]
    assert endpoint.told[-1] == "close"


async def test_a_signal_during_the_start_ends_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "REMOTE_WORKER_SECONDS", 60)
    endpoint = SilentEndpoint()
    task = asyncio.create_task(Service(settings, make_endpoint=lambda _settings, _on_leg: endpoint).serve())
    async with asyncio.timeout(10), httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.http.port}") as client:
        await endpoint.started.wait()
        assert (await client.get("/readyz")).json()["reason"] == "starting"
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    assert endpoint.told[-1] == "close"


async def test_a_local_worker_that_never_comes_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "WORKER_SECONDS", 0.05)
    local = settings.model_copy(update={"worker": WorkerSettings(count=1)})
    with pytest.raises(SetupError, match=r"No worker was ready within"):
        await Service(local, make_endpoint=lambda _settings, _on_leg: SilentEndpoint()).serve()


async def test_the_first_start_tells_a_key_of_the_api(tmp_path: Path, output: Callable[[], str]) -> None:
    file = tmp_path / "parley.yaml"
    sections = {
        "data_dir": str(tmp_path / "data"),
        "http": {"port": free_port()},
        "api": {"port": free_port()},
        "media": {"port": 0},
        "worker": {"count": 0, "addresses": [NOBODY]},
    }
    file.write_text(yaml.safe_dump(sections))
    settings = load(file)
    async with running(settings, SilentEndpoint(), output, config=file) as client:
        rest = f"http://127.0.0.1:{settings.api.port}"
        key = re.search(r"^parley key: (\S+) .*\nparley ready.*, REST at (\S+)$", output(), re.MULTILINE)
        assert key is not None
        assert key[2] == rest
        listed = await client.get(f"{rest}/assistant", headers={"Authorization": f"Bearer {key[1]}"})
        assert (listed.status_code, listed.json()) == (200, [])
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("routes", "user"),
    [
        ([], "parley"),
        ([RouteSettings(assistant="demo")], "demo"),
        ([RouteSettings(assistant="demo", trunk="office"), RouteSettings(assistant="sales")], "sales"),
        ([RouteSettings(assistant="demo", number="100")], "100"),
    ],
)
def test_the_announced_number_is_one_that_a_route_takes(routes: list[RouteSettings], user: str) -> None:
    assert dialled_user(Settings(routes=routes)) == user


# ---------------------------------------------------------------- as systemd runs it


@contextmanager
def systemd_service(
    tmp_path: Path, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], socket.socket, dict[str, str]]]:
    """The command with a NOTIFY_SOCKET of ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        outside = {key: value for key, value in os.environ.items() if not key.startswith("PARLEY_")}
        environment = outside | {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "3000000",
            "PARLEY_DATA_DIR": str(tmp_path),
            "PARLEY_SIP__HOST": "127.0.0.1",
            "PARLEY_SIP__PORT": str(free_port()),
            "PARLEY_RTP__PORTS": "-".join(map(str, free_ports(200))),
            "PARLEY_HTTP__PORT": str(free_port()),
            "PARLEY_MEDIA__PORT": "0",
            "PARLEY_API__ENABLED": "false",
            **environ,
        }
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve"],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )
        try:
            yield process, systemd, environment
        finally:
            process.kill()
            process.wait()
            print((tmp_path / "log").read_text())  # shown when the test fails


def heard(systemd: socket.socket, start: str) -> str:
    """The next message that begins with `start`."""
    while not (message := systemd.recv(500).decode()).startswith(start):
        assert message == "WATCHDOG=1", message
    return message


@pytest.mark.models
def test_systemd_hears_ready_signs_of_life_and_stopping(tmp_path: Path) -> None:
    pytest.importorskip("pjsua2")
    with systemd_service(tmp_path) as (process, systemd, environment):
        ready = heard(systemd, "READY=1")
        assert f"call sip:parley@127.0.0.1:{environment['PARLEY_SIP__PORT']}" in ready
        heard(systemd, "WATCHDOG=1")
        answer = httpx.get(f"http://127.0.0.1:{environment['PARLEY_HTTP__PORT']}/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        process.send_signal(signal.SIGTERM)
        assert heard(systemd, "STOPPING=1") == "STOPPING=1\nSTATUS=draining"
        assert process.wait(20) == 0


def test_a_port_in_use_ends_it_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with systemd_service(tmp_path, PARLEY_HTTP__PORT=str(port)) as (process, _, _environment):
            assert process.wait(30) == 1
    assert (tmp_path / "log").read_text() == (
        f"127.0.0.1:{port} for metrics and health (http.port) cannot be opened: Address already in use."
        " Choose another port.\n"
    )
