"""Main-thread CPU per frame of the live stage, drawing calls stubbed, beside a Plotly animation of the same scene.

Three figures in headless Chromium, all from the browser's own thread clock (other processes do not count): the balls
and their read-outs alone (four substeps per frame, read-outs at every 15th), the whole stage, and a Plotly surface with
the same balls moved by animation frames. The whole stage is given a screen of exactly 60 pictures a second: each of the
browser's own frames, however late, counts as 1/60 s and takes exactly four substeps, so that neither catching up
nor a busy machine changes what one frame holds. Run alone: `python -m benchmarks.stage_cpu`.
"""

import functools
import http.server
import json
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import plotly

import thermoviz as tv
from thermoviz.stage.html import page as stage_page
from thermoviz.stage.payload import ASSETS, payload

from .clock import Row

SUBSTEPS = 4  # per frame
GOALS = {1_000: 1.5, 10_000: 4.0, 20_000: 8.0}  # milliseconds
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]
STUB = """
for (const type of [WebGLRenderingContext, WebGL2RenderingContext])
  for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"])
    if (type.prototype[name]) type.prototype[name] = () => {};
"""
SIXTY_HERTZ = """
const next = window.requestAnimationFrame.bind(window);
window.pictures = 0;
window.requestAnimationFrame = (draw) => next(() => { window.pictures += 1; draw(1000 * window.pictures / 60); });
"""
STAGE = """[...document.querySelectorAll("main div")].map((e) => e.shadowRoot?.querySelector(".tv")).find(Boolean)
  ?.thermoviz"""
BALLS = """async ({ message, n }) => {
  const [{ createSurface }, { createBalls }, { createStatistics }] = await Promise.all(
    ["surface", "physics", "statistics"].map((name) => import(`/assets/${name}.js`)));
  const surface = createSurface(message.surface, message.basins), T = message.temperature;
  const balls = createBalls(surface, { n, seed: 1 }), statistics = createStatistics(surface);
  balls.place("boltzmann", { T });
  window.frames = (count) => {
    for (let k = 0; k < count; k++) {
      balls.step(T, 4);
      if (k % 15 === 0) statistics.measure(balls, T);
    }
  };
  window.frames(200);
}"""
PLOTLY = """async ({ E, xs, ys, T, n }) => {
  const scatter = () => {
    const pick = (range) => Array.from({ length: n }, () => range[0] + Math.random() * (range[1] - range[0]));
    return { type: "scatter3d", mode: "markers", x: pick(xs), y: pick(ys), z: pick([0, T]), marker: { size: 3 } };
  };
  const root = document.body.appendChild(document.createElement("div"));
  await Plotly.newPlot(root, [{ type: "surface", z: E }, scatter()], { width: 900, height: 700 });
  const frame = (_, k) => ({ name: String(k), data: [scatter()], traces: [1] });
  await Plotly.addFrames(root, Array.from({ length: 10 }, frame));
  const settings = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
  window.frames = async (count) => {
    for (let k = 0; k < count; k++) await Plotly.animate(root, [String(k % 10)], settings);
  };
  await window.frames(2);
}"""


class _Files(http.server.SimpleHTTPRequestHandler):
    """The stage's modules, Plotly's script, and a stage as `/stage` made by the server's `stage`."""

    def log_message(self, *parts: Any) -> None:
        pass

    def translate_path(self, path: str) -> str:
        folder, _, name = path.strip("/").partition("/")
        roots = {"assets": ASSETS, "plotly": Path(plotly.__file__).parent / "package_data"}
        return str(roots.get(folder, ASSETS) / Path(name).name)

    def do_GET(self) -> None:
        if self.path not in ("/", "/stage"):
            return super().do_GET()
        text = getattr(self.server, "stage", "") if self.path == "/stage" else "<!doctype html><meta charset=utf-8>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def _browser() -> Iterator[tuple[Any, Any, str]]:
    """(browser, server, address) for the time of the benchmark."""
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None), args=FLAGS)
        yield browser, server, f"http://127.0.0.1:{server.server_port}"
        browser.close()
    server.shutdown()
    server.server_close()


class _Clock:
    """CPU seconds that the page's main thread has worked."""

    def __init__(self, page: Any) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")


def _page(browser: Any, address: str, script: str = "") -> Any:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.add_init_script(STUB + script)
    page.goto(address)
    return page


def _per_frame(page: Any, frames: int) -> float:
    """Milliseconds of main-thread CPU per call of the page's own `frames`."""
    clock = _Clock(page)
    before = clock.seconds()
    page.evaluate(f"window.frames({frames})")
    return 1000 * (clock.seconds() - before) / frames


def _whole_stage(browser: Any, server: Any, address: str, message: dict[str, Any], frames: int = 240) -> float:
    """Milliseconds of main-thread CPU per frame of the stage, running by itself: median of five stretches."""
    server.stage = stage_page(message)
    page = _page(browser, f"{address}/stage", SIXTY_HERTZ)
    page.evaluate(f"() => ({STAGE}).simulation.setPace({SUBSTEPS})")
    clock, seconds = _Clock(page), []
    _let_pass(page, frames)
    for _ in range(5):
        (spent, steps, pictures) = (clock.seconds(), *_let_pass(page, 0))
        after = _let_pass(page, frames)
        if after[0] - steps != SUBSTEPS * (after[1] - pictures):
            raise RuntimeError(f"{after[0] - steps} substeps in {after[1] - pictures} frames")
        seconds.append((clock.seconds() - spent) / (after[1] - pictures))
    page.close()
    return 1000 * statistics.median(seconds)


def _let_pass(page: Any, frames: int) -> tuple[int, int]:
    """(substeps, frames) since the start, after so many more frames."""
    steps, pictures = page.evaluate(f"""async (frames) => {{
      const stage = {STAGE}, end = window.pictures + frames;
      while (window.pictures < end) await new Promise((resolve) => setTimeout(resolve, 50));
      return [stage.simulation.balls.steps, window.pictures];
    }}""", frames)
    return steps, pictures


def rows() -> list[Row]:
    run = tv.run(tv.Potential(tv.MuellerBrown(), tolerance=0))
    made = []
    with _browser() as (browser, server, address):
        for n, goal in GOALS.items():
            message = payload(run, n_balls=n)
            page = _page(browser, address)
            page.evaluate(BALLS, {"message": message, "n": n})
            own = _per_frame(page, 300)
            page.close()
            page = _page(browser, address)
            page.add_script_tag(url=f"{address}/plotly/plotly.min.js")
            xs, ys = run.surface.bounds
            page.evaluate(PLOTLY, {"E": run.surface.E.T.tolist(), "xs": xs, "ys": ys, "T": run.surface.scale, "n": n})
            peer = _per_frame(page, 20)
            page.close()
            stage = _whole_stage(browser, server, address, message)
            made += [Row(f"{n:,} balls, {what}, per frame", value, "ms", f"{goal:g} ms", peer, "Plotly animation")
                     for what, value in (("four substeps and read-outs", own), ("the whole stage", stage))]
    return made


if __name__ == "__main__":
    for row in rows():
        print(json.dumps({"work": row.work, "ms": round(row.value, 3), "plotly_ms": round(row.peer or 0, 1),
                          "ratio": round(row.ratio or 0, 1), "goal": row.goal}))
