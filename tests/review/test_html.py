"""The review as a page: in a real browser, and whatever its values contain."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any

import axe_core_python
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reviews import REVIEWS, said
from tests.soak import examples
from tests.test_terminal import squeezed
from workerstack.cloudformation import read
from workerstack.review.model import UNKNOWN, Finding, Part, PropertyChange, ResourceChange, Review
from workerstack.review.predict import TemplateSide, predict_review
from workerstack.review.show import html, words
from workerstack.review.show.graph import graph

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
VALUES = {
    "AccessPointId": "fsap-0a1b2c3d4e5f60718",
    "FileSystemId": "fs-0a1b2c3d4e5f60718",
    "FileSystemSecurityGroupId": "sg-0a1b2c3d4e5f60718",
    "GitHubTokenSecretArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:x/y-AbCdEf",
    "SubnetIds": "subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60002",
    "VpcCidr": "10.20.0.0/16",
    "VpcId": "vpc-0a1b2c3d4e5f60718",
}
VOID = {"meta", "input", "br", "wbr"}


class Seen(HTMLParser):
    """The elements of a page, and its text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.attributes |= {name for name, _ in attributes}
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)


@settings(max_examples=examples(20))
@given(REVIEWS)
def test_nothing_is_lost_and_nothing_is_markup(review: Review) -> None:
    seen = Seen(html.render([review]))
    assert seen.open == []
    assert seen.scripts == 1
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert all(link.startswith(("#", "https://us-west-2.console.aws.")) for link in seen.links)
    found = squeezed("".join(seen.texts))
    for value in said(review):
        if value.isascii() and value.isprintable() and "\\" not in value and value != UNKNOWN:
            # A sentence begins with a capital letter.
            assert squeezed(value).lower() in found.lower(), value


PARTS = st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)), max_size=9)


@given(PARTS)
def test_the_graph_has_every_part_once_and_no_two_in_one_place(
    found: list[tuple[int, list[int]]],
) -> None:
    names = {f"R{number}" for number, _ in found}
    refers = {f"R{number}": targets for number, targets in found}
    parts = tuple(
        Part(
            logical_id=name, type="AWS::A::B",
            refers_to=tuple(dict.fromkeys(f"R{each}" for each in targets if f"R{each}" in names)),
        )
        for name, targets in refers.items()
    )  # fmt: skip
    picture = graph(walkthrough().model_copy(update={"parts": parts}))
    assert sorted(node.logical_id for node in picture.nodes) == sorted(refers)
    places = [(node.x, node.y) for node in picture.nodes]
    assert len(set(places)) == len(places)
    assert all(node.x + node.width <= picture.width for node in picture.nodes)
    assert all(node.y + node.height <= picture.height for node in picture.nodes)
    assert len(picture.links) == sum(len(part.refers_to) for part in parts)


@cache
def walkthrough() -> Review:
    """The web-serving stack becoming the worker."""
    sides = [
        TemplateSide(read((ROOT / path).read_text(), path).data)
        for path in (
            "workerstack/localaws/web-serving.template.yaml",
            "out/webordinary-edit.template.yaml",
        )
    ]
    return predict_review(*sides, name="dev/webordinary-edit", region="us-west-2")


EDIT = "out/webordinary-edit.template.yaml"


def of_edit(
    name: str, texts: tuple[str, str] = ("", ""), new: Mapping[str, str] = MappingProxyType({})
) -> Review:
    """A review, as of AWS, of the worker with values, and a text of its template, exchanged."""
    before = (ROOT / EDIT).read_text()
    after = before.replace(*texts) if texts[0] else before
    assert texts == ("", "") or before != after
    sides = [
        TemplateSide(read(text, EDIT).data, values)
        for text, values in ((before, VALUES), (after, {**VALUES, **new}))
    ]
    found = predict_review(*sides, name=name, region="us-west-2", stack="webordinary-edit")
    return found.model_copy(update={"predicted": False})


@cache
def everyday() -> tuple[Review, Review]:
    """An image bump, and a change that is blocked."""
    ingress = "      SecurityGroupIngress:\n"
    rule = f"{ingress}      - {{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}}\n"
    image = of_edit("dev/image", new={"ImageReference": ":2026-11-28"})
    return image, of_edit("dev/blocked", (ingress, rule))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if path is None or driver is None:
        assert not os.environ.get("CI"), "CI has a browser and its driver, or this is not tested"
        pytest.skip("no Chromium or Chrome with its driver here")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = path
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--window-size=1300,1000",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options, Service(driver))
    yield found
    found.quit()


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves its screen, scheme or medium to the next."""
    yield
    if "browser" in request.fixturenames:
        found = request.getfixturevalue("browser")
        found.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        found.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def opened(browser: Any, folder: Path, *reviews: Review, files: tuple[str, ...] = ()) -> None:
    file = folder / "review.html"
    file.write_text(html.render(reviews, files), encoding="utf-8")
    browser.get(file.as_uri())


def names(browser: Any) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('details.resource:not([hidden]) summary strong')]"
        ".filter(each => each.checkVisibility()).map(each => each.textContent)"
    )
    return found


UNFOLD = 'for (const each of document.querySelectorAll("details")) each.open = true'
LOOK = """
const [more, done] = arguments;
axe.run(document, {resultTypes: ["violations"], ...more}).then((found) => done(found.violations.map(
  (each) => `${each.id}: ${each.nodes[0].html} ${each.nodes[0].failureSummary}`)));
