"""A dynamics with something done between its steps: energies switched, work counted, replicas exchanged."""

from typing import Any


class Between:
    """Another dynamics; subclasses say what happens in front of each step (`before`) and behind it (`after`).

    taken: how many steps there have been. Everything that `simulate` asks of a dynamics is the inner one's.
    """

    def __init__(self, dynamics: Any) -> None:
        self.dynamics = dynamics
        self.reverses, self.heated, self.full_batch = dynamics.reverses, dynamics.heated, dynamics.full_batch
        self.massless, self.step_time = getattr(dynamics, "massless", False), dynamics.step_time
        self.taken = 0

    def init(self, energy: Any, x: Any, rng: Any) -> Any:
        return self.dynamics.init(energy, x, rng)

    def step(self, energy: Any, state: Any, rng: Any, temperature: Any = 0.0) -> Any:
        energy = self.before(energy, state.x)
        state = self.dynamics.step(energy, state, rng, temperature)
        self.taken += 1
        return self.after(energy, state, rng)

    def before(self, energy: Any, x: Any) -> Any:
        """The energy in which the next step is taken from x [n, d]."""
        return energy

    def after(self, energy: Any, state: Any, rng: Any) -> Any:
        """The state from which the next step starts."""
        return state
