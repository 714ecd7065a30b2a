"""The page "Second law" played as its hint says: it waits for the visitor, and its clock is the charts' own."""

import re

import numpy as np
import pytest
from computed_runs import computed
from hints import visit_stage
from test_app_browser import PATIENCE_MS

import thermoviz as tv

pytestmark = pytest.mark.browser


@pytest.fixture
def here(new_page, server):
    here = visit_stage(new_page, f"{server[0]}/second_law", playing=True)
    here.page.wait_for_selector(".tv-verdict", timeout=PATIENCE_MS)
    yield here


def test_the_cloud_waits_at_its_start_and_its_clock_is_the_charts(here):
    """<E> of the stage's balls at its time t is that of the exact evolution at t, within 4 standard errors."""
    run = computed(tv.SecondLaw())
    times, exact = run.arrays["times"], run.arrays["exact_E"]
    assert here.number("steps") == 0 and not here.state()["playing"]
    assert here.root.locator(".clock").inner_text() == "t = 0"
    for steps in (0, 24, 24, 48, 96):
        here.let_pass(steps)
        t, n = here.number("time"), here.number("n")
        energies = np.array(here.root.evaluate("(e) => Array.from(e.thermoviz.simulation.balls.energy)"))[:int(n)]
        assert abs(energies.mean() - np.interp(t, times, exact)) < 4 * energies.std() / np.sqrt(n)
    assert t > 0.1 and here.root.locator(".clock").inner_text() == f"t = {t:.3g}"
    here.press("Play")
    here.wait_for_steps(5)
    assert here.state()["playing"]


def test_entropy_rises_and_then_falls_on_the_stage_as_the_hint_says(here):
    """S at the start, at its highest and at rest: within 4 of the stage's own errors of what the hint says, and .05,
    half of the last digit to which it is told."""
    hint = here.page.locator(".tv-hint").inner_text().replace("\u2212", "-")
    said = [float(text) for text in re.search(r"rises from (\S+) to (\S+), then falls to (\d*\.\d+)", hint).groups()]
    found = [here.number("S")]
    for steps in (24, 240):  # the highest is at t = .47, at rest it is long before the end
        here.let_pass(steps)
        found.append(here.number("S"))
    print(f"hint of Second law: S {found} (said {said})")
    error = 0.04  # of 3000 balls, as their cards say: sqrt((1 + 1.6 + .6) / 3000)
    assert all(abs(a - b) < 4 * error + 0.05 for a, b in zip(found, said, strict=True))
