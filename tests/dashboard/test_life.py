"""The server as a process: what it says, what it refuses at the door, and how it ends."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import websockets

from benchmarks.visitors import visitor
from thermoviz.core.settings import Settings, variable
from thermoviz.runs.run import open_run

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
LONG = "kind=heat_bath&v=4&steps=200000&replicas=128&seed="  # takes longer than any test of its end


class Served:
    """A server of its own: `address`, `process`, and what it has said so far. `before`: a command that runs it."""

    def __init__(self, folder, before=(), **settings):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            self.port = listening.getsockname()[1]
        self.folder, self.address = folder, f"http://127.0.0.1:{self.port}"
        ours = {variable(name) for name in Settings.model_fields}
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        settings = {"store": folder / "store", "warm": 0, "log": "json"} | settings
        environment |= {variable(name): str(value) for name, value in settings.items()}
        with open(folder / "said", "w") as said:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "thermoviz", "serve", "--port", str(self.port),
                 "--address", "127.0.0.1"],
                cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        self.wait_for(lambda: any(line.get("event") == "server started" for line in self.lines()) and self.answers())

    def answers(self):
        with contextlib.suppress(OSError):
            return self.get("/_stcore/health")[0] == 200
        return False

    def get(self, path, method="GET", body=None, **headers):
        """(status, headers, text) of what is answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=body,
                               headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    @property
    def said(self):
        return (self.folder / "said").read_text()

    def lines(self):
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]

    def events(self, event):
        return [line for line in self.lines() if line["event"] == event]

    def wait_for(self, condition):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None and time.monotonic() < until, self.said
            time.sleep(0.05)

    def workers(self):
        """The processes that compute for it, and those that compute for them."""
        found, todo = [], [self.process.pid]
        while todo:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{todo.pop()}/task").iterdir():
                    todo += (begun := [int(pid) for pid in (task / "children").read_text().split()])
                    found += [pid for pid in begun if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def serve(tmp_path):
    """Starts servers with settings: `serve(hosts="example.org")`."""
    begun = []

    def start(**settings):
        folder = tmp_path / str(len(begun))
        folder.mkdir()
        begun.append(Served(folder, **settings))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


def is_there(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def computing(server, seed):
    """Somebody who waits for something long, for as long as the server lives."""
    with contextlib.suppress(websockets.ConnectionClosed):
        async with visitor(server.address) as guest:
            while True:
                await guest.rerun(LONG + str(seed))
                await asyncio.sleep(0.2)


async def ended_while_computing(server, number):
    """Sends the signal once a worker computes; returns the processes that were there."""
    guests = [asyncio.create_task(computing(server, seed)) for seed in range(2)]
    jobs = server.folder / "store" / "jobs"

    def begun():
        return jobs.is_dir() and any(jobs.iterdir()) and server.workers()

    await asyncio.to_thread(server.wait_for, begun)
    workers = server.workers()
    server.process.send_signal(number)
    await asyncio.to_thread(server.process.wait, PATIENCE_S)
    for guest in guests:
        guest.cancel()
    await asyncio.gather(*guests, return_exceptions=True)
    return workers


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_ends_all_that_was_started_and_tears_nothing(serve, number):
    server = serve(workers=2)
    workers = asyncio.run(ended_while_computing(server, number))
    assert workers and not any(is_there(pid) for pid in workers), server.said
    store = server.folder / "store"
    assert not any((store / "jobs").iterdir()), "what computations write meanwhile goes with them"
    for file in (store / "runs").iterdir():
        open_run(file)
    assert server.events("server stopped"), "it ended in order, nobody had to be forced"
    assert [line["outcome"] for line in server.events("job")].count("cancelled") >= 1
    assert "Traceback" not in server.said


def test_a_worker_whose_server_was_killed_ends_too(serve):
    server = serve()
    workers = asyncio.run(ended_while_computing(server, signal.SIGKILL))
    until = time.monotonic() + PATIENCE_S
    while any(is_there(pid) for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.05)


async def seen(server, query):
    async with visitor(server.address) as guest:
        return await guest.see(query)


def test_each_job_and_session_is_a_line_and_none_says_who_it_was(serve):
    server = serve()
    answer = asyncio.run(seen(server, "kind=second_law&v=3&balls=64&seed=11"))
    assert answer.exceptions == 0
    server.wait_for(lambda: server.events("job") and server.events("session closed"))
    job, = server.events("job")
    assert job["outcome"] == "done" and job["kind"] == "second_law" and len(job["id"]) == 16
    assert job["attempts"] == 1 and job["computed"] >= 0 and job["waited"] >= 0 and job["cpu"] > 0
    assert len(job["visitor"]) == 6
    assert [line["closed"] for line in server.events("session closed")] == [1]
    server.end()
    assert all(line.startswith("{") for line in server.said.splitlines()), server.said
    for personal in ("127.0.0.1:", "ython-websockets", "Mozilla", job["visitor"] + "0"):
        assert personal not in server.said.replace(server.address, "")


def test_what_goes_wrong_in_a_worker_is_in_the_servers_log(serve):
    """A killed worker is tried again, and the log says so: a line of JSON as all others."""
    server = serve()

    async def kill_one():
        guest = asyncio.create_task(computing(server, 5))
        jobs = server.folder / "store" / "jobs"
        await asyncio.to_thread(server.wait_for, lambda: jobs.is_dir() and any(jobs.iterdir()))
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(server.wait_for, lambda: any("died" in line["event"] for line in server.lines()))
        guest.cancel()
        await asyncio.gather(guest, return_exceptions=True)

    asyncio.run(kill_one())
    line = next(line for line in server.lines() if "died" in line["event"])
    assert line["level"] == "warning" and line["from"] == "thermoviz.engine"


# The door


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A server for all questions at the door."""
    server = Served(tmp_path_factory.mktemp("door"), hosts="lab.example.org, *.physics.example")
    yield server
    server.end()


HOST = {"Host": "lab.example.org"}


@pytest.mark.parametrize("host, path, status", [
    ("lab.example.org", "/", 200), ("LAB.example.org:8501", "/", 200), ("a.physics.example", "/", 200),
    ("evil.example", "/", 421), ("physics.example.evil", "/", 421), ("lab.example.org@evil.example", "/", 421),
    ("localhost", "/", 421), ("localhost:1", "/_stcore/health", 200), ("127.0.0.1", "/_stcore/health", 200),
    ("evil.example", "/_stcore/health", 421), ("[::1", "/", 421),
])
def test_other_names_are_turned_away(one, host, path, status):
    answered, _headers, text = one.get(path, Host=host)
    assert answered == status
    assert status == 200 or text == "This server is not known by that name.\n"


def test_a_socket_by_another_name_is_turned_away(one):
    async def connect(**more):
        place = one.address.replace("http", "ws") + "/_stcore/stream"
        async with websockets.connect(place, subprotocols=["streamlit"], **more):
            return True

    with pytest.raises(websockets.InvalidStatus):
        asyncio.run(connect())


@pytest.mark.parametrize("method, path, body, headers, status", [
    ("GET", "/?" + "a" * 17_000, None, {}, 414),
    ("GET", "/", None, {"X-Much": "a" * 33_000}, 431),
    ("PUT", "/_stcore/upload_file/a/b", None, {"Content_Length": str(65 * 2**20)}, 413),
    ("PUT", "/_stcore/elsewhere", b"0" * 70_000, {}, 413),
    ("POST", "/", b"0" * 70_000, {}, 413),
    ("GET", "/_stcore/metrics", None, {}, 404),
])
def test_what_is_too_much_is_turned_away_in_a_sentence(one, method, path, body, headers, status):
    answered, _headers, text = one.get(path, method, body, **HOST, **headers)
    assert answered == status and text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


@pytest.mark.parametrize("message, code", [(b"\0" * 3_000_000, 1009), (b"no message of the page's", 1002),
                                           ("text", None)])
def test_a_socket_that_says_nonsense_is_closed_and_the_server_goes_on(one, message, code):
    async def say():
        place = f"ws://lab.example.org:{one.port}/_stcore/stream"
        async with websockets.connect(place, subprotocols=["streamlit"], host="127.0.0.1", max_size=None) as socket:
            await socket.send(message)
            heard = b""
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    heard += await socket.recv()
            return closed.value, heard

    closed, heard = asyncio.run(say())
    assert code is None or closed.rcvd.code == code
    assert b"Traceback" not in heard and b"site-packages" not in heard
    assert one.get("/_stcore/health", **HOST)[0] == 200


def test_an_upload_needs_its_token(one):
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nhello\r\n--x--\r\n'
    status, _headers, _text = one.get("/_stcore/upload_file/session/file", "PUT", body, **HOST,
                                      Content_Type="multipart/form-data; boundary=x")
    assert status == 403


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/second_law", "/picture/digits.png", "/nowhere.js"])
def test_what_is_answered_has_the_headers_that_browsers_heed(one, path):
    _status, headers, _text = one.get(path, **HOST) if not path.endswith("png") else one.get(path, "HEAD", **HOST)
    assert headers["x-content-type-options"] == "nosniff" and "object-src 'none'" in headers["content-security-policy"]
    assert "x-frame-options" not in headers, "a course's page may show it in a frame"
