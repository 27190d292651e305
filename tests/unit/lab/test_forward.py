from __future__ import annotations

import asyncio
import os
import socket

from appliance.lab import forward


def test_both_directions_are_joined_and_the_end_is_passed_on():
    async def scenario():
        async def shout(reader, writer):
            writer.write((await reader.read(100)).upper())
            await writer.drain()
            writer.close()

        far = await asyncio.start_server(shout, "127.0.0.1", 0)
        near = forward.listener()
        port = near.getsockname()[1]
        routes = {os.dup(near.fileno()): far.sockets[0].getsockname()[:2]}
        near.close()
        serving = asyncio.ensure_future(forward.serve(routes))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.read(), 5) == b"HELLO"
        writer.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        far.close()

    asyncio.run(scenario())


def test_an_unreachable_target_closes_the_connection():
    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            closed = reserved.getsockname()
        near = forward.listener()
        port = near.getsockname()[1]
        serving = asyncio.ensure_future(forward.serve({os.dup(near.fileno()): closed}))
        near.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(scenario())
