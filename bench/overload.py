"""What becomes of the calls that are up when many more come than fit."""

from __future__ import annotations

from pathlib import Path

from bench.report import Figure, Report, Target
from tests.interop.overload import Load, Overload, overloaded
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.ports import free_ports

SUMMARY = "goodput, audio of the calls that are up and time to refuse at 2 and 10 times the capacity"
METHOD = (
    "SIPp calls that speak (PCMU) for 10 s, of which 40 fit, offered at 0.9, 2 and 10 times the rate that fits, for "
    "40 s each; goodput: our RTP streams that were up, of 40; gaps and times to an answer by the kernel's timestamps"
)
PLACES, HOLD_SECONDS, SECONDS = 40, 10.0, 40.0
TIMES = (2.0, 10.0)
LEAST_GOODPUT, MOST_REFUSAL_MS = 95.0, 5.0
BUSY = 486


def product_plan(folder: Path, places: int) -> ProductPlan:
    """A product in which just so many calls fit, and nothing but places is short."""
    changes = {"sip": {"max_calls": places}, "worker": {"capacity": 2 * places}}
    return ProductPlan(
        folder, fake_assistant(reply="one two three"), changes=changes, rtp_ports=free_ports(4 * places + 100)
    )


async def measure(folder: Path) -> Report:
    """Run it; about three minutes."""
    async with running_product(product_plan(folder / "parley", PLACES)) as product:
        before = await overloaded(product, Load(PLACES, HOLD_SECONDS, 0.9, SECONDS), folder / "before")
        found = {
            times: await overloaded(product, Load(PLACES, HOLD_SECONDS, times, SECONDS), folder / f"{times:g}")
            for times in TIMES
        }
    figures = [figure for times, one in found.items() for figure in _figures(f"{times:g} times", one)]
    targets = [target for times, one in found.items() for target in _targets(f"{times:g} times", one)]
    notes = [f"{times:g} times: {_note(one)}" for times, one in found.items()]
    reference = [_gaps("0.9 times", before), Figure.of("0.9 times: p99.9 gap of each SIPp stream", _sipp_gaps(before))]
    return Report("overload", METHOD, figures, reference, notes, targets=targets)


def _gaps(name: str, found: Overload) -> Figure:
    return Figure.of(f"{name}: p99.9 gap of each stream", [one.gap_p999_ms for one in found.ours])


def _sipp_gaps(found: Overload) -> list[float]:
    return [one.gap_p999_ms for one in found.theirs]


def _figures(name: str, found: Overload) -> list[Figure]:
    return [
        Figure.of(f"{name}: goodput", [100 * found.goodput], unit="%"),
        Figure.of(f"{name}: INVITE to refusal", [one.after_ms for one in found.refused]),
        Figure.of(f"{name}: INVITE to 200", found.answered_ms),
        _gaps(name, found),
        Figure.of(f"{name}: p99.9 gap of each SIPp stream", _sipp_gaps(found)),
    ]


def _targets(name: str, found: Overload) -> list[Target]:
    refusal = Figure.of(name, [one.after_ms for one in found.refused])
    return [
        Target(f"{name}: goodput", 100 * found.goodput, LEAST_GOODPUT, "%", at_least=True),
        Target(f"{name}: INVITE to refusal, p95", refusal.p95, MOST_REFUSAL_MS),
        Target(f"{name}: p99.9 gap of a stream, median", _gaps(name, found).median, 40),
    ]


def _note(found: Overload) -> str:
    busy = sum(one.status == BUSY for one in found.refused)
    lost = sum(one.lost for one in found.ours)
    reasons = ", ".join(f"{count} {reason}" for reason, count in found.reasons.items())
    return (
        f"{found.offered} offered, {len(found.ours)} taken, {len(found.refused)} refused ({reasons}; {busy} as busy), "
        f"{found.sipp.failed} failed, {lost} packets of ours missing"
    )
