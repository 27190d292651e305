"""An app that takes its time, for connections that are open while something else happens.

`/stream` sends a piece each 20 ms for 2 s, every other path answers after 20 ms. Argument: its name.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

PORT = 8000
ANSWER_S = 0.02
PIECES = 100
PIECE = b"x" * 100


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: bytes) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if request.startswith(b"GET /stream "):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (PIECES * len(PIECE)))
                for _ in range(PIECES):
                    writer.write(PIECE)
                    await writer.drain()
                    await asyncio.sleep(0.02)
            else:
                await asyncio.sleep(ANSWER_S)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))
    writer.close()


async def main() -> None:
    name = sys.argv[1].encode()
    server = await asyncio.start_server(lambda r, w: talk(r, w, name), "127.0.0.1", PORT, backlog=1000)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
