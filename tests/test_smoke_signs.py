"""From what a queue and a log say to whether it worked: no false comfort."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerstack.verifier import smoke_checks
from workerstack.verifier.smoke_message import SETTLED, UNSEEN, Consumption, Depth

EMPTY, WAITING = Depth(0, 0, 0, 0), Depth(1, 0, 0, 0)
IN_FLIGHT, DELAYED = Depth(0, 1, 0, 0), Depth(0, 0, 1, 0)
DEPTHS = st.builds(Depth, *[st.integers(0, 2)] * 3, st.just(0))


def looked(*depths: Depth) -> Consumption:
    found = Consumption(EMPTY)
    for depth in depths:
        found.look(depth)
    return found


def test_one_empty_answer_is_no_proof() -> None:
    assert not looked(EMPTY).is_gone(proved=False)
    assert not looked(*[EMPTY] * SETTLED).is_gone(proved=False)
    assert looked(*[EMPTY] * SETTLED).is_gone(proved=True)
    assert looked(*[EMPTY] * UNSEEN).is_gone(proved=False)
    assert looked(WAITING, IN_FLIGHT, *[EMPTY] * SETTLED).is_gone(proved=False)
    assert not looked(WAITING, EMPTY, EMPTY, DELAYED, EMPTY, EMPTY).is_gone(proved=True)


@given(st.lists(DEPTHS), st.booleans())
def test_gone_means_settled_at_nothing(depths: list[Depth], proved: bool) -> None:
    gone = looked(*depths).is_gone(proved=proved)
    tail = depths[-SETTLED:]
    settled = len(tail) == SETTLED and not any(each.outstanding for each in tail)
    assert settled or not gone
    if settled and (proved or any(each.outstanding for each in depths)):
        assert gone


def test_only_new_dead_letters_count() -> None:
    assert not Consumption(Depth(0, 0, 0, 3)).is_dead
    found = Consumption(Depth(0, 0, 0, 3))
    found.look(Depth(0, 0, 0, 4))
    assert found.is_dead
    none = Consumption(Depth(0, 0, 0, None))
    none.look(Depth(0, 0, 0, None))
    assert not none.is_dead


@pytest.mark.parametrize(
    "line",
    [
        "Error: getaddrinfo ENOTFOUND api.github.com",
        "connect ETIMEDOUT 140.82.112.3:443",
        "fatal: unable to access 'https://github.com/a/b.git/': Failed to connect to github.com"
        " port 443 after 130 ms: Couldn't connect to server",
        "ssh: connect to host github.com port 22: Connection timed out",
        "curl: (6) Could not resolve host: github.com",
        "NetworkingError: connect ECONNREFUSED 10.0.0.1:443",
        'Could not connect to the endpoint URL: "https://s3.us-west-2.amazonaws.com/"',
        "requests.exceptions.ConnectionError: [Errno 101] Network is unreachable",
        "Temporary failure in name resolution",
        "dial tcp: lookup github.com: no such host",
        "net/http: TLS handshake timeout",
        "TypeError: fetch failed",
    ],
)
def test_network_errors_are_known(line: str) -> None:
    assert smoke_checks.found(["ready", line, "done"]) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "Connected to s3.us-west-2.amazonaws.com", "pushed to github.com", "0 errors",
        "AccessDenied: not authorized to perform s3:PutObject", "request timeout is set to 30 s",
        "Network ready", "the connection is kept alive",
    ],
)  # fmt: skip
def test_other_lines_are_left_alone(line: str) -> None:
    assert smoke_checks.found([line]) == []
