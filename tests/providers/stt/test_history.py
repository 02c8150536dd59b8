from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.history import AudioHistory
from tests.providers.speech import silence, tone


def test_a_hole_is_silence_and_an_overlap_is_kept_once() -> None:
    history = AudioHistory()
    history.push(tone(400, 100), 1000)
    history.push(tone(500, 100), 1300)
    history.push(tone(600, 100), 1380)
    assert history.cut(1000, 1400)[: len(tone(400, 100))] == tone(400, 100)
    assert history.cut(1100, 1300) == silence(200)
    assert history.cut(1300, 1400) == tone(500, 100)
    assert history.cut(1400, 1480) == tone(600, 100)[320:]


def test_only_the_last_minute_and_a_half_is_kept() -> None:
    history = AudioHistory()
    for second in range(120):
        history.push(silence(1000), second * 1000)
    assert history.cut(0, 20_000) == b""
    assert len(history.cut(40_000, 120_000)) == len(silence(80_000))


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 25)), min_size=1, max_size=25))
def test_history_is_as_long_as_the_time_that_went_by(pieces: list[tuple[int, int]]) -> None:
    history, at = AudioHistory(), 1000
    history.push(tone(300, 20), at - 20)
    for hole, frames in pieces:
        at += hole * 20
        history.push(tone(300, frames * 20), at)
        at += frames * 20
    assert len(history.cut(980, at)) == len(silence(at - 980))
