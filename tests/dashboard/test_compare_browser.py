"""The page "Compare" as its user meets it: two stages that turn and warm together, a table, a link, a bad link."""

import dataclasses
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.dashboard.compared.sides import pair_query

pytestmark = pytest.mark.browser

PATIENCE_MS = 120_000
# Both stages, the left one (on a phone the upper one) first.
STAGES = """[...document.querySelectorAll('.st-key-scene *')].map((e) => e.shadowRoot?.querySelector('.tv')?.thermoviz)
    .filter(Boolean)"""
BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=3, steps=40, resolution=33)
OTHER = dataclasses.replace(BASE, batch_size=4)


@pytest.fixture
def compared(server, new_page):
    """Opens the page by a link and waits until `seen` stages stand."""
    def open_it(query=None, seen=2, **settings):
        page = new_page(**settings)
        page.goto(f"{server[0]}/?{urlencode({'kind': 'compare', **(query or {})})}")
        page.wait_for_function(f"({STAGES}).filter((stage) => stage.state().pictures > 3).length >= {seen}",
                               timeout=PATIENCE_MS)
        return page
    return open_it


def both(page, what):
    return page.evaluate(f"({STAGES}).map((stage) => {what})")


def agree(page, what, beyond="true"):
    """Waits until both stages say the same, and `beyond` is true of it (`value`)."""
    page.wait_for_function(f"""() => {{
        const [value, other] = ({STAGES}).map((stage) => {what});
        return JSON.stringify(value) === JSON.stringify(other) && ({beyond});
    }}""", timeout=PATIENCE_MS)
    return both(page, what)[0]


def asked(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_dragging_one_surface_turns_the_other(compared):
    page = compared()
    before = agree(page, "stage.state().camera")
    box = page.locator(".st-key-stage_a .view").bounding_box()
    x, y = box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 20, steps=4)
    page.mouse.up()
    after = agree(page, "stage.state().camera", f"value.azimuth !== {before['azimuth']}")
    assert after["elevation"] != before["elevation"] and after["zoom"] == before["zoom"]
    page.locator(".st-key-stage_b .view").focus()
    page.keyboard.press("t")
    assert agree(page, "stage.state().camera", "value.top")["top"] and page.complaints == []


def test_one_heat_warms_both_and_stands_in_the_link(compared):
    page = compared()
    slider = page.locator(".st-key-stage_b").get_by_label("Temperature", exact=True).get_by_role("slider")
    slider.focus()
    slider.press("End")
    hot = agree(page, "stage.state().T", "value > 1")
    page.wait_for_function(f"Number(new URLSearchParams(location.search).get('T')) === {hot}", timeout=PATIENCE_MS)
    again = compared(asked(page))
    assert both(again, "stage.state().T") == [hot, hot]
    assert asked(again) == asked(page) and page.complaints == again.complaints == []


def test_heights_mean_the_same_until_the_switch_is_moved(compared):
    frame = "[stage.view.renderer.frame.min, stage.view.renderer.frame.span]"
    page = compared()
    low, span = agree(page, frame)
    runs = tv.load_preset("three-minds"), tv.load_preset("digits")
    assert low == pytest.approx(min(run.surface.minimum for run in runs))
    assert low + span == pytest.approx(max(run.surface.ceiling for run in runs))
    page.get_by_text("One scale of heights and colours").click()
    spans = [run.surface.ceiling - run.surface.minimum for run in runs]
    page.wait_for_function(f"""(spans) => ({STAGES}).every((stage, k) =>
        Math.abs(stage.view.renderer.frame.span / spans[k] - 1) < 1e-5)""", arg=spans, timeout=PATIENCE_MS)
    for (low, span), run in zip(both(page, frame), runs, strict=True):
        assert low == pytest.approx(run.surface.minimum)
        assert low + span == pytest.approx(run.surface.ceiling)
    page.wait_for_url("**scale=own**", timeout=PATIENCE_MS)
    assert page.complaints == []


