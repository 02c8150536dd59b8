"""What is done to which part, and when: made from a seed, or read from YAML. Pure."""

from __future__ import annotations

import random
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.errors import ConfigError


class Kind(StrEnum):
    """`kill` as the kernel would; `freeze` by SIGSTOP; `slow` delays the part's connection to the gateway; `cut` holds
    it up; `lock` keeps others from writing; `fill` leaves no room; `busy` takes processor time."""

    KILL = "kill"
    FREEZE = "freeze"
    SLOW = "slow"
    CUT = "cut"
    LOCK = "lock"
    FILL = "fill"
    BUSY = "busy"


class Part(StrEnum):
    WORKER = "worker"
    API = "api"
    GATEWAY = "gateway"
    DATABASE = "database"
    DISK = "disk"
    MACHINE = "machine"


POSSIBLE = {
    Kind.KILL: (Part.WORKER, Part.API, Part.GATEWAY),
    Kind.FREEZE: (Part.WORKER, Part.API, Part.GATEWAY),
    Kind.SLOW: (Part.WORKER, Part.API),
    Kind.CUT: (Part.WORKER, Part.API),
    Kind.LOCK: (Part.DATABASE,),
    Kind.FILL: (Part.DISK,),
    Kind.BUSY: (Part.MACHINE,),
}
HARMLESS = (
    (Kind.KILL, Part.WORKER),
    (Kind.KILL, Part.WORKER),
    (Kind.FREEZE, Part.WORKER),
    (Kind.SLOW, Part.WORKER),
    (Kind.CUT, Part.WORKER),
    (Kind.KILL, Part.API),
    (Kind.FREEZE, Part.API),
    (Kind.CUT, Part.API),
    (Kind.LOCK, Part.DATABASE),
)
"""What a seed chooses from: faults that callers should not notice, on any machine."""
FIRST_SECONDS = 2.0
"""Before the first fault: the calls begin."""
APART_SECONDS = (2.5, 4.5)
"""Between two faults, so that it can be told what came of which."""
LAST_SECONDS = 4.0
"""After the last fault."""


class Fault(BaseModel):
    """`at` seconds after the calls began, for `seconds`; `ms` is the delay of `slow`. A worker is only hurt when
    another is ready, but for one that is `alone`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(ge=0, le=86400)
    kind: Kind
    part: Part
    seconds: float = Field(default=1.5, gt=0, le=600)
    ms: int = Field(default=200, ge=1, le=60_000)
    alone: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        if self.part not in POSSIBLE[self.kind]:
            parts = ", ".join(POSSIBLE[self.kind])
            raise ValueError(f"{self.kind} goes with {parts}, not with {self.part}")
        return self

    @property
    def ends_calls(self) -> bool:
        """Whether calls cannot outlive it: those of a gateway that dies."""
        return self.part == Part.GATEWAY

    def __str__(self) -> str:
        by = f" by {self.ms} ms" if self.kind == Kind.SLOW else ""
        lasting = "" if self.kind == Kind.KILL else f" for {self.seconds:g} s"
        return f"{self.kind} {self.part}{by}{lasting}"


class Plan(BaseModel):
    """`calls` at once, for `seconds`, each of `turns` turns and then another one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    calls: int = Field(default=3, ge=1, le=50)
    turns: int = Field(default=3, ge=0, le=4)
    words: int = Field(default=12, ge=4, le=12)
    seconds: float = Field(default=30, gt=0, le=86400)
    workers: int = Field(default=2, ge=1, le=16)
    faults: list[Fault] = []


def generated(seed: int, *, seconds: float = 30, calls: int = 3, workers: int = 2) -> Plan:
    """The plan of a seed: the same each time."""
    chance = random.Random(seed)  # noqa: S311  the same each time is what is wanted
    faults: list[Fault] = []
    at = FIRST_SECONDS + chance.uniform(0, 1)
    while at < seconds - LAST_SECONDS:
        kind, part = chance.choice(HARMLESS)
        lasts = round(chance.uniform(0.5, 2.0), 2)
        faults.append(Fault(at=round(at, 2), kind=kind, part=part, seconds=lasts, ms=chance.choice((50, 150, 400))))
        at += (0 if kind == Kind.KILL else lasts) + chance.uniform(*APART_SECONDS)
    return Plan(seed=seed, calls=calls, seconds=seconds, workers=workers, faults=faults)


def read_plan(file: Path) -> Plan:
    """A plan from a YAML file.

    :raises ConfigError: it cannot be read, or says what is not possible
    """
    try:
        plan = Plan.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{file}: {_told(one)}" for one in error.errors())) from error
    return plan.model_copy(update={"faults": sorted(plan.faults, key=lambda fault: fault.at)})


def _told(error: object) -> str:
    assert isinstance(error, dict)
    place = ".".join(str(part) for part in error["loc"])
    return ": ".join(filter(None, [place, str(error["msg"])]))
