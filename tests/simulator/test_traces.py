"""Traces and loads: what is read, what is made, and how each mistake is said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerstack.problem import Problem
from workerstack.simulator import traces
from workerstack.simulator.loads import DISTRIBUTIONS, KINDS, READERS, load, parse_load
from workerstack.simulator.traces import MOST_MESSAGES, Message, parse_trace, read_trace


def rows(text: str) -> tuple[Message, ...]:
    return parse_trace(text.splitlines(keepends=True), "trace.csv").messages


def made(*texts: str, seed: int) -> tuple[Message, ...]:
    return load(texts, seed).messages


def seconds(text: str, seed: int = 0) -> list[int]:
    return [message.arrival for message in made(text, seed=seed)]


def message(arrival: int, service: int, *, poison: bool = False) -> Message:
    return Message(arrival=arrival, service=service, poison=poison)


# Traces


def test_a_trace_with_header_comments_blanks_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("\ufeffArrival, Service ,poison\n# night\n\n60, 30 ,yes\r\n0,5,0\n0,20,\n")
    assert read_trace(file).messages == (
        message(0, 5),
        message(0, 20),
        message(60, 30, poison=True),
    )


def test_a_trace_without_header() -> None:
    assert rows("0,180\n") == (message(0, 180),)


def test_fractions_go_to_the_whole_second() -> None:
    assert rows("1.9,2.1\n3,0\n") == (message(1, 3), message(3, 1))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("0,1\n-5,10\n", 2, "arrival is -5, which is negative"),
        ("arrival,service\n0,1\n5,-1\n", 3, "service is -1, which is negative"),
        ("0,ten\n", 1, "service is 'ten', which is not a number"),
        ("0,1\nnan,3\n", 2, "arrival is 'nan', which is not a number"),
        ("0,1\ninf,3\n", 2, "arrival is 'inf', which is not a number"),
        ("1700000000,3\n", 1, "beyond ten years"),
        ("0\n", 1, "The row has 1 columns"),
        ("0;180\n", 1, "separator is a comma"),
        ("0,1,0,9\n", 1, "The row has 4 columns"),
        ("0,1,maybe\n", 1, "poison is 'maybe'"),
        ("time,seconds\n0,1\n", 1, "neither a message nor the header"),
        ("0,1\narrival,service\n", 2, "arrival is 'arrival', which is not a number"),
    ],
)
def test_a_bad_row_is_said_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Problem) as raised:
        rows(text)
    assert str(raised.value).startswith(f"trace.csv:{line}: ")
    assert words in str(raised.value)


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "arrival,service\n"])
def test_an_empty_trace(text: str) -> None:
    with pytest.raises(Problem, match="no message"):
        rows(text)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        read_trace(tmp_path / "missing.csv")
    (tmp_path / "latin.csv").write_bytes(b"0,1\n\xff,2\n")
    with pytest.raises(Problem, match="no UTF-8"):
        read_trace(tmp_path / "latin.csv")


def test_a_trace_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_MESSAGES == 1_000_000
    monkeypatch.setattr(traces, "MOST_MESSAGES", 3)
    assert len(rows("0,1\n" * 3)) == 3
    with pytest.raises(Problem, match=r"trace.csv:4: .* more than 3 messages"):
        rows("0,1\n" * 4)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**5), st.booleans()), min_size=1))
def test_what_is_written_is_read(written: list[tuple[int, int, bool]]) -> None:
    text = "".join(f"{arrival},{service},{int(poison)}\n" for arrival, service, poison in written)
    found = rows(text)
    assert sorted((m.arrival, m.service, m.poison) for m in found) == sorted(written)
    assert [m.arrival for m in found] == sorted(m.arrival for m in found)


# Loads


def test_one_job() -> None:
    assert made("job:service=6m,at=1h", seed=0) == (message(3600, 360),)


def test_a_burst_at_once_and_again() -> None:
    assert seconds("burst:count=2,every=10m,times=3,service=60") == [0, 0, 600, 600, 1200, 1200]
    spread = seconds("burst:count=50,over=2m,service=60")
    assert 0 <= min(spread) < max(spread) < 120


def test_a_trickle() -> None:
    assert seconds("trickle:every=20m,for=1h,service=60") == [0, 1200, 2400]
    late = seconds("trickle:every=20m,for=1h,jitter=5m,service=60")
    assert all(0 <= each - 1200 * turn < 300 for turn, each in enumerate(late))


def test_poisson_has_its_rate() -> None:
    found = seconds("poisson:rate=1/s,for=3h,service=60")
    assert abs(len(found) - 10_800) < 4 * 10_800**0.5
    assert max(found) < 10_800


def test_a_working_day_has_its_count_its_hours_and_a_lunch() -> None:
    found = seconds("day:count=2000,days=2,service=60")
    assert len(found) == 4000
    hours = [each % 86_400 // 3600 for each in found]
    assert set(hours) == set(range(8, 18))
    assert hours.count(10) > 1.5 * hours.count(13) < hours.count(14)


@pytest.mark.parametrize(
    ("service", "low", "middle", "high"),
    [
        ("3m", 180, 180, 180),
        ("fixed:90", 90, 90, 90),
        ("uniform:60:120", 60, 90, 120),
        ("exponential:100", 1, 69, 10_000),
        ("lognormal:3m:0.5", 1, 180, 10_000),
    ],
)
def test_services(service: str, low: int, middle: int, high: int) -> None:
    found = sorted(m.service for m in made(f"burst:count=4000,service={service}", seed=1))
    assert low <= found[0]
    assert found[-1] <= high
    assert found[2000] == pytest.approx(middle, rel=0.1)


def test_poison_is_a_share() -> None:
    found = made("burst:count=2000,service=1,poison=0.25", seed=3)
    assert sum(each.poison for each in found) == pytest.approx(500, rel=0.15)
    assert made("job:service=1,poison=1", seed=3) == (message(0, 1, poison=True),)


def test_loads_are_laid_over_each_other_and_the_seed_decides() -> None:
    texts = ["poisson:rate=30/h,for=1d,service=lognormal:60:1", "job:at=2h,service=1h"]
    first = made(*texts, seed=7)
    assert message(7200, 3600) in first
    assert [m.arrival for m in first] == sorted(m.arrival for m in first)
    assert made(*texts, seed=7) == first
    assert made(*texts, seed=8) != first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("poison:rate=1/s", "Did you mean poisson?"),
        ("", "nothing is no kind of load"),
        ("job", "job needs service"),
        ("burst:cuont=5,service=1", "Did you mean count?"),
        ("burst:count=5,service=1,", "takes no empty part"),
        ("burst:count=5,count=6,service=1", "count is there twice"),
        ("burst:count=0,service=1", "no count"),
        ("burst:count=5,times=2,service=1", "times needs every"),
        ("poisson:rate=30,for=1h,service=1", "30/h, 0.5/m or 2/s"),
        ("poisson:rate=0/h,for=1h,service=1", "no rate"),
        ("poisson:rate=30/h,service=1", "needs for"),
        ("trickle:every=0,for=1h,service=1", "below one second"),
        ("trickle:every=1m,jitter=2m,for=1h,service=1", "overtake"),
        ("day:count=5,from=18h,to=8h,service=1", "begins before it ends"),
        ("job:service=-3", "no duration"),
        ("job:service=3 m", "no duration"),
        ("job:service=lognormal:3m", "Write it like lognormal:MEDIAN:SIGMA"),
        ("job:service=lognormal:3m:high", "SIGMA"),
        ("job:service=lognorm:3m:1", "Did you mean lognormal?"),
        ("job:service=uniform:9:3", "LOW is above its HIGH"),
        ("job:service=1,poison=2", "no share"),
        ("job:at=12y,service=1", "no duration"),
        ("job:at=9999d,service=1", "after ten years"),
        ("poisson:rate=100/s,for=1d,service=1", "8,640,000 messages"),
        ("burst:count=999999999,service=1", "too large"),
    ],
)
def test_mistakes_in_a_load(text: str, words: str) -> None:
    with pytest.raises(Problem) as raised:
        made(text, seed=0)
    assert words in str(raised.value)


def test_every_kind_key_and_distribution_is_explained() -> None:
    from workerstack.simulator import loads

    grammar = loads.__doc__ or ""
    for name, kind in KINDS.items():
        assert f"    {name} " in grammar
        for key in (*kind.needs, *kind.takes, "at"):
            assert key in grammar
            assert key in READERS
    assert all(each.meaning for each in DISTRIBUTIONS.values())
    assert parse_load("job:service=1")[0] is KINDS["job"]
