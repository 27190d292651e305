"""An app that takes its time, for connections that are open while something else happens.

`/stream` sends a piece each 20 ms for 2 s, `/stay` until the client goes; all else is answered after 20 ms.
Arguments: its name, and its port if that is not 8000.
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
            elif request.startswith(b"GET /stay "):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:  # until it raises
                    writer.write(PIECE)
                    await writer.drain()
                    await asyncio.sleep(0.02)
            else:
                await asyncio.sleep(ANSWER_S)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))
    writer.close()


async def main() -> None:
    name, port = sys.argv[1].encode(), int(sys.argv[2]) if len(sys.argv) > 2 else PORT
    server = await asyncio.start_server(lambda r, w: talk(r, w, name), "127.0.0.1", port, backlog=1000)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
