"""What is for those who run the server: who is let in, health, metrics, the operator's page, quiet errors, the log."""

import asyncio
import json
import logging
import sys

import pytest
from test_server import asked

from thermoviz.core import logs
from thermoviz.dashboard.front import guard, health, operator
from thermoviz.dashboard.operating import counts as room
from thermoviz.dashboard.operating import house, metrics
from thermoviz.dashboard.operating.counts import Counts, Spread
from thermoviz.engine.accounts import Account, Standing, Underway

HOST = (b"host", b"lab.example.org")
SECRET = "correct-horse-battery"
DONE = Account("0123456789abcdef", "second_law", "a1b2c3", 0.5, 2.0, 1.5, 1, "done")
FAILED = DONE._replace(outcome="failed", reason="Too <large>.", attempts=0)


class Anything:
    """What stands behind: says where it was asked."""

    def __init__(self):
        self.asked = []

    async def __call__(self, scope, receive, send):
        self.asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})


# Who is let in


def test_the_house_lets_in_as_many_as_it_has_places():
    here = {"a", "b", "c"}
    inn = house.House(2, here.__contains__)
    assert [inn.admit(one) for one in "abc"] == [True, True, False] and inn.inside() == 2
    assert inn.admit("a"), "who is inside stays"
    here.discard("b")  # closed, or vanished
    assert inn.admit("c") and inn.inside() == 2
    here.add("b")
    assert inn.admit("b", known=True), "whose line broke comes back, though it is full"
    assert not inn.admit("d")


# Health


def test_health_is_that_of_the_workers(monkeypatch):
    behind = Anything()
    app = health.Health(behind)
    for why, status, text in (("", 200, b"ok\n"), ("no worker answers", 503, b"no worker answers\n")):
        monkeypatch.setattr(health, "ailing", lambda why=why: why)
        assert asked(app, "/healthz")[::2] == (status, text)
    assert asked(app, "/other")[2] == b"behind" and behind.asked == ["/other"]


def test_an_engine_that_does_not_answer_is_not_well(monkeypatch):
    import threading

    never = threading.Event()
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(health, "ailing", never.wait)
    try:
        async def ask():
            sent = []

            async def send(message):
                sent.append(message)

            await health.Health(Anything())({"type": "http", "method": "GET", "path": "/healthz", "headers": []},
                                            None, send)
            never.set()  # the thread that hangs ends before the loop does
            return sent

        assert asyncio.run(ask())[0]["status"] == 503
    finally:
        never.set()


# The operator's page


@pytest.fixture
def filled(monkeypatch, tmp_path):
    """An engine at work, and counts of a day."""
    from thermoviz.engine import Store

    class Engine:
        store = Store(tmp_path)

        def standing(self):
            from collections import Counter

            return Standing(3, 2, (Underway("fedcba9876543210", "descent", "c4d5e6", 0.25, 7.0),),
                            Counter(known=5, new=2), "")

        def notice(self):
            return ""

    made, counts = Engine(), Counts()
    for module in (operator, metrics):
        monkeypatch.setattr(module, "engine", lambda: made)
        monkeypatch.setattr(module, "counts", counts)
    monkeypatch.setattr(operator, "standing", made.standing)
    counts.job(DONE)
    counts.job(FAILED)
    counts.opened, counts.closed = 7, 3
    return counts


def test_who_knows_the_secret_sees_the_page(filled):
    app = operator.Operator(Anything(), secret=SECRET)
    status, headers, _body = asked(app, "/operator", f"secret={SECRET}".encode(), [HOST])
    assert status == 303 and headers[b"location"] == b"./operator"
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and SECRET not in cookie
    for header in ((b"cookie", cookie.partition(";")[0].encode()), (b"authorization", f"Bearer {SECRET}".encode())):
        status, headers, body = asked(app, "/operator", headers=[HOST, header])
        page = body.decode()
        assert status == 200 and headers[b"cache-control"] == b"no-store" and b"script" not in body
        assert 'http-equiv="refresh"' in page and "descent" in page and "c4d5e6" in page
        assert "Too &lt;large&gt;." in page and "second_law 0123456789abcdef" in page


@pytest.mark.parametrize("query, headers", [
    (b"", []), (b"secret=wrong", []), (b"secret=", []), (b"", [(b"authorization", b"Bearer wrong")]),
    (b"", [(b"cookie", b"thermoviz_operator=" + b"0" * 64)]), (b"secret=\xff\xfe", []),
])
def test_who_does_not_is_answered_as_if_there_were_no_page(filled, query, headers):
    with_page, without = Anything(), Anything()
    assert (asked(operator.Operator(with_page, secret=SECRET), "/operator", query, [HOST, *headers])
            == asked(operator.Operator(without), "/operator", query, [HOST, *headers]))
    assert with_page.asked == without.asked == ["/operator"]


def test_wrong_secrets_are_tried_only_so_often():
    now = [0.0]
    lock = operator.Lock(SECRET, lambda: now[0])
    assert not any(lock.opens(f"wrong {n}") for n in range(operator.TRIES))
    assert not lock.opens(SECRET), "after too many wrong ones not even the right one"
    assert lock.knows(lock.token), "who is in stays in"
    now[0] += operator.TRIES_SECONDS
    assert lock.opens(SECRET)


# Metrics


