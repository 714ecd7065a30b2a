"""An engine without processes, for pages in tests: what is asked for is there at once, or stays as `mode` says."""

import dataclasses

from computed_runs import computed

import thermoviz as tv
from thermoviz.core.specs import from_json, identity, to_json
from thermoviz.engine import JobState


class AtOnce:
    """mode: "done", "running" or "failed". limits: {setting: most}, above which fewer are computed than asked for.

    `said`: its word for visitors. `left`: the ids that were no longer waited for. `told`: what else its states say,
    {field: value}.
    """

    def __init__(self, **limits):
        self.limits, self.mode, self.runs, self.left, self.told = limits, "done", {}, [], {}
        self.said = ""

    def submit(self, spec, viewer):
        if self.mode == "done" and identity(spec) not in self.runs:
            run = computed(self._fewer(spec))
            self.runs[identity(spec)] = tv.Run(spec, run.arrays, run.numbers, run.kind)

    def _fewer(self, spec):
        asked = to_json(spec)
        fewer = {name: min(asked[name], most) for name, most in self.limits.items() if name in asked}
        return from_json(type(spec), asked | fewer)

    def state(self, id):
        state = JobState(self.mode, 0.4, "balls", message="It went wrong." if self.mode == "failed" else "")
        return dataclasses.replace(state, **self.told)

    def partial(self, id):
        """There is none."""

    def result(self, id):
        return self.runs[id]

    def leave(self, id, viewer):
        self.left.append(id)

    def notice(self):
        return self.said

    def warm(self):
        """There is nobody to wake."""
