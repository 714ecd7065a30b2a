"""The address in a real browser: Back, Forward, reload and copy show what it says; so does an address that is none."""

import pytest
from test_app_browser import PATIENCE_MS, SHOWN, STAGE, shown

from thermoviz.dashboard.menu import FIRST, menu
from thermoviz.experiments.presets import PRESETS, load_preset

pytestmark = pytest.mark.browser
STILL = {"reduced_motion": "reduce"}  # the stage's balls leave the processor to the page
IDLE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"


@pytest.fixture
def page(server, new_page):
    opened = new_page(**STILL)
    opened.goto(server[0])
    wait_for_preset(opened, "three-minds")
    return opened


def wait_for_run(page, run):
    page.wait_for_function(f"run => {SHOWN} === run && {IDLE}", arg=run, timeout=PATIENCE_MS)


def wait_for_preset(page, key):
    """Shown, in the address, and in the title of the window."""
    wait_for_run(page, load_preset(key).id)
    page.wait_for_function("key => new URLSearchParams(location.search).get('preset') === key", arg=key,
                           timeout=PATIENCE_MS)
    page.wait_for_function("title => document.title === title", arg=f"{PRESETS[key].title} · thermoviz",
                           timeout=PATIENCE_MS)


def choose(page, key):
    page.locator(f".st-key-preset_{key} button").click()
    wait_for_preset(page, key)


def entries(page):
    return page.evaluate("history.length")


def change_seed(page, seed):
    """Sets the seed in the controls, which stand open, and waits for its run; its id."""
    before = shown(page)
    box = page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed")
    box.fill(str(seed))
    box.press("Enter")
    page.wait_for_function("seed => new URLSearchParams(location.search).get('seed') === seed", arg=str(seed),
                           timeout=PATIENCE_MS)
    page.wait_for_function(f"before => {SHOWN} !== before && {IDLE}", arg=before, timeout=PATIENCE_MS)
    page.locator(".st-key-progress").wait_for(state="detached", timeout=PATIENCE_MS)
    return shown(page)


def open_chance(page):
    page.get_by_role("button", name="Experiment").click()
    page.get_by_test_id("stSidebar").locator("summary", has_text="Chance").click()


def test_presets_and_controls_come_back(page):
    first = entries(page)
    choose(page, "mueller-brown")
    choose(page, "narrow-deep")
    assert entries(page) == first + 2
    open_chance(page)
    own = change_seed(page, 5)
    assert own != load_preset("narrow-deep").id and entries(page) == first + 2  # a control replaces the entry
    page.go_back()
    wait_for_preset(page, "mueller-brown")
    page.go_back()
    wait_for_preset(page, "three-minds")
    page.go_forward()
    wait_for_preset(page, "mueller-brown")
    page.go_forward()
    wait_for_run(page, own)
    assert "seed=5" in page.url and "An experiment from" in page.title()
    assert page.get_by_test_id("stSidebar").locator("input[aria-label='Seed']").input_value() == "5"
    assert page.complaints == []


def test_reload_and_copy_show_the_same_run(page, new_page):
    choose(page, "narrow-deep")
    open_chance(page)
    own = change_seed(page, 6)
    page.reload()
    wait_for_run(page, own)
    another = new_page(**STILL)
    another.goto(page.url)
    wait_for_run(another, own)
    assert another.url == page.url and page.complaints == another.complaints == []


def test_pages_make_one_entry_each_and_come_back(page):
    choose(page, "mueller-brown")
    before = entries(page)
    for name in ("second_law", "about"):
        page.locator(f"a[href$='/{name}']").first.click()
        page.wait_for_function("title => document.title === title", arg=f"{menu()[name].title} · thermoviz",
                               timeout=PATIENCE_MS)
    assert entries(page) == before + 2
    page.go_back()
    page.wait_for_function("text => document.querySelector('h1.tv-headline')?.innerText === text",
                           arg=menu()["second_law"].title, timeout=PATIENCE_MS)
    page.wait_for_function("() => location.search.includes('kind=second_law')", timeout=PATIENCE_MS)
    page.go_back()
    wait_for_preset(page, "mueller-brown")
    assert entries(page) == before + 2 and page.complaints == []


def test_a_labs_link_is_one_entry(server, new_page):
    page = new_page(**STILL)
    page.goto(f"{server[0]}/second_law?heat=1")
    page.wait_for_function(f"() => location.pathname === '/second_law' && location.search.includes('heat=1') && {IDLE}",
                           timeout=PATIENCE_MS)
    assert entries(page) == 2  # the browser's own first one, and this
    assert page.title() == f"{menu()['second_law'].title} · thermoviz" and page.complaints == []


