"""The stage's computing modules in a real browser: served on loopback, called from Python."""

import functools
import http.server
import threading
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "thermoviz" / "stage" / "assets"
MODULES = ("surface", "physics", "programmes", "random", "neighbours", "statistics", "equilibrium", "network")
PAGE = b"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>modules</title>"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *parts):
        pass

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)


class Modules:
    """`modules(body, argument)` runs an async JavaScript body in which every module is a name (`surface`, ...)."""

    def __init__(self, page):
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(ASSETS)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.page = page
        page.goto(f"http://127.0.0.1:{self.server.server_port}/")

    def __call__(self, body, argument=None):
        imports = "".join(f"const {name} = await import('/{name}.js');" for name in MODULES)
        return self.page.evaluate(f"async (argument) => {{ {imports} {body} }}", argument)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