"""
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""Of the rules that are asked otherwise, those about colours: all that the dark scheme changes."""

BROKEN = """
return [...document.querySelectorAll("button")].filter((each) => each.offsetHeight > 40)
  .map((each) => each.outerHTML);
"""
ZOOMED = 320
"""The width of a screen of 1280 at 400 %; axe-core says the same there as at 390."""

TOO_SMALL = """
return [...document.querySelectorAll("button, input, summary")]
  .filter((each) => each.checkVisibility() && (each.closest("label") ?? each).offsetHeight < 24)
  .map((each) => each.outerHTML);
"""


@pytest.mark.parametrize("width", [ZOOMED, 390, 768, 1280])
def test_everybody_can_read_it(browser: Any, tmp_path: Path, width: int) -> None:
    """No fault that axe-core knows, in light and dark, and nothing wider than the screen."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened(browser, tmp_path, walkthrough(), *everyday())
    browser.execute_script(UNFOLD)
    if width > ZOOMED:
        browser.execute_script(AXE.read_text("utf-8"))
        for scheme, rules in (("light", {}), ("dark", COLOURS)):
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            assert browser.execute_async_script(LOOK, rules) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(TOO_SMALL) == []
    assert browser.execute_script(BROKEN) == []
    for cell in ("td", ".forces", "h1", "h2"):
        wide = f"return [...document.querySelectorAll('{cell}')].filter(each =>"
        wide += " each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)"
        assert browser.execute_script(f"{wide}.map(each => each.outerHTML)") == []


def test_the_dark_scheme_is_other_colours_and_nothing_else() -> None:
    """What axe-core says of all else, it has said of the light one."""
    style = (Path(html.__file__).parent / "page.css").read_text()
    [(dark, rest)] = re.findall(r"\(prefers-color-scheme: dark\) \{ :root \{([^}]*)\} (.)", style)
    assert rest == "}"
    assert style.count("prefers-color-scheme") == 1
    for each in filter(None, map(str.strip, dark.split(";"))):
        assert re.fullmatch(r"--[a-z-]+: #[0-9a-f]{6}", each), each


def test_the_everyday_page_needs_no_unfolding(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    image, blocked = everyday()
    opened(browser, tmp_path, image, files=(".reviews/edit.json",))
    text = browser.find_element(By.TAG_NAME, "main").text
    assert "claude-code-astro:latest" in text
    assert "claude-code-astro:2026-11-28" in text
    assert "./deploy.py execute .reviews/edit.json" in text
    assert "since TaskDefinition is replaced" in text
    assert not browser.find_element(By.CSS_SELECTOR, ".bar").is_displayed()
    opened(browser, tmp_path, blocked, files=(".reviews/edit.json",))
    said = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".command code")]
    assert said == [
        "./deploy.py review dev/blocked",
        "./deploy.py discard .reviews/edit.json",
        "./deploy.py execute .reviews/edit.json --allow network-opened:WorkerSecurityGroup",
    ]
    assert "BLOCKED by 1 finding" in browser.find_element(By.CSS_SELECTOR, ".blocked").text
    assert silent(browser)


def test_paper_has_the_changes_and_no_bodies(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, walkthrough())
    folded = "return document.querySelectorAll('details.resource:not([open])').length"
    before = browser.execute_script(folded)
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script(folded) == 0
    seen = browser.execute_script(
        "return ['td.before', '.findings', 'pre', '.bar', '.copy', 'svg'].map(each =>"
        " document.querySelector(each)?.checkVisibility() ?? false)"
    )
    assert seen == [True, True, False, False, False, False]
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(folded) == before > 0


def test_what_a_link_leads_to_is_seen_and_has_the_focus(browser: Any, tmp_path: Path) -> None:
    """Also when the page is opened there, and when a filter has hidden it."""
    from selenium.webdriver.common.by import By

    where = (
        "const found = document.activeElement.getBoundingClientRect();"
        "return [document.activeElement.parentElement.id, found.top >="
        " document.querySelector('.bar').getBoundingClientRect().bottom]"
    )
    opened(browser, tmp_path, walkthrough())
    file = (tmp_path / "review.html").as_uri()
    browser.get("about:blank")
    browser.get(f"{file}#1-TaskRole")
    assert browser.execute_script(where) == ["1-TaskRole", True]
    search = browser.find_element(By.ID, "search")
    search.send_keys("nothing that is there")
    assert browser.find_element(By.ID, "clear").is_displayed()
    browser.execute_script("document.querySelector(\"a[href='#1-Service']\").click()")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert browser.execute_script(where) == ["1-Service", True]
    assert "filters cleared" in browser.find_element(By.ID, "count").text


def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    opened(browser, tmp_path, walkthrough())
    body = browser.find_element(By.TAG_NAME, "body")
    assert "8 to delete" in body.text
    assert len(names(browser)) == 23
    search = browser.find_element(By.ID, "search")
    search.send_keys("targetgroup")
    assert set(names(browser)) >= {"TargetGroup", "ListenerRule"}
    assert len(names(browser)) < 6
    assert browser.find_element(By.ID, "count").text.endswith("of 23 resources")
    search.send_keys(Keys.CONTROL, "a", Keys.DELETE)
    browser.find_element(By.CSS_SELECTOR, ".filters summary").click()
    browser.find_element(By.CSS_SELECTOR, "input[value=Deleted]").click()
    assert len(names(browser)) == 23 - 8
    browser.find_element(By.CSS_SELECTOR, "input[value=Deleted]").send_keys(Keys.SPACE)
    browser.find_element(By.CSS_SELECTOR, "input[value=none]").click()
    assert set(names(browser)) == {finding.logical_id for finding in walkthrough().findings} == {
        "ExecutionRole", "Service", "TaskDefinition", "TaskRole", "TaskRolePolicy",
    }  # fmt: skip
    browser.find_element(By.CSS_SELECTOR, "input[value=none]").click()
    browser.find_element(By.CSS_SELECTOR, "a[href='#1-TargetGroup']").send_keys(Keys.ENTER)
    target = browser.find_element(By.ID, "1-TargetGroup")
    WebDriverWait(browser, 20).until(lambda _: target.get_attribute("open"))
    assert "HealthCheckPath" in target.text
    assert browser.find_elements(By.CSS_SELECTOR, "svg .node.Replace")
    assert tmp_path.joinpath("page.png").write_bytes(browser.get_screenshot_as_png()) > 10_000
    assert silent(browser)


def silent(browser: Any) -> bool:
    """Nothing on the console, and nothing asked of a network."""
    asked = [
        entry["message"]
        for entry in browser.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
        and not re.search(r'"url":"(file|data|about):', entry["message"])
    ]
    return not asked and not browser.get_log("browser")


def test_values_that_contain_markup_stay_text(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    nasty = [
        "<script>document.title='run'</script>", "<img src=x onerror=\"document.title='run'\">",
        "</code></td></table><script>document.title='run'</script>", "{{ 7 * 7 }}",
        "javascript:alert(1)", "\"><svg onload=\"document.title='run'\">",
    ]  # fmt: skip
    findings = tuple(
        Finding(id="x", level="note", logical_id=text, what=text, why=text, next_step=text)
        for text in nasty
    )
    review = walkthrough()
    where = review.where.model_copy(update={"deployment": nasty[0], "stack_name": nasty[1]})
    opened(
        browser, tmp_path,
        review.model_copy(update={"findings": findings, "where": where, "unknown": tuple(nasty)}),
    )  # fmt: skip
    assert "run" not in browser.title or "<script>" in browser.title
    text = browser.find_element(By.TAG_NAME, "body").text
    assert all(each in text for each in nasty)
    assert silent(browser)


def test_in_the_dark_and_without_script(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, walkthrough())
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(colour)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert browser.execute_script(colour) != light
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.refresh()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert len(names(browser)) == 23


def test_several_parameters_are_one_cause() -> None:
    causes = [
        PropertyChange(
            attribute="Properties", name="Cpu", before="1", after="2", values_given=True,
            change_source="ParameterReference", causing_entity=each,
        )
        for each in ("TaskCpu", "Size", "TaskCpu", "Zone")
    ]  # fmt: skip
    change = ResourceChange(
        action="Modify", logical_id="Task", type="AWS::ECS::TaskDefinition",
        properties=tuple(causes),
    )  # fmt: skip
    assert [each.cause for each in words.shown(change)] == [
        "from parameters TaskCpu, Size and Zone"
    ]


def test_what_each_answer_has_and_is_empty_is_not_said() -> None:
    review = everyday()[0]
    extra: dict[str, object] = {"NotificationARNs": [], "RollbackConfiguration": {}, "New": []}
    found = review.change_set.model_copy(update={"extra": extra})
    page = html.render([review.model_copy(update={"change_set": found})])
    assert "NotificationARNs" not in page
    assert "RollbackConfiguration" not in page
    assert "New: <code>(empty list)</code>" in page
