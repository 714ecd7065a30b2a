"""The page "Volume or depth": without exceptions at default, at both ends of every control, and with a bad link."""

import json

import pytest
from conftest import lab_alone

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.dashboard import lab, state
from thermoviz.dashboard.controls import describe
from thermoviz.engine import JobState

SETTINGS = [setting for setting in describe(tv.VolumeOrDepth) if setting.ladder]


class AtOnce:
    """An engine that computes when it is asked, and remembers: pages without processes."""

    runs: dict = {}

    def submit(self, spec, viewer):
        self.runs.setdefault(identity(spec), tv.run(spec))

    def state(self, id):
        return JobState("done", 1.0)

    def result(self, id):
        return self.runs[id]

    def leave(self, id, viewer):
        """Nothing runs on."""

    def warm(self):
        """There is nobody to wake."""


@pytest.fixture
def page(monkeypatch):
    """Opens the page by link, with the fewest walkers unless it says otherwise; the app's own start is left out."""
    for module in (state, lab):
        monkeypatch.setattr(module, "engine", AtOnce)

    def opened(**query):
        app = lab_alone("volume_or_depth")
        for name, text in {"walkers": "3", **query}.items():
            app.query_params[name] = text
        return app.run()

    return opened


def run_of(app):
    return app.session_state["lab_volume_or_depth"].shown


def verdict_text(app):
    return " ".join(element.proto.body for element in app.get("html"))


def test_the_default_page_shows_charts_and_verdicts(page):
    app = page(walkers="100")
    assert not app.exception and not app.warning and not app.error
    assert run_of(app).spec == tv.VolumeOrDepth()
    assert len(app.get("plotly_chart")) == 4
    assert "Does the deepest valley always win?" in verdict_text(app) and "tv-verdict" in verdict_text(app)


def value_of(option):
    return json.loads(str(option).replace("−", "-").replace(" × 10^", "e"))


@pytest.mark.parametrize("end", [0, -1], ids=["low", "high"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_at_both_ends_of_every_ladder(page, setting, end):
    app = page()
    slider = next(s for s in app.select_slider if s.label == setting.title)
    app = slider.set_value(value_of(slider.options[end])).run()
    assert not app.exception and not app.error
    assert getattr(run_of(app).spec, setting.name) == setting.ladder[end]
    assert len(app.get("plotly_chart")) == 4 and len(run_of(app).verdicts) == 3


@pytest.mark.parametrize("kind", ["harmonic", "double_well", "two_basins", "himmelblau"])
def test_other_landscapes(page, kind):
    app = page(landscape=kind)
    assert not app.exception and not app.warning and run_of(app).spec.landscape.kind == kind


def test_networks_bring_their_own_charts(page):
    app = page()
    app.toggle[0].set_value(True).run(timeout=60)
    assert not app.exception and len(app.get("plotly_chart")) == 7
    app.toggle[0].set_value(False).run()
    assert not app.exception and len(app.get("plotly_chart")) == 4


def test_few_walkers_cannot_tell_and_say_so(page):
    assert "cannot tell" in verdict_text(page())


def test_a_bad_link_opens_the_default_and_says_what_was_wrong(page):
    app = page(ratio="-5", d="many", depth="1e9", nonsense="1")
    assert not app.exception and not app.error
    said = " ".join(warning.value for warning in app.warning)
    assert all(word in said for word in ("d=many", "depth=1e9", "nonsense=1", "ratio=-5"))
    assert run_of(app).spec == tv.VolumeOrDepth(walkers=3)


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
