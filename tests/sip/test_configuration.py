"""What must hold before the stack starts, and how settings become its configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import NativeMissing
from gateway.settings import Settings
from gateway.sip.bridge import CompiledLimits
from gateway.sip.configuration import (
    REFUSAL_CALLS,
    check_limits,
    codec_priorities,
    endpoint_config,
    trunk_account_config,
)
from gateway.sip.trunk import line_of, trunk_addresses
from gateway.trunk.settings import TrunkSettings

LIMITS = CompiledLimits(
    calls=520, accounts=64, conference_ports=1100, sockets=1100, transactions=4096, dialogs=1024, packet_bytes=4000,
    play_samples=32000, record_ticks=256,
)  # fmt: skip


def settings(**sip: object) -> Settings:
    return Settings.model_validate({"sip": {"max_calls": 100, **sip}, "rtp": {"ports": "20000-20999"}})


def test_a_large_build_takes_the_largest_setting() -> None:
    check_limits(settings(max_calls=500), LIMITS)


@pytest.mark.parametrize("name", ["calls", "accounts", "conference_ports", "sockets", "transactions", "dialogs"])
def test_a_build_that_is_too_small_is_named_with_the_remedy(name: str) -> None:
    small = replace(LIMITS, **{name: 0})
    with pytest.raises(NativeMissing, match=f"built for 0 {name.replace('_', ' ')}.*max_calls.*parley setup"):
        check_limits(settings(), small)


def test_the_four_calls_of_a_public_wheel_are_not_clamped_in_silence() -> None:
    with pytest.raises(NativeMissing, match="built for 4 calls, but 116 are needed"):
        check_limits(settings(), replace(LIMITS, calls=4))


def test_calls_are_as_many_as_the_rtp_ports_let_in() -> None:
    few = Settings.model_validate({"sip": {"max_calls": 100}, "rtp": {"ports": "20000-20099"}})
    assert few.capacity == 49
    check_limits(few, replace(LIMITS, calls=49 + REFUSAL_CALLS))


def test_codecs_in_the_order_of_the_settings_and_no_others() -> None:
    available = ["PCMU/8000/1", "PCMA/8000/1", "G722/16000/1", "opus/48000/2", "GSM/8000/1"]
    priorities = codec_priorities(available, ["G722", "PCMU"])
    assert sorted((name for name, rank in priorities.items() if rank), key=lambda name: -priorities[name]) == [
        "G722/16000/1",
        "PCMU/8000/1",
    ]


def test_the_conference_runs_at_the_telephones_rate_without_threads_of_its_own() -> None:
    config = endpoint_config(settings(max_calls=10), limits=LIMITS, log_writer=None, log_level=2)
    agent, media = config.uaConfig, config.medConfig
    assert (agent.threadCnt, agent.mainThreadOnly, agent.maxCalls) == (0, True, 26)
    assert (media.clockRate, media.audioFramePtime, media.channelCount, media.noVad) == (8000, 20, 1, True)
    assert (media.ecTailLen, media.sndAutoCloseTime) == (0, -1)


def test_a_trunks_account_is_refreshed_and_retried_by_us() -> None:
    trunk = TrunkSettings.model_validate(
        {"name": "pbx", "registrar": "192.0.2.1", "username": "100", "password": "secret", "register_seconds": 300}
    )
    config = trunk_account_config(settings(public_address="203.0.113.5"), trunk, trunk_addresses(trunk))
    registration, sip, media = config.regConfig, config.sipConfig, config.mediaConfig.transportConfig
    assert (registration.registrarUri, registration.timeoutSec) == ("sip:192.0.2.1", 300)
    assert registration.delayBeforeRefreshSec == 1
    assert registration.retryIntervalSec == 0
    assert (sip.authCreds[0].username, sip.authCreds[0].data, sip.authCreds[0].realm) == ("100", "secret", "*")
    assert sip.contactUriParams == f";line={line_of(trunk)}"
    assert (media.port, media.portRange, media.publicAddress) == (20000, 999, "203.0.113.5")
