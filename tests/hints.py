"""What a hint promises, played as a visitor would: open a page by its link, turn the heat, press, let steps pass, read.

Nothing here waits for seconds: the stage counts its own steps, and `let_pass` takes exactly as many as it is told, so
that a hint is the same experiment on every machine. How a test of a lab's hint looks:

    def test_the_hint_of_my_lab(server, new_page):
        here = visit_stage(new_page, f"{server[0]}/?kind=my_lab")
        before = here.number("E")
        here.heat(0.3)                     # the slider, at the position nearest to T = 0.3
        here.press("quench")               # any button of the stage, by its words
        here.let_pass(2400)                # ten seconds at the usual pace
        assert here.number("E") < before
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from test_app_browser import PATIENCE_MS

# Every stage of the page lives in a shadow root, which Playwright's selectors see through.
STAGE = ".tv:has(.temperature)"
# Measured now: a stage that stands still measures four times a second, and a press may lie between.
STATE = "(element) => { element.thermoviz.pass(0); return element.thermoviz.state(); }"
POSITIONS, DECADES = 600, (-3, 1)  # of the slider of the temperature, as in thermometer.js
TENTH_OF_A_SECOND = 24  # steps at the usual pace


@dataclass
class Stage:
    """The stage of an open page. Names of numbers: `number`."""

    page: Any
    root: Any

    def state(self) -> dict[str, Any]:
        """Everything that the stage says of itself: T, steps, time, n, names of the valleys, measurement."""
        return self.root.evaluate(STATE)

    def number(self, name: str) -> float:
        """A number that stands on the stage now.

        "T", "steps", "time", "n"; "E", "S", "F", "KL" of the balls, "E exact", "S exact", "F exact" at equilibrium;
        "share NAME" and "exact NAME" of the valley NAME; "crossing" (T*); "accuracy", "data loss" and "energy" of the
        network in the panel.
        """
        state = self.state()
        if name in ("T", "steps", "time", "n"):
            return state[name]
        if name == "crossing":
            return state["crossing"]["T"]
        if name in ("accuracy", "data loss", "energy"):
            return self._of_the_network(name)
        found, exact = state["measurement"], state["measurement"]["eq"]
        kind, _, valley = name.partition(" ")
        if kind in ("share", "exact"):
            shares = (found if kind == "share" else exact)["shares"]
            return _values(shares)[_index(state["names"], valley)]
        return exact[kind] if valley == "exact" else found[kind]

    def _of_the_network(self, name: str) -> float:
        row = self.root.locator(".under dt", has_text=re.compile(f"^{name}$")).locator("xpath=following-sibling::dd[1]")
        text = row.inner_text().replace("\u2212", "-")
        return float(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)

    def heat(self, T: float) -> float:
        """The slider of the temperature, moved to the position nearest to T; the temperature that it gives."""
        scale = self.state()["scale"]
        position = 0 if T <= 0 else round(1 + (POSITIONS - 1) * (math.log10(T / scale) - DECADES[0])
                                          / (DECADES[1] - DECADES[0]))
        self.root.get_by_role("slider", name="Temperature", exact=True).fill(str(min(max(position, 0), POSITIONS)))
        return self.number("T")

    def crossing(self) -> float:
        """As `heat`, at the mark T*."""
        return self.heat(self.number("crossing"))

    def press(self, name: str) -> None:
        """The button of the stage with these words."""
        self.root.get_by_role("button", name=name).first.click()

    def start(self, name: str) -> None:
        """Where the balls begin, by the words of its list."""
        self.root.get_by_label("Where the balls start").select_option(label=name)

    def point(self, x: float, y: float) -> None:
        """The pointer, moved over the stage to (x, y) as shares of its width and height."""
        box = self.root.locator(".view").bounding_box()
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def point_at(self, where: str) -> None:
        """The pointer over a "valley" (the deepest) or high up a "slope"."""
        x, y = self.root.evaluate("""(element, where) => {
            const { view, simulation } = element.thermoviz, { surface } = simulation, layout = view.layout();
            const [u, v] = surface.lowest, valley = layout.spot(u, v, surface.min);
            const high = layout.relief().filter(({ part }) => part > 0.75 && part < 0.95)
                .filter((spot) => view.pick(spot.x, spot.y)?.E > surface.min + 0.6 * (surface.ceiling - surface.min));
            const { x, y } = where === "valley" ? valley : high[Math.floor(high.length / 2)];
            return [x / layout.width, y / layout.height];
        }""", where)
        self.point(x, y)

    def do(self, gestures) -> None:
        """What a Promise of a preset says to do, one after the other: ("heat", T), ("press", words), ("steps", n)."""
        acts = {"heat": self.heat, "press": self.press, "steps": self.let_pass}
        for name, argument in gestures:
            acts[name](argument)

    def let_pass(self, steps: int) -> None:
        """Exactly so many more steps, in tenths of a second of the usual pace as the pictures would take them."""
        self.root.evaluate("""(element, [steps, most]) => {
            for (let left = steps; left > 0; left -= most) element.thermoviz.pass(Math.min(left, most));
        }""", [steps, TENTH_OF_A_SECOND])

    def wait_for_steps(self, steps: int) -> None:
        """Until the playing stage has taken so many more steps by itself."""
        begun = self.state()["steps"]
        self.page.wait_for_function("([element, n]) => element.thermoviz.state().steps >= n",
                                    arg=[self.root.element_handle(), begun + steps], timeout=PATIENCE_MS)


def _index(names: list[str], valley: str) -> int:
    """A valley that is both is called "deepest and widest"."""
    return next(k for k, name in enumerate(names) if valley in (name, *name.split(" and ")))


def _values(shares: Any) -> list[float]:
    """A typed array arrives as {"0": ..., "1": ...}."""
    return [shares[key] for key in sorted(shares, key=int)] if isinstance(shares, dict) else shares


def visit_stage(new_page, address: str, playing: bool = False, **settings: Any) -> Stage:
    """Opens the page at this address and waits until its stage stands.

    `playing`: False asks for reduced motion, so that the stage begins paused and only `let_pass` moves the balls.
    """
    page = new_page(**({} if playing else {"reduced_motion": "reduce"}), **settings)
    page.goto(address)
    root = page.locator(STAGE).first
    root.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function("(element) => element.thermoviz?.state().measurement", arg=root.element_handle(),
                           timeout=PATIENCE_MS)
    return Stage(page, root)