@pytest.mark.parametrize("path", ["/nonsense/page", "/nowhere", "/deep/er/page.html"])
def test_an_address_that_is_none_leads_to_the_first_page(server, new_page, path):
    page = new_page(**STILL)
    page.goto(f"{server[0]}{path}")
    wait_for_preset(page, "three-minds")
    assert f"There is no page “{path[1:]}” here" in page.locator(".st-key-messages").inner_text()
    assert "lost" not in page.url and page.complaints == []


def test_what_a_link_says_wrongly_is_said_once_and_can_be_put_away(server, new_page):
    page = new_page(**STILL)
    page.goto(f"{server[0]}/?kind=garbage&look=pink&preset=nowhere&nonsense=1&seed=-1")
    wait_for_preset(page, "three-minds")
    alerts = page.locator("[data-testid=stAlertContentWarning]:visible")
    assert alerts.count() == 1
    said = alerts.inner_text()
    assert "garbage" in said and not any(word in said for word in ("descent", "potential", "narrow-deep"))
    page.get_by_role("button", name="Close").click()
    alerts.wait_for(state="detached", timeout=PATIENCE_MS)
    assert page.complaints == []


def test_a_refused_control_keeps_what_is_shown_and_is_told_once(page):
    address, headline = page.url, page.locator("h1").inner_text()
    page.get_by_role("button", name="Experiment").click()
    page.get_by_test_id("stSidebar").locator("summary", has_text="The network").click()
    box = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Hidden layers")
    box.fill("16, 256")
    box.press("Enter")
    alerts = page.locator("[data-testid=stAlertContentWarning]:visible")
    alerts.wait_for(timeout=PATIENCE_MS)
    assert alerts.count() == 1 and "Hidden layers: use commas, such as" in alerts.inner_text()
    assert "128" in alerts.inner_text() and "Descent" not in alerts.inner_text()
    assert page.locator("h1").inner_text() == headline and page.url == address
    assert shown(page) == load_preset("three-minds").id and page.complaints == []


def test_the_closed_panel_is_not_in_the_way_of_the_keyboard(page):
    """From the top of the page on, Tab never goes where nothing is seen."""
    page.locator(".st-key-stage").wait_for(timeout=PATIENCE_MS)
    stops = []
    for _press in range(12):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("""() => {
            const e = document.activeElement, box = e.getBoundingClientRect();
            return [e.closest('[data-testid=stSidebar]') !== null, e.innerText?.trim() ?? '', box.right > 0]; }"""))
    assert not any(inside for inside, _text, _seen in stops), stops
    assert any("Heat bath" in text for _inside, text, _seen in stops), stops
    page.get_by_role("button", name="Experiment").click()  # and open it is
    slider = page.get_by_test_id("stSidebar").get_by_role("slider").first
    slider.wait_for(timeout=PATIENCE_MS)
    slider.focus()
    assert slider.evaluate("e => e === document.activeElement")


def test_a_still_stands_before_the_program_is_there_and_leaves_after(server, new_page):
    page = new_page(**STILL)
    held, opened = [], []
    page.route("**/static/js/**", lambda route: route.continue_() if opened else held.append(route))
    page.goto(f"{server[0]}/?preset=digits", wait_until="commit")
    figure = page.locator("#tv-still figure")
    figure.wait_for(timeout=PATIENCE_MS)
    assert PRESETS["digits"].sentence in page.locator("#tv-still").inner_text()
    assert figure.evaluate("e => getComputedStyle(e).backgroundImage").startswith('url("data:image/png;base64,')
    painted = "() => performance.getEntriesByName('first-contentful-paint').length"
    page.wait_for_function(painted, timeout=PATIENCE_MS)  # while not one program has come
    assert held and page.locator("h1.tv-headline").count() == 0
    opened.append(True)
    for route in held:
        route.continue_()
    wait_for_preset(page, "digits")
    page.wait_for_function(f"() => (({STAGE})?.state().drawn ?? 0) > 0", timeout=PATIENCE_MS)
    page.locator("#tv-still").wait_for(state="detached", timeout=PATIENCE_MS)
    page.locator("#tv-still-style").wait_for(state="detached", timeout=PATIENCE_MS)
    assert page.complaints == []


def test_every_page_says_nothing_in_the_console(page):
    for name, one in menu().items():
        if one is FIRST:
            continue
        page.locator(f"a[href$='/{name}']").first.click()
        page.wait_for_function(f"title => document.title === title && {IDLE}", arg=f"{one.title} · thermoviz",
                               timeout=PATIENCE_MS)
        page.wait_for_function("text => document.querySelector('h1')?.innerText === text", arg=one.title,
                               timeout=PATIENCE_MS)
        assert page.complaints == [], name
