"""The alerts that are shipped name metrics that there are, with their labels."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from gateway.observe import metrics as metrics
from gateway.observe.metrics import observe_call_ended, observe_turn

RULES = Path(__file__).parents[2] / "deploy" / "prometheus-alerts.yml"


def rules() -> list[dict[str, object]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, object]] = group["rules"]
    return found


def test_every_alert_says_what_is_wrong() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 8
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
        assert str(rule["annotations"]["summary"]).endswith(".")  # type: ignore[index]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_reads_metrics_that_there_are(rule: dict[str, object]) -> None:
    names = set(re.findall(r"parley_[a-z_]+", str(rule["expr"])))
    assert names
    families = {family.name for family in REGISTRY.collect()}
    assert {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names} <= families


def test_labels_that_alerts_speak_of_are_given() -> None:
    observe_call_ended("inbound", "call.in-progress.error-assistant-did-not-receive-customer-audio")
    observe_turn({"total": 900})
    given = {label for family in REGISTRY.collect() for sample in family.samples for label in sample.labels}
    for rule in rules():
        used = re.findall(r"\{([a-z]+)=", str(rule["expr"])) + re.findall(r"by \(([a-z]+)\)", str(rule["expr"]))
        assert set(used) <= given | {"trunk"}, rule["alert"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_prometheus_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(RULES)], check=True)
