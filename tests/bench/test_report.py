from __future__ import annotations

import json

import pytest

from bench.report import Figure, Rate, Report, Target, target_table


def report() -> Report:
    figures = [Figure.of("voice to voice", [100.0, 300.0, 200.0]), Figure.of("per call", [0.25], unit="%")]
    return Report(
        "latency",
        "how",
        [*figures, Rate.of("right", 3, 4)],
        [Figure.of("echo", [1.0])],
        ["one note"],
        machine="a machine",
        targets=[Target("overhead p50", 31.0, 30.0), Target("caught", 99.0, 98.0, "%", at_least=True)],
    )


def test_a_figure_has_median_p95_worst_and_number() -> None:
    figure = Figure.of("x", list(range(101)))
    assert (figure.n, figure.median, figure.p95, figure.worst) == (101, 50, 95, 100)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="x: nothing was measured"):
        Figure.of("x", [])


def test_a_rate_has_its_number() -> None:
    assert Rate.of("right", 1, 3) == Rate("right", 33.33, 3)


def test_nothing_counted_is_no_rate() -> None:
    with pytest.raises(ValueError, match="x: nothing was counted"):
        Rate.of("x", 0, 0)


def test_the_text_tells_method_machine_figures_reference_and_notes() -> None:
    text = report().text()
    for part in (
        "how",
        "a machine",
        "voice to voice",
        "200.0",
        "0.250",
        "n=3",
        "75.0 %",
        "reference",
        "echo",
        "note: one note",
    ):
        assert part in text


def test_the_json_holds_the_same() -> None:
    found = json.loads(report().json())
    assert found["machine"] == "a machine"
    assert found["figures"][0] == {
        "name": "voice to voice",
        "unit": "ms",
        "n": 3,
        "median": 200,
        "p95": 290,
        "worst": 300,
    }
    assert found["figures"][2] == {"name": "right", "percent": 75.0, "n": 4}
    assert [(target["name"], target["passed"]) for target in found["targets"]] == [
        ("overhead p50", False),
        ("caught", True),
    ]


def test_targets_stand_beside_what_was_found() -> None:
    missed, passed = report().text().splitlines()[-2:]
    assert missed.split() == ["overhead", "p50", "31.0", "target", "≤", "30.0", "ms", "MISS"]
    assert passed.split() == ["caught", "99.0", "target", "≥", "98.0", "%", "pass"]


def test_one_table_holds_the_targets_of_all_reports() -> None:
    plain = Report("other", "how", [], [], machine="a machine")
    assert target_table([plain]) == ""
    assert [line.split()[0] for line in target_table([report(), plain, report()]).splitlines()] == [
        *("all", "overhead", "caught", "overhead", "caught"),
    ]
