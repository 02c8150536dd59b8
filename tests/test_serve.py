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
from contextlib import asynccontextmanager, contextmanager
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


class SilentEndpoint:
    """An endpoint that nobody calls."""

    def __init__(self) -> None:
        self.address = "127.0.0.1:5060"
        self.told: list[str] = []

    @property
    def heartbeat_ns(self) -> int:
        return time.monotonic_ns()

    async def start(self) -> None:
        self.told.append("start")

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


async def test_a_thread_that_no_longer_moves_is_named(
    settings: Settings, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "STUCK_SECONDS", 0.5)
    monkeypatch.setattr(SilentEndpoint, "heartbeat_ns", time.monotonic_ns())
    async with running(settings, SilentEndpoint(), output) as client:
        while (answer := await client.get("/healthz")).status_code == 200:
            pass
        assert answer.json() == {"status": "stuck", "parts": ["SIP and media threads"]}
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
        while "start" not in endpoint.told:
            await asyncio.sleep(0.01)
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
