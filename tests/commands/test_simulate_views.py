"""The command simulate.py: pictures, comparison, advice, warnings, and how mistakes are said."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import templates
from templates import workers
from workerstack.commands.simulate import simulate
from workerstack.problem import Problem
from workerstack.simulator.picture import DARK, MOST_POINTS, thinned

DEFAULT = "out/webordinary-edit.template.yaml"
LONG = ("--load", "job:service=10m", "--set", "heartbeat=60")


@pytest.fixture
def literal(tmp_path: Path) -> str:
    file = tmp_path / "literal.yaml"
    file.write_text(templates.build(replace(workers.EDIT, scale_in_on="visible")).to_yaml())
    return str(file)


def run(*words: str) -> Result:
    return CliRunner().invoke(simulate, list(words), catch_exceptions=True)


def test_a_run_of_a_load_says_its_numbers_and_warnings() -> None:
    done = run(DEFAULT, *LONG)
    assert "1 of 1 done" in done.stdout
    assert "queue-wakes-late  Service" in done.stdout
    assert "heartbeat=60" in done.stdout


def test_json_has_the_warnings_and_is_the_same_each_time() -> None:
    first, second = (run(DEFAULT, *LONG, "--format", "json").stdout for _ in range(2))
    assert first == second
    assert [each["id"] for each in json.loads(first)["warnings"]] == [
        "kill-on-arrival",
        "queue-wakes-late",
    ]


def test_two_templates_below_each_other(literal: str, tmp_path: Path) -> None:
    picture = tmp_path / "both.svg"
    done = run(literal, *LONG, "--compare", DEFAULT, "--picture", str(picture))
    rows = {line[:22].strip(): line[22:].split() for line in done.stdout.splitlines()}
    assert rows["killed"] == ["18", "0", "*"]
    assert rows["completion p95"] == ["never", "12", "min", "5", "s", "*"]
    assert "kill-loop  DrainedAlarm" in done.stdout
    drawn = picture.read_text()
    assert "killed (18)" in drawn
    assert literal in drawn
    assert DEFAULT in drawn
    root = ET.fromstring(drawn)  # noqa: S314 - our own picture
    width, height = (float(root.attrib[name].removesuffix("pt")) for name in ("width", "height"))
    assert height > width
    sizes = [float(size) for size in re.findall(r"font-size: ([0-9.]+)px", drawn)]
    assert len(sizes) > 20
    assert min(sizes) * 700 / width >= 11  # letters, where it is shown 700 wide
    both = json.loads(run(literal, *LONG, "--compare", DEFAULT, "--format", "json").stdout)
    assert [each["summary"]["killed"] for each in both] == [18, 0]


def test_pictures_are_the_same_bytes_and_what_they_say_they_are(tmp_path: Path) -> None:
    for form in ("svg", "png"):
        files = [tmp_path / f"{number}.{form}" for number in range(2)]
        for file in files:
            assert run(DEFAULT, *LONG, "--picture", str(file)).exit_code == 0
        assert files[0].read_bytes() == files[1].read_bytes()
    root = ET.fromstring((tmp_path / "0.svg").read_text())  # noqa: S314 - our own picture
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"date" not in (tmp_path / "0.svg").read_bytes()
    assert (tmp_path / "0.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.glob(".*")) == []


def test_advice_is_a_table_to_paste(literal: str) -> None:
    words = ("--advise", "--goal", "kills = 0, left = 0", "--candidates", "6", "--seeds", "2")
    done = run(DEFAULT, *LONG, *words)
    assert "that keeps `kills = 0, left = 0` over 2 seeds" in done.stdout
    assert "killed jobs: 0 in 40; at most 7.22% with 95 % confidence" in done.stdout
    assert "    Step(lower=" in done.stdout
    assert done.stdout == run(DEFAULT, *LONG, *words).stdout
    never = run(literal, *LONG, "--advise", "--goal", "max wait < 1s", "--candidates", "4")
    assert "None of 4 tables keeps" in never.stdout
    assert "(missed)" in never.stdout
    assert "Impossible: max wait < 1 s, and at best it is 2 min 5 s" in never.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "either --trace or --load"),
        (("--load", "job:service=1", "--trace", "x"), "either --trace or --load"),
        (("--load", "job:service=1", "--advise"), "--advise and --goal go together"),
        (("--load", "job:service=1", "--goal", "kills = 0"), "--advise and --goal go together"),
        (("--load", "job:service=1", "--picture", "x.gif"), "ends with .svg or .png"),
        (("--load", "job:service=1", "--compare", DEFAULT, "--format", "csv"), "one template"),
        (
            ("--load", "job:service=1", "--advise", "--goal", "kills=0", "--format", "json"),
            "--advise takes neither",
        ),
    ],
)
def test_wrong_usage(words: tuple[str, ...], sentence: str) -> None:
    done = run(DEFAULT, *words)
    assert done.exit_code == 2
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--load", "jbo:service=1"), "Did you mean job?"),
        (("--load", "job:service=1", "--compare", "none.yaml"), "none.yaml cannot be read"),
        (("--load", "job:service=1", "--picture", "no/such/x.svg"), "cannot be written"),
        (("--load", "job:service=1", "--advise", "--goal", "kils = 0"), "Did you mean kills?"),
        (("--load", "job:service=1", "--advise", "--goal", "kills"), "is no condition"),
        (("--load", "job:service=1", "--advise", "--goal", "kills = 0,"), "empty condition"),
        (("--load", "job:service=1", "--advise", "--goal", "kills = few"), "is not a number"),
        (("--load", "job:service=1", "--advise", "--goal", "p95 wait < 5 y"), "no condition"),
        (("--load", "job:service=1", "--advise", "--goal", "p95 wait < 5y"), "no duration"),
    ],
)
def test_mistakes(words: tuple[str, ...], sentence: str) -> None:
    done = run(DEFAULT, *words)
    assert isinstance(done.exception, Problem)
    assert sentence in str(done.exception)


def test_a_picture_says_what_it_shows_to_those_who_do_not_see_it(tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    assert run(DEFAULT, *LONG, "--picture", str(file)).exit_code == 0
    root = ET.fromstring(file.read_text())  # noqa: S314 - our own picture
    assert root.attrib["role"] == "img"
    names = {each.attrib.get("id"): each.text for each in root[:2]}
    assert names["title"] == DEFAULT
    assert "1 of 1 messages done, $0.05" in (names["desc"] or "")


def test_a_picture_has_a_dark_colour_for_each_of_its_own(literal: str, tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    assert run(literal, *LONG, "--picture", str(file)).exit_code == 0
    style, _, body = file.read_text().partition("</style>")
    assert "@media (prefers-color-scheme: dark)" in style
    colours = set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", body))
    assert len(colours) > 8
    for paint, colour in colours:
        assert f'[style*="{paint}: {colour}"]' in style, colour
    paper = DARK["#ffffff"]
    for light, dark in DARK.items():
        if light not in ("#ffffff", "#e6e6e6", "#cccccc"):  # paper, and what lies behind
            assert contrast(dark, paper) >= 3, light


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return sum(
            share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
        )

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_two_weeks_are_thinned_and_no_peak_is_lost() -> None:
    points = [(second * 10, second % 7) for second in range(50_000)]
    points[31_234] = (312_340, 99)
    few = thinned(points, 500_000)
    assert len(few) <= MOST_POINTS + 1
    assert max(value for _, value in few) == 99
    assert min(value for _, value in thinned([(0, 1), (9, 5)], 100)) == 1
