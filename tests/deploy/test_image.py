"""The container image's recipe, as far as it can be judged without building it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "deploy" / "Containerfile").read_text()


def test_what_is_copied_is_in_the_repository() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.MULTILINE)
    assert len(copied) >= 4
    for sources in copied:
        for source in sources.split():
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("target", ["setup", "providers"])
def test_everything_that_make_reads_is_copied(target: str) -> None:
    assert f"ARG TARGET={target}\n" in RECIPE or f"--build-arg TARGET={target} " in RECIPE
    plan = subprocess.run(
        ["make", "-n", target, "VENV=.venv-absent"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.MULTILINE)).split()
    for needed in re.findall(r"(?<=-r )\S+", plan) + re.findall(r"deploy/\S+\.sh", plan):
        assert needed in copied, needed


def test_the_libraries_of_the_build_have_their_run_time_halves() -> None:
    built = set(re.findall(r"lib\w+-dev|uuid-dev", (ROOT / "deploy" / "system.sh").read_text()))
    halves = {
        "libssl-dev": "libssl3",
        "libopus-dev": "libopus0",
        "libsrtp2-dev": "libsrtp2-1",
        "libsamplerate0-dev": "libsamplerate0",
        "uuid-dev": "libuuid1",
    }
    assert built == set(halves)
    assert all(half in RECIPE for half in halves.values())


def test_it_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\S+)$", RECIPE, re.MULTILINE) == ["parley"]