def test_two_trainings_are_computed_and_the_table_says_their_numbers(compared):
    page = compared(pair_query([BASE, OTHER]))
    page.locator(f'[data-run="{identity(BASE)} {identity(OTHER)}"]').wait_for(state="attached", timeout=PATIENCE_MS)
    runs = BASE.compute(), OTHER.compute()
    row = page.locator('tr[data-what="Loss at the end"] td[data-value]')
    row.first.wait_for(state="attached", timeout=PATIENCE_MS)
    for k, run in enumerate(runs):
        late = run.arrays["data_losses"][-(len(run.arrays["steps"]) // 10):].astype(float)
        assert float(row.nth(k).get_attribute("data-value")) == pytest.approx(late.mean(), rel=1e-4)
    settings = page.locator("tr[data-setting]").evaluate_all("(rows) => rows.map((row) => row.dataset.setting)")
    assert settings == ["batch_size"]
    assert page.locator(".st-key-card_pair .js-plotly-plot").count() == 1 and page.complaints == []


def test_a_choice_changes_one_side_and_a_bad_link_none(compared):
    page = compared()
    page.locator(".st-key-choice_b").get_by_role("button", name="Link").click()
    field = page.get_by_label("Link to any experiment with a stage", exact=True)
    field.fill("https://host/?preset=narrow-deep")
    field.press("Enter")
    page.wait_for_function(f"({STAGES})[1]?.simulation.surface.min < -0.3", timeout=PATIENCE_MS)
    assert asked(page)["a.preset"] == "three-minds"
    page.keyboard.press("Escape")
    page.locator(".st-key-choice_a").get_by_role("button", name="Link").click()
    field = page.get_by_label("Link to any experiment with a stage", exact=True)
    field.fill("not a link")
    field.press("Enter")
    page.get_by_text("is no link to an experiment").wait_for(timeout=PATIENCE_MS)
    assert (asked(page)["a.preset"], asked(page)["b.preset"]) == ("three-minds", "narrow-deep")
    assert len(both(page, "1")) == 2 and page.complaints == []


def test_share_of_a_run_brings_it_here_and_back(server, new_page):
    page = new_page()
    page.goto(f"{server[0]}/?preset=digits")
    page.get_by_role("button", name="Share").click(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Compare with another run").click(timeout=PATIENCE_MS)
    page.wait_for_function(f"({STAGES}).filter((stage) => stage.state().pictures > 3).length === 2",
                           timeout=PATIENCE_MS)
    assert asked(page)["a.preset"] == "digits"
    page.get_by_role("button", name="Swap").click()
    page.wait_for_url("**b.preset=digits**", timeout=PATIENCE_MS)
    page.locator(".st-key-open_b button").first.click()
    page.wait_for_url("**preset=digits&seed**", timeout=PATIENCE_MS)
    assert "a.preset" not in asked(page) and page.complaints == []


def test_on_a_phone_the_stages_stand_above_each_other_and_fit(compared):
    page = compared(seen=1, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first, second = (page.locator(f".st-key-stage_{name}").bounding_box() for name in "ab")
    assert second["y"] > first["y"] + first["height"] - 1
    page.evaluate(f"({STAGES})[0].view.camera.orbit(0.3, 0)")
    page.locator(".st-key-stage_b").evaluate("(element) => element.scrollIntoView()")
    agree(page, "stage.state().camera")
    assert page.complaints == []


def test_with_little_motion_the_other_follows_at_once(compared):
    page = compared(reduced_motion="reduce")
    assert both(page, "stage.state().playing") == [False, False]
    page.evaluate(f"({STAGES})[0].view.camera.orbit(0.3, 0)")
    agree(page, "stage.state().camera")
    page.wait_for_function(f"({STAGES}).every((stage) => !stage.view.camera.moving)")
