"""Every lab in a real browser: from the menu, every control at both its ends, bad links; nothing may go wrong.

The labs and their controls are read from the program's own tables, so that a new lab is driven as soon as it is there.
A page has answered when it shows the new numbers, or that it computes them, or in one sentence why it will not.
"""

import contextlib
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import TimeoutError
from test_app_browser import PATIENCE_MS

from thermoviz.catalogue import EXPERIMENTS, LABS
from thermoviz.dashboard.controls import _has_defaults, _kind
from thermoviz.presentation.settings import describe

pytestmark = pytest.mark.browser

# What takes longer at a control's end is cancelled: that the page answers is asked here, not how fast it computes.
LONGEST_MS = 8_000
# Quick settings, where a lab has them, so that a control's end is seen computed.
FEW = {"walkers": "10", "balls": "100", "steps": "300", "replicas": "8"}
# The stage's balls stand still: this machine's one processor need not draw them all the time.
STILL = {"reduced_motion": "reduce"}
# A low window too, of which it draws less; in a narrower one the menu hides its last pages.
SMALL = {"width": 1400, "height": 600}
# Texts for a list of numbers: as it could be, and what is refused. Both ends of the lists there are.
LISTS = {"at": ("0, 0", "1, 1", "2, 2", "somewhere"), "hidden": ("1", "16, 16", "0", "many")}
BAD = {"v": "0", "seed": "-1", "nonsense": "1", "look": "pink", "hide": "all", "landscape": "nowhere"}


@pytest.fixture
def address(server):
    return server[0]


@pytest.fixture(scope="module")
def visitor(chromium, server):
    """One page that walks through the labs by the menu, as a visitor does, from the first page on."""
    context = chromium.new_context(viewport=SMALL, **STILL)
    page = listen(context.new_page())
    page.goto(server[0])
    page.locator("h1.tv-headline").wait_for(timeout=PATIENCE_MS)
    yield page
    context.close()


def listen(page):
    """As `new_page` does: the page remembers what its console said."""
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(f"exception: {error}"))
    return page


# What a page says

STATE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState"
SHOWN = "document.querySelector('h1.tv-headline')?.dataset.run"
WAITING = "document.querySelector('.st-key-progress')"
REFUSALS = """[...document.querySelectorAll('[data-testid=stAlertContentError], [data-testid=stAlertContentWarning]')]
    .map(e => e.innerText)"""
ANSWERED = f"{STATE} === 'notRunning' && ({SHOWN} || {WAITING} || {REFUSALS}.length)"


def wait_until_quiet(page):
    """Until for thirty pictures on end the server has had nothing to do but to look after a job: a slider is heard a
    moment after its key."""
    page.evaluate("window.quiet = 0")
    quiet = f"{STATE} === 'notRunning' || {WAITING}"
    page.wait_for_function(f"() => (window.quiet = {quiet} ? window.quiet + 1 : 0) > 30", timeout=PATIENCE_MS)


def wait_for_answer(page):
    wait_until_quiet(page)
    page.wait_for_function(f"() => {ANSWERED}", timeout=PATIENCE_MS)
    assert_sound(page)


def wait_for_numbers(page, longest_ms=PATIENCE_MS):
    """Until what was asked for is whole; what takes too long is cancelled."""
    whole = f"() => {STATE} === 'notRunning' && !{WAITING}"
    until = time.monotonic() + PATIENCE_MS / 1000
    wait_ms = longest_ms
    while True:
        try:
            page.wait_for_function(whole, timeout=wait_ms)
            break
        except TimeoutError:
            assert time.monotonic() < until, "neither computed nor cancelled"
        wait_ms = 3_000
        with contextlib.suppress(TimeoutError):  # it may be whole by now
            page.get_by_role("button", name="Cancel").click(timeout=1_000)
    assert_sound(page)


