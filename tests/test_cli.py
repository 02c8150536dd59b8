"""The command line: what it prints, how it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import __version__
from gateway.cli import app

COMMANDS = ("serve", "worker", "check", "setup", "call", "calls", "version")
EXAMPLES = ("serve", "worker", "check", "setup", "call", "calls")


WIDE = {"COLUMNS": "120", "NO_COLOR": "1"}
ROOT = Path(__file__).parents[1]


class Anything:
    """A provider that can be made."""


def parley(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PARLEY_")}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=outside | environ | WIDE,
        timeout=60,
        check=False,
    )


def test_version() -> None:
    done = parley("version")
    assert (done.returncode, done.stdout) == (0, f"parley {__version__}\n")


def test_help_names_every_command() -> None:
    done = CliRunner().invoke(app, ["--help"], env=WIDE)
    assert done.exit_code == 0
    assert all(f" {command} " in done.output for command in COMMANDS)


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_of_a_command_shows_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"], env=WIDE)
    assert done.exit_code == 0
    assert "Example" in done.output
    assert f"parley {command}" in done.output


def test_the_start_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'grpc', 'onnxruntime', 'fastapi', 'pydantic'}"
    code = f"import sys, gateway.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_wrong_settings_exit_2_with_the_line_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("sip:\n  prt: 1\n")
    for command in (("check", str(file)), ("serve", "--config", str(file)), ("calls", "--config", str(file))):
        done = parley(*command)
        assert done.returncode == 2
        assert done.stderr == f"{file}:2: sip.prt: unknown key, did you mean port?\n"


def test_a_wrong_option_exits_2() -> None:
    done = parley("serve", "--prot", "1")
    assert done.returncode == 2
    assert "--prot" in done.stderr


def test_check_says_what_the_settings_mean(tmp_path: Path) -> None:
    (tmp_path / "parley.yaml").write_text(
        "data_dir: data\n"
        "trunks: [{name: office, registrar: 'sip:pbx', username: u}]\n"
        "routes: [{assistant: a, trunk: office, number: '+1*'}, {assistant: a}]\n"
        "assistants: {a: {transcriber: {provider: 'tests.test_cli:Anything'},"
        " voice: {provider: 'tests.test_cli:Anything'}, model: {provider: 'tests.test_cli:Anything'}}}\n"
    )
    done = parley("check", "parley.yaml", cwd=tmp_path, PARLEY_SIP__PORT="15060", PYTHONPATH=str(ROOT))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "parley.yaml: no mistakes",
        "  SIP on 0.0.0.0:15060 (udp, tcp), RTP on 20000-20999, 100 calls",
        "  metrics on http://127.0.0.1:8080/metrics",
        f"  calls are kept in {tmp_path}/data",
        "  REST at http://127.0.0.1:8000, kept in SQLite in data_dir",
        "  trunk office: registers at sip:pbx as u",
        "  calls from trunk office to +1*: assistant a",
        "  calls to any number: assistant a",
    ]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("{provider: dialog}", "assistants.a.model: There is no model provider"),
        ("{provider: dialogue, file: talk.yaml}", "talk.yaml:1:"),
        ("{provider: 'nowhere:Model'}", "cannot be imported"),
        ("{provider: 'tests.test_cli:Anything', colour: red}", "does not take these options"),
    ],
)
def test_check_makes_each_provider(tmp_path: Path, model: str, said: str) -> None:
    (tmp_path / "talk.yaml").write_text("greting: Hello\n")
    other = "transcriber: {provider: 'tests.test_cli:Anything'}, voice: {provider: 'tests.test_cli:Anything'}"
    (tmp_path / "parley.yaml").write_text(f"assistants: {{a: {{{other}, model: {model}}}}}\n")
    done = parley("check", "parley.yaml", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_check_names_the_command_that_brings_a_model_which_an_assistant_wants(tmp_path: Path) -> None:
    anything = "{provider: 'tests.test_cli:Anything'}"
    plan = "startSpeakingPlan: {smartEndpointingPlan: {provider: smart-turn}}"
    providers = f"transcriber: {anything}, voice: {anything}, model: {anything}"
    (tmp_path / "parley.yaml").write_text(f"assistants: {{a: {{{providers}, {plan}}}}}\n")
    done = parley("check", "parley.yaml", cwd=tmp_path, PYTHONPATH=str(ROOT), PARLEY_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0
    assert "is missing; run `parley setup --smart-turn` to download it." in done.stdout


def test_settings_without_a_route_are_told() -> None:
    done = parley("check", cwd=Path("/"))
    assert done.returncode == 0
    assert "no route: calls to numbers of the API are taken" in done.stdout
    alone = parley("check", cwd=Path("/"), PARLEY_API__ENABLED="false")
    assert "no route: every call is refused with 404" in alone.stdout


def test_a_call_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    done = parley("calls", "show", "nothing", cwd=tmp_path, PARLEY_DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is no call nothing")
    assert done.stderr.count("\n") == 1


def test_calls_of_an_empty_folder(tmp_path: Path) -> None:
    done = parley("calls", cwd=tmp_path, PARLEY_DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"No calls yet in {tmp_path}.\n")
