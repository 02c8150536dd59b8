"""Who a caller is, by digest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.digest import NONCE_SECONDS, Doorkeeper, Expected, Verdict
from tests.routing.digest_caller import authorization

SALT = b"12345678"
ANN = Expected.of("sip.example.com", "ann", "open sesame")


class Talk:
    """A door keeper and the challenges of one moment, SHA-256 first."""

    def __init__(self) -> None:
        self.keeper = Doorkeeper(b"k" * 32)
        self.sha256, self.md5 = self.keeper.challenges("sip.example.com", "192.0.2.1", now=100.0, salt=SALT)

    def judge(self, *said: str, source: str = "192.0.2.1", now: float = 101.0, user: str = "desk") -> Verdict:
        return self.keeper.judge(said, ANN, method="INVITE", user=user, source=source, now=now)


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_who_knows_the_password_is_admitted_by_either_algorithm(talk: Talk, algorithm: str) -> None:
    assert talk.judge(authorization(getattr(talk, algorithm))) is Verdict.ADMITTED


def test_one_right_answer_among_others_is_enough(talk: Talk) -> None:
    assert talk.judge(authorization(talk.md5, password="wrong"), authorization(talk.sha256)) is Verdict.ADMITTED


def test_who_says_nothing_or_something_else_is_refused(talk: Talk) -> None:
    assert talk.judge() is Verdict.REFUSED
    assert talk.judge("Basic YW5uOm9wZW4=") is Verdict.REFUSED
    assert talk.judge(authorization(talk.md5, password="wrong")) is Verdict.REFUSED
    assert talk.judge(authorization(talk.md5, username="eve")) is Verdict.REFUSED
    assert talk.judge(authorization(talk.md5, method="BYE")) is Verdict.REFUSED


@pytest.mark.parametrize("part", ['username="ann"', 'response="', 'cnonce="'])
def test_bytes_that_are_no_text_are_refused(talk: Talk, part: str) -> None:
    said = authorization(talk.md5)
    assert part in said
    assert talk.judge(said.replace(part, part[:-1] + "\udcff" + part[-1])) is Verdict.REFUSED
    assert talk.judge(said.replace(part, part.replace('"', '"\udcff', 1))) is Verdict.REFUSED


def test_an_answer_is_for_the_number_that_is_called(talk: Talk) -> None:
    assert talk.judge(authorization(talk.md5, uri="sip:sales@sip.example.com")) is Verdict.REFUSED
    assert talk.judge(authorization(talk.md5, uri="sip:DESK@sip.example.com")) is Verdict.ADMITTED


def test_an_answer_that_was_taken_is_not_taken_again(talk: Talk) -> None:
    said = authorization(talk.md5, count=1)
    assert talk.judge(said) is Verdict.ADMITTED
    assert talk.judge(said) is Verdict.STALE
    assert talk.judge(authorization(talk.sha256, count=1)) is Verdict.STALE
    assert talk.judge(authorization(talk.md5, count=2)) is Verdict.ADMITTED


def test_a_challenge_ends_and_the_caller_is_told_so_only_with_the_password(talk: Talk) -> None:
    late = 101.0 + NONCE_SECONDS
    assert talk.judge(authorization(talk.md5), now=late) is Verdict.STALE
    assert talk.judge(authorization(talk.md5, password="wrong"), now=late) is Verdict.REFUSED
    assert talk.judge(authorization(talk.md5), now=90.0) is Verdict.STALE


def test_a_challenge_is_for_the_address_that_it_was_sent_to_and_by_this_gateway(talk: Talk) -> None:
    assert talk.judge(authorization(talk.md5), source="192.0.2.9") is Verdict.REFUSED
    _, foreign = Doorkeeper(b"x" * 32).challenges("sip.example.com", "192.0.2.1", now=100.0, salt=SALT)
    assert talk.judge(authorization(foreign)) is Verdict.REFUSED


def test_the_challenge_has_what_a_caller_needs(talk: Talk) -> None:
    (stale, _) = talk.keeper.challenges('a"b\r\nX: y', "192.0.2.1", now=1, salt=SALT, stale=True)
    assert stale.startswith('Digest realm="abX: y", nonce="')
    assert stale.endswith('algorithm=SHA-256, qop="auth", stale=true')


@given(st.text(), st.text(max_size=80))
def test_nothing_that_a_caller_writes_is_an_error_or_lets_it_in(garbage: str, nonce: str) -> None:
    talk = Talk()
    assert talk.judge(garbage, f'Digest nonce="{nonce}", nc=00000001, {garbage}') is Verdict.REFUSED


@given(st.data())
def test_a_changed_answer_is_refused(data: st.DataObject) -> None:
    talk = Talk()
    said = authorization(talk.sha256)
    start = said.index('nonce="') + 7
    place = data.draw(st.integers(start, start + 40))
    other = data.draw(st.sampled_from("AZaz09-_").filter(lambda letter: letter != said[place]))
    assert talk.judge(said[:place] + other + said[place + 1 :]) is Verdict.REFUSED
