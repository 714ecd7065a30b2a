"""How tests start a browser, read its pages and walk through the app."""

import os
import shutil

PATIENCE_S = 600  # after which a page must hang

# Software WebGL2 in headless Chromium, for the stage alone: to put whole pages together by it costs five times as much
# as all else. The rest keeps the browser from calling home on a closed network.
CHROMIUM_FLAGS = [
    "--disable-gpu-compositing", "--disable-gpu-rasterization",
    "--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]


def visible(page) -> str:
    """The first of a page's words; why they cannot be had where the page hangs."""
    try:
        return page.locator("body").inner_text(timeout=5000)[:3000]
    except Exception as error:  # whatever it is, it must not hide why the test failed
        return f"not to be had: {error}"


def chromium_path() -> str | None:
    """The system's Chromium, or None for Playwright's own."""
    named = os.environ.get("THERMOVIZ_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def after_pictures(page, n=3):
    """Waits until the browser has drawn the page n more times: what was asked of it is on the screen by then."""
    page.evaluate("""(n) => new Promise((drawn) => {
        const next = () => (n-- > 0 ? requestAnimationFrame(next) : drawn());
        next();
    })""", n)


def go_to(app, name: str):
    """Walks to another page of an AppTest of the whole app, as a click in the menu does; `name`: its address."""
    from streamlit.util import calc_hash

    app._page_hash = calc_hash(name)  # AppTest itself finds pages that are files
    return app.run()


def lab_alone(kind: str):
    """An AppTest of one lab's page without the app's own start; not run yet."""
    from streamlit.testing.v1 import AppTest

    def draw(kind):
        from thermoviz.dashboard.lab import lab_page

        lab_page(kind)

    return AppTest.from_function(draw, args=(kind,), default_timeout=PATIENCE_S)
