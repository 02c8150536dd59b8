"""Variables over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import find, load
from tests.config.conftest import Complain, Read

TRUNK = "trunks: [{name: my-office, registrar: r, username: u}]"


def test_a_variable_wins_over_the_file(read: Read) -> None:
    settings = read("sip: {port: 5070}", PARLEY_SIP__PORT="15060", PARLEY_RTP__PORTS="20000-20199")
    assert settings.sip.port == 15060
    assert settings.rtp.ports == (20000, 20199)


def test_variables_alone_are_enough(tmp_path: Path) -> None:
    settings = load(None, environ={"PARLEY_DATA_DIR": str(tmp_path), "PARLEY_HTTP__PORT": "0"})
    assert (settings.data_dir, settings.http.port) == (tmp_path, 0)


def test_lists_and_mappings_are_json(read: Read) -> None:
    settings = read("", PARLEY_SIP__CODECS='["PCMA"]', PARLEY_ASSISTANTS='{"a": {"model": {"provider": "x"}}}')
    assert settings.sip.codecs == ["PCMA"]
    assert settings.assistants["a"].model.provider == "x"


@pytest.mark.parametrize("entry", ["0", "MY_OFFICE", "myoffice"])
def test_an_entry_of_a_list_is_named_by_its_number_or_name(read: Read, entry: str) -> None:
    settings = read(TRUNK, **{f"PARLEY_TRUNKS__{entry}__PASSWORD": "geheim"})
    assert settings.trunks[0].password.get_secret_value() == "geheim"


def test_field_names_of_assistants_are_found_whatever_their_case(read: Read) -> None:
    text = "assistants: {demo: {firstMessage: Hi, model: {provider: x}}}"
    assert read(text, PARLEY_ASSISTANTS__DEMO__FIRST_MESSAGE="Ho").assistants["demo"].first_message == "Ho"
    assert read(text, PARLEY_ASSISTANTS__DEMO__FIRSTMESSAGE="Ha").assistants["demo"].first_message == "Ha"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PARLEY_SIP__PORT", "x", "PARLEY_SIP__PORT: sip.port: expected a whole number, got 'x'"),
        ("PARLEY_SIP__PROT", "1", "PARLEY_SIP__PROT: sip.prot: unknown key, did you mean port?"),
        ("PARLEY_HTPP__PORT", "1", "PARLEY_HTPP__PORT: unknown setting, did you mean PARLEY_HTTP__PORT?"),
        ("PARLEY_DATADIRS", "x", "PARLEY_DATADIRS: unknown setting, did you mean PARLEY_DATA_DIR?"),
        ("PARLEY_TRUNKS__HOME__REALM", "x", "PARLEY_TRUNKS__HOME__REALM: expected an entry of trunks, got HOME"),
        ("PARLEY_TRUNKS__9__REALM", "x", "PARLEY_TRUNKS__9__REALM: expected an entry of trunks, got 9"),
    ],
)
def test_a_wrong_variable_is_named(complain: Complain, name: str, value: str, line: str) -> None:
    assert complain(TRUNK, **{name: value}) == [line]


def test_a_variable_that_is_no_json_is_named(complain: Complain) -> None:
    (line,) = complain("", PARLEY_ROUTES="[{]")
    assert line.startswith("PARLEY_ROUTES: expected JSON, got '[{]'")


def test_a_mistake_under_a_variable_names_the_variable(complain: Complain) -> None:
    (line,) = complain("routes: []", PARLEY_ROUTES='[{"assistant": "x", "nmber": "1"}]')
    assert line == "PARLEY_ROUTES: routes[0].nmber: unknown key, did you mean number?"


def test_variables_of_others_are_left_alone(read: Read) -> None:
    read("", PARLEY_PORT="tcp://10.0.0.1:80", PARLEY_SERVICE_HOST="10.0.0.1", PARLEY_CACHE_DIR="/x", PATH="/bin")


def test_the_file_is_the_named_one_or_the_first_of_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find({"PARLEY_CONFIG": "/x/y.yaml"}) == Path("/x/y.yaml")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/parley.yaml").touch()
    assert find({}) == Path("config/parley.yaml")