def assert_sound(page):
    """No exception, no numbers that are none, nothing in the console; whatever is refused is refused in a sentence."""
    assert page.locator("[data-testid=stException]").count() == 0
    text = page.get_by_test_id("stMain").inner_text()
    assert "Traceback" not in text and "(reference" not in text, text[:2000]
    assert not re.search(r"\b(nan|NaN|inf|Infinity|undefined|None|\[object)\b", text), text
    for refusal in page.evaluate(REFUSALS):
        assert refusal.strip().endswith(".") and len(refusal) < 400 and "Error" not in refusal, refusal
    assert not [said for said in page.complaints if not said.startswith("warning")], page.complaints


def go_to(page, kind):
    """The lab's name in the menu."""
    page.complaints.clear()
    page.locator(f"a[href$='/{kind}']").first.click()
    page.wait_for_function("kind => location.pathname.endsWith(kind)", arg=f"/{kind}", timeout=PATIENCE_MS)
    wait_for_answer(page)


def open_link(page, address, kind, **query):
    """As a shared link does."""
    page.goto(f"{address}/?" + "&".join(f"{name}={text}" for name, text in {"kind": kind, **query}.items()))
    page.wait_for_function("kind => location.pathname.endsWith(kind)", arg=f"/{kind}", timeout=PATIENCE_MS)
    page.wait_for_function(f"() => {ANSWERED}", timeout=PATIENCE_MS)


def open_controls(page, kind):
    """They stay open from one lab to the next."""
    wait_until_quiet(page)
    if sidebar(page).bounding_box()["x"] < 0:  # closed, it stands beside the window
        page.get_by_role("button", name="Experiment").click()
    page.wait_for_function("() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().x >= 0",
                           timeout=PATIENCE_MS)
    sidebar(page).locator(f"[class*='st-key-{kind}-'][class*='-seed']").first.wait_for(timeout=PATIENCE_MS)


def sidebar(page):
    return page.get_by_test_id("stSidebar")


def widget(page, kind, path):
    """The control of a setting, by its key: its number counts how often the controls began anew."""
    found = page.evaluate("""([kind, path]) => {
        const keys = [...document.querySelectorAll('[data-testid=stSidebar] [class*=st-key-]')]
            .flatMap(e => [...e.classList]).filter(name => name.startsWith('st-key-'));
        return keys.find(name => name.replace(/^st-key-/, '').replace(new RegExp(`^${kind}-[0-9]+-`), '') === path);
    }""", [kind, re.sub(r"[^\w-]", "-", path)])
    assert found, f"{kind} has no control {path}"
    return sidebar(page).locator(f".{found}")


def asked(page):
    """The specification that the address bar holds."""
    return {name: texts[-1] for name, texts in parse_qs(urlsplit(page.url).query).items()}


# Driving one control

def drive(page, kind, setting, path):
    """Every end of one control, one after the other: yields what was done, after the page has answered."""
    yield from {"number": _slide_or_type, "choice": _choose, "switch": _toggle, "list": _write,
                "member": _choose_member}[setting.form](page, kind, setting, path)


def _slide_or_type(page, kind, setting, path):
    if widget(page, kind, path).locator("input[type=number]").count():
        for end in ("min", "max"):
            field = widget(page, kind, path).locator("input[type=number]")
            bound = field.get_attribute(end)
            assert bound not in (None, ""), f"{path} has no {end}"
            field.fill(bound)
            field.press("Enter")
            yield f"{path} = {bound}"
        return
    for key, end in (("End", "max"), ("Home", "min")):
        slider = widget(page, kind, path).get_by_role("slider").first
        slider.press(key)
        assert slider.evaluate("(e, end) => e.value === e[end]", end), path
        yield f"{path} = {slider.get_attribute('aria-valuetext')}"


def _options(page, kind, path):
    """Opened; a page that is drawn anew just now closes them again."""
    options = page.locator("[role=listbox] [role=option]")
    for _time in range(10):
        widget(page, kind, path).locator("[data-baseweb=select], [role=combobox], input").first.click()
        with contextlib.suppress(TimeoutError):
            options.first.wait_for(timeout=3_000)
            wait_until_quiet(page)
            if options.count():
                return options
    raise AssertionError(f"{path} does not open")


def _choose(page, kind, setting, path):
    n = _options(page, kind, path).count()
    page.keyboard.press("Escape")
    assert n >= 2, path
    for i in range(n):
        option = _options(page, kind, path).nth(i)
        name = option.inner_text()
        option.click()
        yield f"{path}: {name}"


