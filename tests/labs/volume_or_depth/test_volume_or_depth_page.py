"""The page "Volume or depth": without exceptions at default, at both ends of every control, and with a bad link."""


import pytest
from computed_runs import computed

import thermoviz as tv


@pytest.fixture
def page(lab_page):
    """Opens the page by link, with the fewest walkers unless it says otherwise."""
    return lambda **query: lab_page("volume_or_depth", **{"walkers": "3", **query})


def run_of(app):
    return app.session_state["lab_volume_or_depth"].shown


def verdict_text(app):
    return " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("kind", ["harmonic", "double_well", "two_basins", "himmelblau"])
def test_other_landscapes(page, kind):
    app = page(landscape=kind)
    assert not app.exception and not app.warning and run_of(app).spec.landscape.kind == kind


def test_networks_bring_their_own_charts(page):
    app = page()
    computed(tv.VolumeOrDepth(walkers=3, networks=True))
    app.toggle[0].set_value(True).run()
    assert not app.exception and len(app.get("plotly_chart")) == 7
    app.toggle[0].set_value(False).run()
    assert not app.exception and len(app.get("plotly_chart")) == 4


def test_few_walkers_cannot_tell_and_say_so(page):
    assert "cannot tell" in verdict_text(page())


def test_settings_that_do_not_fit_together_are_refused_and_the_picture_stays(page):
    app = page(ratio="1", distance="1")
    before = run_of(app)
    slider = next(s for s in app.select_slider if s.label == "Depth")
    app = slider.set_value(2.0).run()
    assert not app.exception and "Distance: two basins" in app.warning[0].value
    assert "more than 1 apart" in app.warning[0].value
    assert run_of(app) is before


def test_the_link_holds_what_is_asked(page):
    app = page(d="2", ratio="30")
    assert {"v", "seed", "d", "ratio"} <= set(app.query_params)
