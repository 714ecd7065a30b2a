"""What every lab keeps, whatever it measures. The labs, their controls and their charts are read from the program's own
tables, so that a new lab is tested as soon as it is there; settings that make its runs quick may stand in FEW.
"""

import functools
import subprocess
import sys

import numpy as np
import pytest
from computed_runs import _key, afresh, computed
from figure_schema import checked
from streamlit.testing.v1 import AppTest
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS
from thermoviz.catalogue.kinds import LABS
from thermoviz.catalogue.links import from_query, to_query
from thermoviz.core.specs import canonical, from_json, identity, to_json
from thermoviz.dashboard import state
from thermoviz.dashboard.lab import _card, opened
from thermoviz.dashboard.menu import page_of
from thermoviz.experiments.presets import DEFAULT_PRESET
from thermoviz.presentation.looks import LOOKS
from thermoviz.presentation.settings import describe
from thermoviz.runs.pipeline import remembering
from thermoviz.stage.payload import payload

# Settings with which a run takes a moment.
FEW = {
    "heat_bath": dict(dataset=tv.DATASETS["moons"](n=120), network=tv.MLP((3,)), weight_decay=0.05, steps=400,
                      replicas=4),
    "interactions": dict(network=tv.MLP((4,)), steps=60, networks=4, ramp_steps=30, walkers=16),
    "volume_or_depth": dict(walkers=3),
    "second_law": dict(balls=100, steps=100),
    "equilibrium": dict(steps=200, replicas=4),
    "crystal_or_glass": dict(steps=100, balls=10),
}
# What a run needs besides to have every chart of its lab.
FULL = {"volume_or_depth": dict(networks=True), "crystal_or_glass": dict(networks=True, problems=4)}
# Ends of these controls above which a run is left to the browser and to patience.
CHEAP = {
    "heat_bath": dict(steps=0, batch_size=32), "equilibrium": dict(steps=1000),
    "interactions": dict(steps=300, ramp_steps=300, walkers=64, networks=12),
    "second_law": dict(balls=200, steps=100), "crystal_or_glass": dict(steps=300, balls=300),
}
# Long stages that must be among those that tell and hear a cancel.
STAGES = {
    "equilibrium": {"three solutions", "way between solutions", "networks", "isotropic heat", "linear regression",
                    "heating and cooling"},
    "interactions": {"minima", "baths", "ramps of linear regression", "training", "ramp of the network"},
    "heat_bath": {"copies"}, "crystal_or_glass": {"cooling"}, "second_law": {"balls"},
}
# What a run needs besides to depend on its seed.
SEEDED = {"volume_or_depth": dict(d=1, walkers=10)}
# Verdicts of a lab whose runs always have as many.
COUNTS = {"equilibrium": 14, "interactions": 10, "volume_or_depth": 3}
BAD = {
    "heat_bath": dict(steps="-5", weight_decay="0", dataset="nothing", replicas="many"),
    "interactions": dict(strength="-5", dropout="2", dataset="none", walkers="many", regulariser="l7"),
    "volume_or_depth": dict(ratio="-5", d="many", depth="1e9"),
    "second_law": dict(heat="999999", start="above"),
    "equilibrium": dict(steps="-5", lr="-1", dataset="none", replicas="many"),
    "crystal_or_glass": dict(steps="-5", cold="7", landscape="none", balls="many"),
}
ANYWHERE = dict(nonsense="1", look="pink", hide="everything")


def few(kind, **settings):
    return EXPERIMENTS[kind](**{**FEW.get(kind, {}), **settings})


def full(kind):
    return computed(few(kind, **FULL.get(kind, {})))


class Heard(dict):
    """Memory of one run's steps, and what a listener was told of it: (fraction, stage, partial)."""

    def __init__(self):
        self.told, self.before, self.as_stored = [], {}, {}

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.as_stored[key] = _key(value)

    def listen(self, fraction, stage, partial):
        self.before.setdefault(stage, dict(self))
        self.told.append((fraction, stage, partial))


@functools.cache
def from_the_beginning(kind):
    """(a whole run that depends on its seed, computed afresh; its steps, and what it told)."""
    heard = Heard()
    with afresh(), remembering(heard):  # a part that is known tells and hears next to nothing
        return tv.run(few(kind, **{**FULL.get(kind, {}), **SEEDED.get(kind, {})}), heard.listen), heard


def same(one, other):
    """Whether two runs are the same to the last bit."""
    assert str(one.verdicts) == str(other.verdicts)  # as text: NaN is not NaN
    assert one.arrays.keys() == other.arrays.keys() and str(one.numbers) == str(other.numbers)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(other.arrays[name], array, err_msg=name)


def ladders(kind):
    return [setting for setting in describe(EXPERIMENTS[kind]) if setting.ladder and setting.form == "number"]


