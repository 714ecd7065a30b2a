"""Visitors without a browser: they speak with a Streamlit server over its websocket, as its page in a browser does."""

import asyncio
import contextlib
import dataclasses
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

PATIENCE_S = 300
# The yardstick: what a page of Streamlit's costs by itself, with one chart and one control.
STOCK_APP = """
import numpy as np, plotly.graph_objects as go, streamlit as st
st.title("stock")
st.plotly_chart(go.Figure(go.Scatter(y=np.arange(1000.0))), key="chart")
st.slider("x", 0, 10)
"""


@dataclasses.dataclass
class Answer:
    """What came back: seconds until the script was done, bytes, exceptions, whose numbers the page shows.

    `whole`: "data-run" of the headline, which is empty while a lab's run is not there; None on a page without one.
    """

    seconds: float = 0.0
    bytes: int = 0
    exceptions: int = 0
    whole: str | None = None

    def hear(self, message: Any) -> bool:
        """Whether it was the last message."""
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            self.exceptions += element.WhichOneof("type") == "exception"
            if found := re.search(r'data-run="(\w*)"', element.html.body):
                self.whole = found[1]
        if kind != "script_finished":
            return False
        self.exceptions += message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR
        return message.script_finished in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


class Visitor:
    """One open page."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def rerun(self, query: str) -> Answer:
        """Runs the script for the address `?query`, and waits until it is done."""
        message = BackMsg()
        message.rerun_script.query_string = query
        begun, answer = time.perf_counter(), Answer()
        await self.socket.send(message.SerializeToString())
        done = False
        while not done:
            raw = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            answer.bytes += len(raw)
            message = ForwardMsg()
            message.ParseFromString(raw)
            done = answer.hear(message)
        answer.seconds = time.perf_counter() - begun
        return answer

    async def see(self, query: str) -> Answer:
        """Opens the page, and waits until all that it shows is computed."""
        answer = await self.rerun(query)
        while answer.whole == "":
            await asyncio.sleep(0.5)
            answer = await self.rerun(query)
        return answer


@contextlib.asynccontextmanager
async def visitor(address: str) -> AsyncIterator[Visitor]:
    """Somebody opens the app at `address` (http://...)."""
    place = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(place, subprotocols=["streamlit"], max_size=None, ping_interval=None,  # type: ignore[list-item]
                                  open_timeout=PATIENCE_S) as socket:
        yield Visitor(socket)


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used so far, its threads included; Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """MB of a process that are in memory now; Linux."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
