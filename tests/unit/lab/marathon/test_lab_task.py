"""How a task finds the requests in what it received."""

from __future__ import annotations

import pytest

from appliance.lab.marathon.task import split

HEAD = b"POST / HTTP/1.1\r\nHost: a"


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (b"GET / HTTP/1.1\r\nHo", (None, b"GET / HTTP/1.1\r\nHo")),
        (HEAD + b"\r\n\r\nnext", (HEAD, b"next")),
        (HEAD + b"\r\nContent-Length: 3\r\n\r\nab", (None, HEAD + b"\r\nContent-Length: 3\r\n\r\nab")),
        (HEAD + b"\r\nContent-Length: 3\r\n\r\nabcnext", (HEAD + b"\r\nContent-Length: 3", b"next")),
        (
            HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nnext",
            (HEAD + b"\r\nTransfer-Encoding: chunked", b"next"),
        ),
    ],
)
def test_requests_are_taken_one_by_one(received, found):
    assert split(received) == found