def beside(kind, name, end):
    """A setting that must follow another to its end."""
    if kind == "crystal_or_glass" and name == "hot" and end <= 0.05:
        return {"cold": end / 3}
    if kind == "crystal_or_glass" and name == "cold" and end >= 0.5:
        return {"hot": 3 * end}
    return {}


ENDS = [(kind, setting.name, end) for kind in LABS for setting in ladders(kind)
        for end in (setting.ladder[0], setting.ladder[-1])]
CHARTS = [(kind, chart.key) for kind in LABS for chart in page_of(kind).charts]


def text_of(said, run):
    return said if isinstance(said, str) else said(run)


def is_a_sentence(text):
    return text.strip() and text.rstrip().endswith((".", ")", "?")) and not any(
        wrong in text for wrong in ("nan", "{", "}", "None"))


def check_what_is_drawn(run, page, may_be_empty=()):
    """Every chart that the run has the numbers for, with its sentence; and the two sentences above."""
    for chart in page.shown(run):
        if chart.ready(run):
            drawn = checked(chart.draw(run, LOOKS["dark"]))
            assert drawn.data or chart.key in may_be_empty, chart.key
            assert drawn.layout.title.text, chart.key
            said = text_of(chart.caption, run)
            assert not said or is_a_sentence(said), (chart.key, said)


def check_the_page(run, page):
    for said in (page.answer or page.sentence, page.try_this):
        assert not said or is_a_sentence(text_of(said, run)), text_of(said, run)
    if page.stage is not None and run.surface is not None:
        assert payload(run, **page.stage(run))
    for verdict in run.verdicts:
        assert 'class="tv-verdict"' in _card(verdict)


# Figures and words


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind, key", CHARTS)
def test_every_chart_in_every_look(kind, key, look):
    drawn = checked(full(kind).figure(figure=key, look=look))
    assert drawn.data and drawn.layout.title.text and drawn.to_json()


@pytest.mark.parametrize("kind", LABS)
def test_verdicts_sentences_and_page_of_a_whole_run(kind):
    run = full(kind)
    assert [chart.key for chart in page_of(kind).shown(run) if not chart.ready(run)] == []
    check_all(run)
    check_what_is_drawn(run, page_of(kind))
    check_the_page(run, page_of(kind))


@pytest.mark.parametrize("kind, name, end", ENDS)
def test_both_ends_of_every_control_give_a_run(kind, name, end):
    """The specification at the end of a ladder and its link; where it is cheap its run, and all that the page shows."""
    spec = few(kind, **{name: end}, **beside(kind, name, end))
    link = from_query(to_query(DEFAULT_PRESET, spec))
    assert canonical(spec) and link.spec == spec and not link.messages
    if end <= CHEAP.get(kind, {}).get(name, end):
        run = computed(spec)
        assert run.verdicts and len(run.verdicts) == COUNTS.get(kind, len(run.verdicts))
        for array in ("lin_loop_loss",):
            assert np.isfinite(run.arrays.get(array, 0)).all()
        # Where there is no second solution there is no way to it.
        check_what_is_drawn(run, page_of(kind), () if run.numbers.get("another", True) else ("way",))
        check_the_page(run, page_of(kind))


# The same question, the same answer


@pytest.mark.parametrize("kind", LABS)
def test_the_same_seed_gives_the_same_run_and_another_seed_another(kind):
    """To the last bit, in another process too: the known run may come from one, with shared parts and steps."""
    again, steps = from_the_beginning(kind)
    same(again, computed(again.spec))
    asked = few(kind, **SEEDED.get(kind, {}) | {"seed": 1})
    with afresh():
        other = tv.run(asked)
        with remembering(dict(steps)):  # those steps only that depend on the seed
            remembered = tv.run(asked)
    same(other, remembered)
    assert any(not np.array_equal(again.arrays[name], array, equal_nan=True) for name, array in other.arrays.items())


@pytest.mark.parametrize("kind", LABS)
def test_no_step_changes_what_another_gave(kind):
    """So that it may be remembered: whoever comes later reads what the step itself gave."""
    _run, steps = from_the_beginning(kind)
    assert {key[0][0] for key, value in steps.items() if _key(value) != steps.as_stored[key]} == set()


@pytest.mark.parametrize("kind", LABS)
def test_specification_and_run_survive_their_files(kind, tmp_path):
    run = full(kind)
    assert from_json(EXPERIMENTS[kind], to_json(run.spec)) == run.spec
    again = tv.open_run(run.save(tmp_path / "run.safetensors"))
    assert (again.id, again.kind, again.spec) == (run.id, kind, run.spec)
    assert str(again.verdicts) == str(run.verdicts) and again.numbers == run.numbers
    assert (again.surface is None) == (run.surface is None)
    assert page_of(kind).stage is None or run.surface is not None, "its stage would have nothing to stand on"
    assert run.surface is None or "<html" in again.to_html().lower()


