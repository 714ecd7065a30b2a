"""Main-thread CPU per frame of the live stage, drawing calls stubbed, beside a Plotly animation of the same scene.

Three figures in headless Chromium, all from the browser's own thread clock (other processes do not count): the balls
and their read-outs alone (four substeps per frame, read-outs at every 15th), the whole stage as a visitor runs it, and
a Plotly surface with the same balls moved by animation frames. Run alone: `python -m benchmarks.stage_cpu`.
"""

import functools
import http.server
import json
import shutil
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

GOALS = {1_000: 1.5, 10_000: 4.0, 20_000: 8.0}  # milliseconds
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]
STUB = """
for (const type of [WebGLRenderingContext, WebGL2RenderingContext])
  for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"])
    if (type.prototype[name]) type.prototype[name] = () => {};
window.frames_drawn = 0;
const count = () => { window.frames_drawn += 1; requestAnimationFrame(count); };
requestAnimationFrame(count);
"""
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


def _page(browser: Any, address: str) -> Any:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.add_init_script(STUB)
    page.goto(address)
    return page


def _per_frame(page: Any, frames: int) -> float:
    """Milliseconds of main-thread CPU per call of the page's own `frames`."""
    clock = _Clock(page)
    before = clock.seconds()
    page.evaluate(f"window.frames({frames})")
    return 1000 * (clock.seconds() - before) / frames


def _whole_stage(browser: Any, server: Any, address: str, message: dict[str, Any], seconds: float = 4.0) -> float:
    """Milliseconds of main-thread CPU per drawn frame of the stage, running by itself."""
    server.stage = stage_page(message)
    page = _page(browser, f"{address}/stage")
    page.wait_for_timeout(2000)
    clock = _Clock(page)
    before, drawn = clock.seconds(), page.evaluate("window.frames_drawn")
    page.wait_for_timeout(1000 * seconds)
    spent, drawn = clock.seconds() - before, page.evaluate("window.frames_drawn") - drawn
    page.close()
    return 1000 * spent / max(drawn, 1)


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
