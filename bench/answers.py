"""How calls are answered: openings of humans and of machines, made reproducibly, through 8 kHz µ-law.

Humans: short answers by six voices of flite and espeak-ng, and the human of Asterisk's prompts. Machines: greetings of
the same voices with the pauses that greetings have, Asterisk's own voicemail prompts, and beeps of many pitches and
lengths, Asterisk's among them; one machine in ten has none. Every line has its noise.
"""

from __future__ import annotations

import audioop
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.peers.asterisk import SOUNDS, asterisk_root
from tests.peers.speech import Samples, human, join, read_wav, silence, synthetic

VOICES = ("slt", "rms", "awb", "en-us", "en-gb", "en-us+f3")
HELLOS = (
    "Hello?",
    "Hello, who is this?",
    "Yes?",
    "Joe speaking.",
    "Hi, this is Anna.",
    "Good morning, Smith and Sons.",
    "Riverside Hotel, this is Anna, how can I help you?",
    "Hang on a second.",
)
HUMAN_PROMPTS = ("hello-world", "vm-Work", "vm-first", "digits/4")
GREETINGS = (
    ("Hi, you have reached Joe.", "I can not come to the phone right now.", "Please leave a message after the tone."),
    ("Hello!", "This is Anna.", "I am not available at the moment.", "Leave your name and number after the beep."),
    ("You have reached the voice mail of five five five, one two three four.", "Please leave a message."),
    ("Your call has been forwarded to an automatic voice message system.", "At the tone, record your message."),
    ("The person you are calling is not available.", "Please try again later, or leave a message after the tone."),
    ("Hi.", "Sorry I missed your call.", "Leave me a message and I will get back to you as soon as I can."),
    ("Thank you for calling Smith and Sons.", "Our office is closed.", "Please leave your name and number."),
    ("Hey, it is Bob.", "You know what to do.", "Wait for the beep."),
)
PROMPT_GREETINGS = (
    ("vm-theperson", "digits/4", "digits/2", "vm-isunavail", "vm-intro"),
    ("vm-nobodyavail", "vm-intro"),
    ("vm-intro",),
    ("vm-theperson", "digits/1", "vm-isonphone", "vm-intro"),
)
BEEPS = (
    (1000, 400),
    (1400, 300),
    (700, 426),
    (850, 1000),
    (440, 700),
    (2000, 200),
    (950, 600),
    (620, 1500),
    (1050, 250),
)
_NOISE_DBFS = -58.0
_TELEVISION_DB = -18.0
_AFTER_MS = 8_000


@dataclass(frozen=True, slots=True)
class Opening:
    """What comes in after an answer, from its first sample. `speech_ms` is where the last word ends, `beep_ms` where
    the beep does, None without one."""

    name: str
    machine: bool
    pcm: bytes
    speech_ms: int
    beep_ms: int | None = None


def humans(seed: int = 1) -> Iterator[Opening]:
    """52 humans: each hello by each voice, and a human one by one."""
    dice = random.Random(seed)
    for text in HELLOS:
        for voice in VOICES:
            yield _opening(f"{voice}: {text}", [synthetic(text, voice)], dice)
    for prompt in HUMAN_PROMPTS:
        yield _opening(f"prompt {prompt}", [human(prompt)], dice)


def humans_at_home(seed: int = 3) -> Iterator[Opening]:
    """18 of them in front of a television: a voice that talks on, 18 dB below theirs."""
    dice = random.Random(seed)
    television = human("demo-congrats").astype(np.float64) * 10 ** (_TELEVISION_DB / 20)
    for opening in list(humans())[::3]:
        near = np.frombuffer(opening.pcm, np.int16)
        far = np.resize(television[dice.randrange(60_000) :], len(near))
        pcm = _coded(near + far)
        yield Opening(f"television, {opening.name}", opening.machine, pcm, opening.speech_ms, opening.beep_ms)


def machines(seed: int = 2) -> Iterator[Opening]:
    """52 machines: each greeting by each voice, and Asterisk's prompts."""
    dice = random.Random(seed)
    beeps = [*(_tone(*beep) for beep in BEEPS), read_wav(asterisk_root() / SOUNDS / "beep.wav")]
    number = 0
    for greeting in GREETINGS:
        for voice in VOICES:
            number += 1
            beep = beeps[number % len(beeps)] if number % 10 else None
            yield _opening(f"{voice}: {greeting[0]}", [synthetic(part, voice) for part in greeting], dice, beep)
    for prompts in PROMPT_GREETINGS:
        parts = [human(prompt) for prompt in prompts]
        yield _opening(f"prompts {' '.join(prompts)}", parts, dice, beeps[-1])


def _opening(name: str, parts: Sequence[Samples], dice: random.Random, beep: Samples | None = None) -> Opening:
    machine = len(parts) > 1 or beep is not None
    said = [silence(dice.randrange(250, 1500 if machine else 1000))]
    for part in parts:
        said += [part, silence(dice.randrange(200, 650))]
    spoken = join(*said[:-1])
    sounds, beep_ms = [spoken], None
    if beep is not None:
        sounds += [silence(dice.randrange(100, 1600)), beep]
        beep_ms = len(join(*sounds)) // 8
    return Opening(name, machine, _line(join(*sounds, silence(_AFTER_MS)), dice), len(spoken) // 8, beep_ms)


def _line(samples: Samples, dice: random.Random) -> bytes:
    """As it comes in by G.711."""
    noise = np.random.default_rng(dice.randrange(2**32)).standard_normal(len(samples))
    return _coded(samples + noise * 32768 * 10 ** (_NOISE_DBFS / 20))


def _coded(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    linear = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    return audioop.ulaw2lin(audioop.lin2ulaw(linear, 2), 2)


def _tone(hz: int, ms: int) -> Samples:
    wave: Samples = (np.sin(2 * np.pi * hz * np.arange(ms * 8) / 8000) * 5000).astype(np.int16)
    return wave