@pytest.mark.parametrize("kind", LABS)
def test_progress_shows_charts_early_and_hears_a_cancel_in_every_stage(kind):
    (run, heard), page = from_the_beginning(kind), page_of(kind)
    told = heard.told
    fractions = [fraction for fraction, _stage, _partial in told]
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    partials = [partial for _fraction, _stage, partial in told if partial is not None]
    assert partials and not partials[0].verdicts
    assert (partials[0].surface is None) == (run.surface is None)  # a slice is there from the beginning
    known = {tuple(partial.arrays): partial for partial in partials}
    for partial in known.values():
        check_what_is_drawn(partial, page)
    stages = dict.fromkeys(stage for _fraction, stage, _partial in told)
    assert STAGES.get(kind, set()) <= stages.keys()
    for stage in stages:
        # In the midst of its work where it tells more than its beginning; the steps before it need not be done again.
        tells = [fraction for fraction, at, _partial in told if at == stage]
        with pytest.raises(tv.Cancelled), afresh(), remembering(dict(heard.before[stage])):
            tv.run(run.spec, cancel(stage, min(len(tells), 2)))


def cancel(stage, nth):
    """A listener that has had enough when the stage tells for the n-th time."""
    tells = []

    def listen(fraction, at, partial):
        tells.extend([at] * (at == stage))
        if len(tells) == nth:
            raise tv.Cancelled("enough")

    return listen


def test_labs_that_train_many_networks_need_no_torch():
    code = ("import sys, thermoviz as tv; "
            "tv.run(tv.Equilibrium(steps=100, replicas=4)); assert 'torch' not in sys.modules, 'equilibrium'; "
            "tv.run(tv.Interactions(steps=20, networks=2, ramp_steps=10, walkers=4)); "
            "assert 'torch' not in sys.modules, 'interactions'")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Links


@pytest.mark.parametrize("kind", LABS)
def test_a_good_link_opens_what_it_says(kind):
    spec = few(kind, **FULL.get(kind, {}), seed=3)
    query = opened(kind, {}).query(spec, state.opened({}))
    visit = opened(kind, query)
    assert visit.base == spec and not visit.messages
    assert query["kind"] == kind and {"v", "seed"} <= set(query)


@pytest.mark.parametrize("kind, name", [(kind, name) for kind in LABS for name in BAD.get(kind, {})])
def test_a_bad_setting_in_a_link_becomes_a_sentence(kind, name):
    visit = opened(kind, {name: BAD[kind][name]})
    assert any(name in message for message in visit.messages)
    assert getattr(visit.base, name) == getattr(EXPERIMENTS[kind](), name)


@pytest.mark.parametrize("kind", LABS)
def test_a_link_that_is_bad_throughout_opens_the_page_and_says_all(whole_app, at_once, kind):
    asked = BAD.get(kind, {}) | ANYWHERE
    app = whole_app(kind, **asked)
    said = " ".join(warning.value for warning in app.warning)
    assert not app.error and [name for name in asked if name not in said] == []


# The page


@pytest.mark.parametrize("kind", LABS)
def test_the_default_page_shows_stage_charts_and_verdicts(lab_page, kind):
    app, page = lab_page(kind), page_of(kind)
    here = app.session_state[f"lab_{kind}"]
    assert not app.error and not app.warning and not app.get("progress")
    assert here.shown.spec == EXPERIMENTS[kind]() and here.complete
    assert len(app.get("plotly_chart")) == len(page.shown(here.shown))
    assert len(app.get("bidi_component")) == (page.stage is not None)
    text = " ".join(element.proto.body for element in app.get("html"))
    assert page.title in text and f'data-run="{identity(here.shown.spec)}"' in text
    assert text.count('class="tv-verdict"') == len(here.shown.verdicts)


@pytest.mark.parametrize("kind", LABS)
def test_every_slider_leads_to_both_ends_of_its_ladder(kind):
    base = few(kind)

    def script(kind, base):
        import streamlit as st

        from thermoviz.catalogue import EXPERIMENTS
        from thermoviz.core.errors import BadInput
        from thermoviz.dashboard.controls import controls
        try:
            st.session_state["made"] = controls(EXPERIMENTS[kind], base, 0)
        except BadInput as error:
            st.session_state["made"] = error

    app = AppTest.from_function(script, args=(kind, base)).run(timeout=60)
    for setting in ladders(kind):
        start = getattr(base, setting.name)
        for end in (setting.ladder[0], setting.ladder[-1]):
            move(app, setting, end)
            made = app.session_state["made"]
            if isinstance(made, tv.BadInput):  # it must be changed with another
                assert beside(kind, setting.name, end), (setting.name, end, made)
            else:
                assert getattr(made, setting.name) == end
        move(app, setting, start)
    assert app.session_state["made"] == base


def move(app, setting, value):
    app.select_slider(key=f"0/{setting.name}").set_value(value).run(timeout=60)
    assert not app.exception, (setting.name, value)
