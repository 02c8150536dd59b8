"""SIGHUP, as `systemctl reload` sends it: the process shows certificates that were replaced, and goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.certificates import Authority, Certificate
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.stream_peer import client_context, connection, server_is


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_a_signal_makes_the_process_show_a_replaced_certificate_at_once(tmp_path: Path) -> None:
    """Twice within ten seconds, which is how often it looks at the files without a signal."""
    authority, files = Authority(tmp_path), Certificate(tmp_path / "gateway.crt", tmp_path / "gateway.key")
    context, port = client_context(ca=authority), free_port()
    authority.issue("first", hosts=[LOOPBACK], common_name="first").copy_to(files)
    tls = {"port": port, "certificate_file": str(files.certificate_file), "key_file": str(files.key_file)}
    changes: dict[str, dict[str, Any]] = {
        "sip": {"transports": ["udp", "tls"], "tls": tls},
        "worker": {"count": 0, "addresses": [f"{LOOPBACK}:{free_port()}"]},
    }
    plan = ProductPlan(tmp_path / "parley", fake_assistant(), changes=changes, without_worker=True)
    async with running_product(plan) as product, connection(LOOPBACK, port, context) as caller:
        assert caller.server_name == "first"
        for name in ("second", "third"):
            authority.issue(name, hosts=[LOOPBACK], common_name=name).copy_to(files)
            os.kill(product.child.pid, signal.SIGHUP)
            await server_is(LOOPBACK, port, context, name)
        caller.writer.write(caller.options("still-here", transport="TLS"))
        assert (await caller.message()).first("call-id") == "still-here"
        product.child.require_running()
