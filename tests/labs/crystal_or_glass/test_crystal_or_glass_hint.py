"""The page "Crystal or glass" played as its hint says: a quench leaves a glass, an anneal a crystal."""

import re

import numpy as np
import pytest
from computed_runs import computed
from hints import visit_stage

import thermoviz as tv
from thermoviz.labs.crystal_or_glass import figures

SAID = re.compile(r"about (\d+) %.*about (\d+) %")


@pytest.fixture(scope="module")
def run():
    return computed(tv.CrystalOrGlass(balls=30))


def test_the_stage_anneals_to_the_share_that_the_hint_names(run):
    """The stage's equations in Python: 2000 balls, each step as long as its temperature allows; 4 errors, and half of
    the last digit to which the hint is told: a whole per cent, and ten."""
    surface, hot, steps, n = run.surface, run.numbers["T_hot"], run.spec.steps, 2000
    few, many = (int(k) / 100 for k in SAID.search(figures.try_this(run)).groups())
    x = surface.equilibrium(hot).sample(n, np.random.default_rng(0))
    quenched = (surface.basins.label_at(x) == 0).mean()
    pieces = np.linspace(0, steps, 101).astype(int)
    for begin, end in zip(pieces[:-1], pieces[1:], strict=True):
        T = hot * (1 - 0.99 * (begin + end) / (2 * steps))
        dynamics = tv.Overdamped(surface.suggested_dt(T))
        x = tv.simulate(surface, dynamics, x, int(end - begin), T, seed=int(begin), record_every=int(end - begin)).x[-1]
    annealed = (surface.basins.label_at(x) == 0).mean()
    for found, said, digit in ((quenched, few, 0.01), (annealed, many, 0.1)):
        assert abs(found - said) < 4 * np.sqrt(said * (1 - said) / n) + digit / 2
    assert many - few > 0.3


@pytest.mark.browser
@pytest.mark.slow
def test_quench_then_reset_then_anneal(server, new_page):
    here = visit_stage(new_page, f"{server[0]}/crystal_or_glass")
    here.page.wait_for_function("() => document.querySelector('.tv-hint')?.innerText.includes('about')")
    few, many = (int(n) / 100 for n in SAID.search(here.page.locator(".tv-hint").inner_text()).groups())
    deepest = f"share {here.state()['names'][0]}"
    hot, n = here.number("T"), here.number("n")
    here.press("quench")
    here.let_pass(300)
    quenched = here.number(deepest)
    assert here.number("T") == 0
    here.press("Reset")
    assert here.number("T") == hot and here.number("steps") == 0
    here.press("anneal")
    here.let_pass(3000)
    annealed = here.number(deepest)
    print(f"hint of Crystal or glass: quench {quenched:.3f} (said {few}), anneal {annealed:.3f} (said {many})")
    for found, said, digit in ((quenched, few, 0.01), (annealed, many, 0.1)):
        assert abs(found - said) < 4 * np.sqrt(said * (1 - said) / n) + digit / 2
    assert here.page.complaints == []
