"""Names of the valleys where the picture is narrow: they keep clear of what lies on it, and of one another."""

import itertools

import pytest

from thermoviz.catalogue.shipped import load_lab
from thermoviz.dashboard.menu import page_of
from thermoviz.stage.payload import payload

pytestmark = pytest.mark.browser
# Boxes of the names, and of the badge and each entry of the legend.
BOXES = """async (element) => {
    const { view, simulation } = element.thermoviz, origin = view.element.getBoundingClientRect();
    while (!view.layout().width) await new Promise(requestAnimationFrame);
    const taken = view.layout().taken().map(({ x, y, width, height }) => [x, y, width, height]);
    const above = [...element.querySelectorAll('.badge, .legend > span')].map((e) => e.getBoundingClientRect())
        .map((b) => [b.x - origin.x, b.y - origin.y, b.width, b.height]);
    return { names: taken.slice(-simulation.surface.minima.length), above };
}"""


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.parametrize("kind", ["equilibrium", "interactions"])
def test_on_a_phone_names_keep_clear_of_badge_legend_and_one_another(open_stage, kind):
    run = load_lab(kind)
    page = open_stage(payload(run, **page_of(kind).stage(run)), 390, 844, reduced_motion="reduce")
    found = page.stage.evaluate(BOXES)
    assert len(found["names"]) == run.surface.basins.n >= 2 and len(found["above"]) >= 4
    assert not [pair for pair in itertools.product(found["names"], found["above"]) if overlap(*pair)]
    assert not [pair for pair in itertools.combinations(found["names"], 2) if overlap(*pair)]
    assert page.complaints == []
