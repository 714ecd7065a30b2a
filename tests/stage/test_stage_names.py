"""Names of the valleys where the picture is narrow: they keep clear of what lies on it, and of one another."""

import itertools

import pytest

from thermoviz.catalogue.shipped import load_lab
from thermoviz.dashboard.menu import page_of
from thermoviz.stage.payload import payload

pytestmark = pytest.mark.browser
# Boxes of the names, of the badge and each entry of the legend on the picture, and of the entries of the one below it.
BOXES = """async (element) => {
    const { view, simulation } = element.thermoviz, origin = view.element.getBoundingClientRect();
    while (!view.layout().width) await new Promise(requestAnimationFrame);
    const taken = view.layout().taken().map(({ x, y, width, height }) => [x, y, width, height]);
    const boxes = (parts) => [...element.querySelectorAll(parts)].map((e) => e.getBoundingClientRect())
        .filter((b) => b.width).map((b) => [b.x - origin.x, b.y - origin.y, b.width, b.height]);
    return { names: taken.slice(-simulation.surface.minima.length), above: boxes('.badge, .legend.on > span'),
             legend: boxes('.legend.on > span'), below: boxes('.legend.below > span'), height: origin.height };
}"""


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.parametrize("kind", ["equilibrium", "interactions"])
def test_on_a_phone_names_keep_clear_of_the_badge_and_of_one_another(open_stage, kind):
    run = load_lab(kind)
    page = open_stage(payload(run, **page_of(kind).stage(run)), 390, 844, reduced_motion="reduce")
    found = page.stage.evaluate(BOXES)
    assert len(found["names"]) == run.surface.basins.n >= 2 and len(found["above"]) >= 1
    assert not [pair for pair in itertools.product(found["names"], found["above"]) if overlap(*pair)]
    assert not [pair for pair in itertools.combinations(found["names"], 2) if overlap(*pair)]
    assert page.complaints == []


@pytest.mark.parametrize("kind", ["equilibrium", "heat_bath", "interactions"])
def test_on_a_phone_the_legend_stands_below_the_picture(open_stage, kind):
    run = load_lab(kind)
    page = open_stage(payload(run, **page_of(kind).stage(run)), 390, 844, reduced_motion="reduce")
    narrow = page.stage.evaluate(BOXES)
    assert narrow["legend"] == [] and len(narrow["below"]) >= 3
    assert all(x >= 0 and x + width <= 390 and y >= narrow["height"] for x, y, width, _ in narrow["below"])
    page.set_viewport_size({"width": 1400, "height": 900})
    wide = page.stage.evaluate(BOXES)
    assert len(wide["legend"]) == len(narrow["below"]) and wide["below"] == []
    assert page.complaints == []
