"""Clients of the VIP that have connections open at any moment: fresh ones, kept ones, a long answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import slow_app
from vip_nodes import VIP, enter, until

FRESH_EACH_S = 0.005
KEPT = 20
KEPT_EACH_S = 0.05
KEPT_REQUESTS = 90
"""Then it is replaced, so that each owner has some of them."""
PATIENCE_S = 0.9
"""Shorter than the second after which TCP repeats a lost SYN: a lost packet of a handshake counts."""


class Clients(threading.Thread):
    """All of them in one event loop, inside the client's namespace."""

    def __init__(self, namespace: str) -> None:
        super().__init__(daemon=True)
        self._namespace = namespace
        self._ended = threading.Event()

        self._loop = asyncio.new_event_loop()
        self.good = {"fresh": 0, "kept": 0, "stream": 0}
        self.streams_begun = 0
        self.answered_by: dict[str, int] = {}
        self.failed: list[tuple[float, str, str]] = []

    def run(self) -> None:
        enter(self._namespace)
        self._loop.run_until_complete(self._all())
        self._loop.close()

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def stream(self) -> None:
        """Begin an answer of 2 s now."""
        asyncio.run_coroutine_threadsafe(self._ask("stream", "/stream", 4.0), self._loop)

    async def _all(self) -> None:
        kept = [asyncio.create_task(self._keep(n * KEPT_EACH_S / KEPT)) for n in range(KEPT)]
        fresh = set()
        due = time.monotonic()
        while not self._ended.is_set():
            due = max(due + FRESH_EACH_S, time.monotonic() - 0.05)
            task = asyncio.create_task(self._ask("fresh", "/", PATIENCE_S))
            fresh.add(task)
            task.add_done_callback(fresh.discard)
            await asyncio.sleep(due - time.monotonic())
        await asyncio.gather(*kept, *fresh)

    async def _ask(self, kind: str, path: str, patience_s: float) -> None:
        with self._judged(kind):
            await asyncio.wait_for(self._once(path, close=True), patience_s)

    async def _once(self, path: str, *, close: bool) -> None:
        reader, writer = await asyncio.open_connection(VIP, 80)
        try:
            await self._exchange(reader, writer, path, close=close)
        finally:
            writer.close()

    async def _keep(self, delay_s: float) -> None:
        """One connection for many requests; then the next."""
        await asyncio.sleep(delay_s)
        while not self._ended.is_set():
            with self._judged("kept"):
                reader, writer = await asyncio.open_connection(VIP, 80)
                for _ in range(KEPT_REQUESTS):
                    began = time.monotonic()
                    await asyncio.wait_for(self._exchange(reader, writer, "/", close=False), PATIENCE_S)
                    self.good["kept"] += 1
                    await asyncio.sleep(max(began + KEPT_EACH_S - time.monotonic(), 0))
                writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, *, close: bool
    ) -> None:
        last = "Connection: close\r\n" if close else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: shop\r\n{last}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        long = length > slow_app.PIECES
        self.streams_begun += long
        body = await reader.readexactly(length)
        if not long:
            self.answered_by[body.decode()] = self.answered_by.get(body.decode(), 0) + 1

    @contextlib.contextmanager
    def _judged(self, kind: str):
        try:
            yield
            self.good[kind] += 1
        except (OSError, AssertionError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            self.failed.append((time.monotonic(), kind, repr(error)))


@contextlib.contextmanager
def clients_of(namespace: str):
    clients = Clients(namespace)
    clients.start()
    try:
        until(lambda: clients.good["fresh"] and clients.good["kept"], what="first answers")
        yield clients
    finally:
        clients.stop()
