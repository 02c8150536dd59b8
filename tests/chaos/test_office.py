"""The office's settings and processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.chaos.office import Ways, api_settings, gateway_settings
from gateway.chaos.ports import free_range
from gateway.chaos.processes import Process
from gateway.config import load
from gateway.errors import SetupError
from tests.link.worker_double import until


def test_settings_of_gateway_and_control_plane_are_without_a_mistake(tmp_path: Path) -> None:
    ways = Ways("127.0.0.1:5070", (20000, 20075), ["127.0.0.1:7000"], "127.0.0.1:7001", "t", "http://127.0.0.1:1/x")
    file = tmp_path / "parley.yaml"
    file.write_text(yaml.safe_dump(gateway_settings(tmp_path / "data", ways, words=12)))
    settings = load(file, environ={})
    assert settings.worker.count == 0
    assert settings.capacity >= 3
    file.write_text(yaml.safe_dump(api_settings(tmp_path / "api", 7001, "t")))
    assert load(file, environ={}).api.link == "127.0.0.1:7001"


def test_ports_in_a_row_are_even_at_first() -> None:
    first, last = free_range(20)
    assert (first % 2, last - first) == (0, 19)


async def test_a_frozen_process_does_nothing_until_it_is_thawed(tmp_path: Path) -> None:
    process = Process("version", ["version"], tmp_path / "log")
    process.start()
    process.freeze()
    await until(lambda: _state(process) == "T")
    assert process.alive
    assert not process.said("parley ")
    process.thaw()
    await until(lambda: not process.alive, 30)
    assert process.said("parley ")
    with pytest.raises(SetupError, match="version ended: parley "):
        process.require_alive()


async def test_a_process_that_stands_still_ends_all_the_same_and_can_begin_again(tmp_path: Path) -> None:
    process = Process("version", ["version"], tmp_path / "log")
    process.start()
    process.freeze()
    await process.end()
    assert not process.alive
    process.start()
    process.kill()
    assert (process.alive, process.lives) == (False, 2)


def _state(process: Process) -> str:
    assert process._running is not None
    return Path(f"/proc/{process._running.pid}/stat").read_text().rpartition(")")[2].split()[0]