def _toggle(page, kind, setting, path):
    for _time in range(2):
        widget(page, kind, path).locator("label").first.click()
        yield f"{path} switched"


def _write(page, kind, setting, path):
    for text in LISTS.get(setting.name, ("1", "x")):
        field = widget(page, kind, path).locator("input")
        field.fill(text)
        field.press("Enter")
        yield f"{path} = {text}"


def _choose_member(page, kind, setting, path):
    """Each member, and the ends of its own settings."""
    classes = [cls for cls in setting.choices if _has_defaults(cls)]
    chosen = [None] if len(setting.choices) == 1 else range(len(classes))
    for i in chosen:
        if i is not None:
            option = _options(page, kind, f"{path}.kind").nth(i)
            name = option.inner_text()
            option.click()
            yield f"{path}: {name}"
        cls = classes[i or 0]
        for inner in describe(cls):
            if inner.form == "fixed" or (inner.name == "k" and inner.form == "number" and inner.choices):
                continue
            yield from drive(page, kind, inner, f"{path}.{_kind(cls)}.{inner.name}")


def few(kind, *but):
    """Quick settings in the link, except for those that are driven."""
    names = {setting.name for setting in describe(EXPERIMENTS[kind])}
    return {name: text for name, text in FEW.items() if name in names and name not in but}


# The tests

@pytest.mark.parametrize("kind", LABS)
def test_default_and_the_first_control(visitor, kind):
    page = visitor
    go_to(page, kind)
    wait_for_numbers(page)
    assert page.locator(".tv-verdict").count() and asked(page)["kind"] == kind
    open_controls(page, kind)
    for setting in describe(EXPERIMENTS[kind]):
        if setting.form != "member":
            widget(page, kind, setting.name)
    first = next(setting for setting in describe(EXPERIMENTS[kind]) if setting.ladder)
    before = page.url
    for _done in drive(page, kind, first, first.name):
        wait_for_answer(page)
    assert page.url != before


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * (i > 0))
                                  for i, kind in enumerate(LABS)])
def test_bad_links_become_sentences(address, new_page, kind):
    page = new_page(**SMALL, **STILL)
    numbers = {setting.name: "1e300" for setting in describe(EXPERIMENTS[kind]) if setting.ladder}
    open_link(page, address, kind, **{**BAD, **numbers})
    said = page.locator(".st-key-messages").inner_text(timeout=PATIENCE_MS)
    assert "nonsense" in said and "look=pink" in said and all(f"{name}=1e300" in said for name in numbers)
    assert_sound(page)
    page.close()


@pytest.mark.parametrize("name", ["volume_or_depth", "about"])
def test_a_page_opened_by_its_own_address_and_again(address, new_page, name):
    """Streamlit's program would look for a server below the page's address, and the console would tell."""
    page = new_page(**SMALL, **STILL)
    page.goto(f"{address}/{name}")
    for _time in range(2):
        page.wait_for_function("name => location.pathname.endsWith(name)", arg=f"/{name}", timeout=PATIENCE_MS)
        page.locator("h1").first.wait_for(timeout=PATIENCE_MS)
        page.wait_for_function(f"() => {STATE} === 'notRunning'", timeout=PATIENCE_MS)
        assert_sound(page)
        page.reload()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [(kind, setting.name) for kind in LABS
                                            for setting in describe(EXPERIMENTS[kind])])
def test_both_ends_of_every_control(address, new_page, kind, name):
    setting = next(one for one in describe(EXPERIMENTS[kind]) if one.name == name)
    page = new_page(**SMALL, **STILL)
    open_link(page, address, kind, **few(kind, name))
    wait_for_numbers(page, LONGEST_MS)
    open_controls(page, kind)
    seen = set()
    for done in drive(page, kind, setting, name):
        try:
            wait_for_answer(page)
            seen.add(page.url)
            wait_for_numbers(page, LONGEST_MS)
        except BaseException as error:
            error.add_note(f"after {done} at {page.url}")
            raise
    assert len(seen) > 1
    page.close()