def test_prometheus_reads_the_numbers(filled):
    from prometheus_client import generate_latest
    from prometheus_client.parser import text_string_to_metric_families

    text = generate_latest(metrics.registry()).decode()
    found = {(sample.name, *sample.labels.values()): sample.value
             for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["thermoviz_queue_length",] == 3 and found["thermoviz_workers",] == 2
    assert found["thermoviz_workers_busy",] == 1 and found["thermoviz_healthy",] == 1
    assert found["thermoviz_jobs_total", "done"] == found["thermoviz_jobs_total", "failed"] == 1
    assert found["thermoviz_questions_total", "known"] == 5
    assert found["thermoviz_job_seconds_bucket", "3"] == found["thermoviz_job_seconds_count",] == 1
    assert found["thermoviz_job_seconds_bucket", "1"] == 0 and found["thermoviz_job_seconds_sum",] == 2
    assert found["thermoviz_wait_seconds_count",] == 2 and found["thermoviz_sessions_opened_total",] == 7
    assert {"thermoviz_store_bytes", "thermoviz_store_evictions_total", "thermoviz_rerun_seconds_count",
            "thermoviz_sessions"} <= {key[0] for key in found}
    if sys.platform == "linux":
        assert found["process_resident_memory_bytes",] > 0


def test_a_port_that_is_taken_is_said_and_the_server_goes_on(caplog):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        metrics.listen(taken.getsockname()[1], "127.0.0.1")
    assert "no metrics: port" in caplog.text


def test_a_spread_counts_up_to_each_bound():
    spread = Spread((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        spread.add(seconds)
    assert spread.buckets() == [("1", 2), ("2", 3), ("+Inf", 4)] and (spread.number, spread.total) == (4, 12.0)


# Errors and the log


def test_what_fails_on_a_page_is_one_sentence_there_and_all_of_it_in_the_log(lab_page, monkeypatch, caplog):
    from streamlit.testing.v1 import AppTest

    def draw():
        from thermoviz.dashboard.front.guard import say_quietly

        try:
            raise ValueError("the inside of the server")
        except ValueError as error:
            assert say_quietly(error) is True

    app = AppTest.from_function(draw).run()
    said, = [one.value for one in app.error]
    assert "reference" in said and "inside" not in said and not app.exception
    reference = said.partition("reference ")[2][:8]
    record = next(one for one in caplog.records if getattr(one, "fields", {}).get("reference") == reference)
    assert "the inside of the server" in str(record.exc_info[1])


def line(formatter, level=logging.INFO, event="job", error=None, **fields):
    record = logging.LogRecord("thermoviz.server", level, "", 0, event, (), error)
    record.fields = fields
    return formatter.format(record)


def test_json_lines_are_one_object_each():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        text = line(logs.Json(), logging.ERROR, "a \"bad\"\nthing", sys.exc_info(), kind="sécond", waited=1 / 3)
    assert "\n" not in text
    told = json.loads(text)
    assert told["event"] == 'a "bad"\nthing' and told["waited"] == 0.3333 and "two\nlines" in told["trace"]
    assert told["level"] == "error" and told["at"].endswith("Z")


def test_text_lines_are_for_people():
    said = line(logs.Text(), id="0f", reason="", waited=1 / 3, why="two words")
    assert said.partition(" ")[2] == 'thermoviz job id=0f reason="" waited=0.333 why="two words"'
    assert line(logs.Text(), logging.WARNING, "died").endswith("thermoviz warning: died")


@pytest.mark.parametrize("chosen, terminal, kind", [("auto", True, logs.Text), ("auto", False, logs.Json),
                                                    ("text", False, logs.Text), ("json", True, logs.Json)])
def test_the_format_is_as_set(setting, monkeypatch, chosen, terminal, kind):
    setting(log=chosen)
    monkeypatch.setattr(logs.sys.stderr, "isatty", lambda: terminal, raising=False)
    assert type(logs.formatter()) is kind


def test_a_job_and_a_session_are_told_with_their_numbers(caplog):
    caplog.set_level(logging.INFO, "thermoviz")
    counts = room.Counts()
    counts.job(DONE)
    with counts.session():
        pass
    assert [one.fields for one in caplog.records] == [
        DONE._asdict(), {"opened": 1, "closed": 0}, {"opened": 1, "closed": 1}]


# The door, without a server


def test_more_than_a_form_is_not_read_even_where_no_length_is_said():
    async def body():
        return {"type": "http.request", "body": b"0" * 40_000, "more_body": True}

    async def read():
        limited = guard._at_most(body)
        return [(await limited())["type"] for _ in range(3)]

    assert asyncio.run(read()) == ["http.request", "http.disconnect", "http.disconnect"]


@pytest.mark.parametrize("path, host, status", [("/healthz", None, 404), ("/healthz", b"localhost", 404),
                                               ("/healthz", b"evil.example", 421), ("/", None, 421)])
def test_health_is_asked_by_machines_that_know_no_name(setting, path, host, status):
    """404 is what stands behind the door here."""
    setting(hosts="lab.example.org")
    assert asked(guard.Door(Anything()), path, headers=[(b"host", host)] if host else [])[0] == status


def test_names_are_read_as_written():
    assert guard.names(" Lab.example.org , *.b.example.,") == ("lab.example.org", "*.b.example")
    assert guard.names(None) == ()
