import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.byte_ranges import Unsatisfiable, byte_range
from gateway.api.recording import Side, open_recording
from gateway.errors import RecordingError
from gateway.media.recorder import wav_header

RATE = 8000
SOUND = np.stack([np.arange(40_000) % 30_000, np.arange(40_000) % 7_000 + 10_000], axis=1).astype("<i2")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("recordings") / "a.wav"
    file.write_bytes(wav_header(SOUND.nbytes) + SOUND.tobytes())
    return file


@pytest.mark.parametrize("side", list(Side))
def test_each_side_is_a_file_that_others_can_read(path: Path, side: Side) -> None:
    recording = open_recording(path)
    assert recording is not None
    size = recording.bytes_of(side)
    content = b"".join(recording.read(side, 0, size))
    assert len(content) == size
    sound, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert rate == RATE
    left, right = SOUND[:, 0].astype(int), SOUND[:, 1].astype(int)
    expected = {
        Side.BOTH: SOUND,
        Side.MIXED: np.clip(left + right, -32768, 32767),
        Side.CUSTOMER: left,
        Side.ASSISTANT: right,
    }
    np.testing.assert_array_equal(sound, expected[side])


@given(side=st.sampled_from(list(Side)), data=st.data())
def test_a_part_is_a_part_of_the_whole(path: Path, side: Side, data: st.DataObject) -> None:
    recording = open_recording(path)
    assert recording is not None
    size = recording.bytes_of(side)
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    whole = b"".join(recording.read(side, 0, size))
    assert b"".join(recording.read(side, start, end)) == whole[start:end]


def test_a_recording_that_still_grows_is_read_to_its_last_frame(tmp_path: Path) -> None:
    file = tmp_path / "grows.wav"
    file.write_bytes(wav_header(0) + SOUND[:100].tobytes() + b"\x01")
    recording = open_recording(file)
    assert recording is not None
    assert recording.frames == 100


def test_what_is_no_recording(tmp_path: Path) -> None:
    assert open_recording(tmp_path / "none.wav") is None
    (tmp_path / "text.wav").write_text("words")
    with pytest.raises(RecordingError):
        open_recording(tmp_path / "text.wav")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
    ],
)
def test_ranges(header: str | None, part: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        byte_range(header, 100)
