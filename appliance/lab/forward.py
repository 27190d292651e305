"""Lets this machine's browser reach into the lab: `python -m appliance.lab.forward FD=HOST:PORT …`.

The listening sockets come from outside (127.0.0.1 of this machine), the connections are made in here, in the
client's network namespace. Nothing gets out of the lab by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

_CHUNK = 65536


def listener() -> socket.socket:
    """A socket listening on this machine's loopback, on a free port."""
    made = socket.create_server(("127.0.0.1", 0))
    made.set_inheritable(True)
    return made


async def serve(routes: dict[int, tuple[str, int]]) -> None:
    """Join every connection to the listening descriptor `fd` with one to `routes[fd]`, for ever."""
    servers = [await _serve_one(fd, host, port) for fd, (host, port) in routes.items()]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _serve_one(fd: int, host: str, port: int) -> asyncio.AbstractServer:
    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
        except (OSError, asyncio.TimeoutError):
            writer.close()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    return await asyncio.start_server(joined, sock=socket.socket(fileno=fd))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


def _routes(words: list[str]) -> dict[int, tuple[str, int]]:
    routes = {}
    for word in words:
        fd, _, target = word.partition("=")
        host, _, port = target.rpartition(":")
        routes[int(fd)] = (host, int(port))
    return routes


if __name__ == "__main__":
    asyncio.run(serve(_routes(sys.argv[1:])))
