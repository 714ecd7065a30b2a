"""CPU of the server for a rerun in which nothing changed, of every page, beside a stock Streamlit app in the same run.

The two are asked in turn, so that a busy machine hinders both alike.
"""

import asyncio
import contextlib
import statistics
import tempfile
from pathlib import Path

from thermoviz.catalogue import LABS

from .clock import Row
from .first_picture import ROOT, serving
from .visitors import STOCK_APP, Visitor, cpu_seconds, visitor

PAGES = ("", *(f"kind={kind}" for kind in LABS), "kind=about")
ROUNDS, RERUNS = 5, 8


async def _cpu(guest: Visitor, query: str, pid: int) -> float:
    """CPU seconds of one of RERUNS reruns."""
    begun = cpu_seconds(pid)
    for _ in range(RERUNS):
        answer = await guest.rerun(query)
        if answer.exceptions or answer.whole == "":
            raise SystemExit(f"The page {query!r} is not as it should be: {answer}")
    return (cpu_seconds(pid) - begun) / RERUNS


async def measured(pages: tuple[str, ...] = PAGES) -> dict[str, tuple[float, float]]:
    """page -> (CPU seconds of a rerun, of the stock app's): medians of ROUNDS rounds."""
    found = {}
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stock_app = Path(folder) / "stock.py"
        stock_app.write_text(STOCK_APP)
        stock_address, stock_pid = stack.enter_context(serving(stock_app, folder))
        address, pid = stack.enter_context(serving(ROOT / "app.py", folder))
        stock = await stack.enter_async_context(visitor(stock_address))
        await stock.see("")
        for page in pages:
            async with visitor(address) as guest:
                await guest.see(page)
                await guest.rerun(page)
                rounds = [(await _cpu(guest, page, pid), await _cpu(stock, "", stock_pid)) for _ in range(ROUNDS)]
            found[page] = tuple(statistics.median(column) for column in zip(*rounds, strict=True))
    return found


def rows() -> list[Row]:
    return [Row(f"CPU of a rerun in which nothing changed: {page.removeprefix('kind=') or 'landscape'}", ours, "s",
                ">= 1 x, aim 2 x", stock, "stock Streamlit app")
            for page, (ours, stock) in asyncio.run(measured()).items()]
