"""A dynamics with something done between its steps: nothing done changes nothing, each hook is heard in its place."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.between import Between

INNER = [kind(0.05) for kind in tv.DYNAMICS.values()] + [tv.MALA(0.05)]


@pytest.mark.parametrize("inner", INNER, ids=lambda inner: inner.kind)
def test_with_nothing_between_every_bit_stays(inner):
    x0, T = np.random.default_rng(0).uniform(-1, 1, (5, 2)), 0.3 if inner.heated else 0.0
    plain, wrapped = (tv.simulate(tv.DoubleWell(), one, x0, 30, temperature=T, seed=4, bounds=(-1.2, 1.2))
                      for one in (inner, Between(inner)))
    np.testing.assert_array_equal(plain.x, wrapped.x)
    np.testing.assert_array_equal(plain.time, wrapped.time)


@pytest.mark.parametrize("inner", [one for one in INNER if not one.heated or one.kind == "overdamped"],
                         ids=lambda inner: inner.kind)
def test_what_has_no_inertia_stops_at_a_wall_wrapped_or_not(inner):
    """Pressed against a wall without heat: the wrapper passes on that there is no inertia."""
    x0 = np.array([[0.9]])
    plain, wrapped = (tv.simulate(tv.TiltedDoubleWell(tilt=-1.0), one, x0, 20, bounds=((-1.0, 0.95),))
                      for one in (inner, Between(inner)))
    np.testing.assert_array_equal(plain.x, wrapped.x)


def test_hooks_are_heard_in_front_of_and_behind_each_step():
    class Heard(Between):
        def __init__(self):
            super().__init__(tv.GradientDescent(0.1))
            self.told = []

        def before(self, energy, x):
            self.told.append(("before", self.taken, x.copy()))
            return tv.Harmonic(2.0)

        def after(self, energy, state, rng):
            self.told.append(("after", self.taken, state.x.copy()))
            assert energy == tv.Harmonic(2.0)
            return state._replace(x=state.x + 1)

    heard = Heard()
    path = tv.simulate(tv.Harmonic(1.0), heard, np.array([[1.0]]), 2)
    assert [(what, taken) for what, taken, _ in heard.told] == [
        ("before", 0), ("after", 1), ("before", 1), ("after", 2)]
    # x <- 0.8 x + 1: steps in the energy that `before` gave, moved by what `after` did.
    np.testing.assert_allclose(path.x[:, 0, 0], [1.0, 1.8, 2.44])
