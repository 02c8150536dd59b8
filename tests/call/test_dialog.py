from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.dialog import KIND, KeptDialog, open_dialogs
from gateway.call.journal import Entry

WORDS = st.text(max_size=20)
DIALOGS = st.builds(
    KeptDialog,
    call_id=WORDS,
    local=WORDS,
    remote=WORDS,
    target=WORDS,
    cseq=st.integers(0, 2**31 - 1),
    routes=st.lists(WORDS, max_size=3).map(tuple),
    trunk=st.none() | st.text(min_size=1, max_size=9),
)


def dialog(call_id: str, *, target: str = "sip:ann@h") -> KeptDialog:
    return KeptDialog(call_id, "<sip:parley@h>;tag=1", "<sip:ann@h>;tag=2", target, 5)


def entry(kind: str, one: KeptDialog | None = None) -> Entry:
    return Entry(0, kind, one.shown() if one else {})


@given(DIALOGS)
def test_what_is_kept_is_read_as_it_was(one: KeptDialog) -> None:
    assert KeptDialog.read(one.shown()) == one


def test_each_dialog_of_an_unfinished_call_is_open_as_it_was_last() -> None:
    entries = [
        entry("call"),
        entry(KIND, dialog("caller")),
        entry(KIND, dialog("operator")),
        entry(KIND, dialog("caller", target="sip:ann@elsewhere")),
    ]
    assert open_dialogs(entries) == [dialog("caller", target="sip:ann@elsewhere"), dialog("operator")]


def test_nobody_is_left_on_the_line_of_a_call_that_ended() -> None:
    assert open_dialogs([entry(KIND, dialog("caller")), entry("ended")]) == []


def test_an_entry_that_is_none_keeps_nobody_from_ending_the_others() -> None:
    broken = Entry(0, KIND, {"call_id": "x"})
    assert open_dialogs([broken, entry(KIND, dialog("caller"))]) == [dialog("caller")]
    with pytest.raises(ValueError, match="no dialog"):
        KeptDialog.read({})
