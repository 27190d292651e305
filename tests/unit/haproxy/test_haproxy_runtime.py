from __future__ import annotations

import socket

import pytest

from appliance.errors import EngineError, SilentError
from appliance.haproxy import runtime

PROC = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
1162            master          5 [failed: 1]   0d00h02m07s     2.6.12
# workers
1271            worker          1               0d00h00m00s     2.6.12
# old workers
1233            worker          3               0d00h00m43s     2.6.12
1240            worker          2               0d00h00m43s     2.6.12
# programs

"""


def test_processes_are_read_by_section():
    found = runtime.parse_processes(PROC)
    assert found == runtime.Processes(1162, 1, (1271,), (1233, 1240))
    assert found.pids == (1162, 1271, 1233, 1240)


@pytest.mark.parametrize("text", ["", "Unknown command", "# workers\n"])
def test_another_reply_is_no_master(text):
    with pytest.raises(ValueError, match="no master"):
        runtime.parse_processes(text)


def test_nobody_at_the_socket_is_one_clear_line(tmp_path):
    with pytest.raises(EngineError, match=r"does not answer on .*no\.sock: No such file"):
        runtime.command(tmp_path / "no.sock", "show info")


def test_a_master_that_takes_the_question_and_does_not_answer_is_silent(tmp_path):
    path = tmp_path / "m.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(SilentError, match="does not answer on"):
            runtime.command(path, "show info", timeout_s=0.05)
