"""What one part of the settings says about another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.conftest import Complain, Read

ASSISTANTS = "assistants: {demo: {model: {provider: x}}, sales: {model: {provider: x}}}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            ASSISTANTS + "routes:\n  - assistant: salse",
            "parley.yaml:3: routes[0].assistant: expected an assistant (demo, sales), got 'salse', did you mean sales?",
        ),
        (
            ASSISTANTS + "routes: [{assistant: demo, trunk: office}]",
            "parley.yaml:2: routes[0].trunk: expected a trunk (none is configured), got 'office'",
        ),
        (
            "trunks:\n- {name: a, registrar: r, username: u}\n- {name: a, registrar: s, username: u}",
            "parley.yaml:3: trunks[1].name: expected a name of its own, got 'a' again",
        ),
        (
            "rtp: {ports: 20000-20002}",
            "parley.yaml:1: rtp.ports: expected at least 4 ports, got 20000-20002",
        ),
        ("sip: {port: 20005}", "parley.yaml:1: sip.port: expected a port outside rtp.ports 20000-20999, got 20005"),
        (
            "demo: {enabled: true, port: 8080}",
            "parley.yaml:1: demo.port: expected another port than http.port, got 8080",
        ),
        (
            "worker: {count: 0}",
            "parley.yaml:1: worker.count: expected at least 1, or an address in worker.addresses, got 0",
        ),
        (
            "assistants:\n  a:\n    model: {provider: x, tools: [{server: {url: u}}]}",
            "parley.yaml:3: assistants.a.model.tools[0].function: expected the function's name, description and"
            " parameters, got nothing",
        ),
        (
            "assistants:\n  a:\n    model: {provider: x, tools: [{function: {name: f}}]}",
            "parley.yaml:3: assistants.a.model.tools[0].server: expected a server with the url to call, here or for"
            " the assistant, got nothing",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(complain: Complain, text: str, line: str) -> None:
    assert complain(text) == [line]


def test_what_fits_is_accepted(read: Read) -> None:
    settings = read(
        ASSISTANTS
        + "trunks: [{name: office, registrar: r, username: u}]\n"
        + "routes: [{assistant: demo, trunk: office}, {assistant: sales}]\n"
        + "worker: {count: 0, addresses: [127.0.0.1:7000]}\n"
        + "rtp: {ports: 20000-20199}\n"
    )
    assert [route.assistant for route in settings.routes] == ["demo", "sales"]


def test_a_tool_may_use_the_server_of_its_assistant(read: Read) -> None:
    read("assistants: {a: {server: {url: u}, model: {provider: x, tools: [{function: {name: f}}]}}}")


def test_relative_files_start_at_the_folder_of_the_settings(read: Read, tmp_path: Path) -> None:
    (tmp_path / "talk.yaml").touch()
    settings = read("data_dir: data\nassistants: {a: {model: {provider: dialogue, file: talk.yaml}}}")
    assert settings.data_dir == tmp_path / "data"
    assert settings.assistants["a"].model.options["file"] == str(tmp_path / "talk.yaml")


def test_a_file_that_a_provider_needs_must_exist(complain: Complain, tmp_path: Path) -> None:
    (line,) = complain("assistants:\n  a:\n    model:\n      provider: dialogue\n      file: talk.yaml")
    assert line == "parley.yaml:5: assistants.a.model.file: expected a file, there is no talk.yaml"


def test_a_variable_may_name_another_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").touch()
    settings = read(
        "assistants: {a: {model: {provider: dialogue, file: talk.yaml}}}",
        PARLEY_ASSISTANTS__A__MODEL__FILE=str(tmp_path / "other.yaml"),
    )
    assert settings.assistants["a"].model.options["file"] == str(tmp_path / "other.yaml")
