"""Which servers a reload may not forget."""

from __future__ import annotations

from appliance.haproxy.kept_states import NOTHING, kept

HEAD = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state"
CONFIG = """
backend a_80
  balance roundrobin
  server one 10.0.0.1:1 id 1 check inter 5s
  server two 10.0.0.2:1 id 2 check inter 5s

backend b_80
  balance roundrobin
  server one 10.0.0.1:1 id 1
"""


def lines(*entries, after=CONFIG):
    return kept("\n".join(("1", HEAD, *entries)), CONFIG, after).splitlines()[2:]


def test_who_is_down_or_was_told_to_rest_is_kept():
    down, drained = "3 a_80 1 one 10.0.0.1 0 0", "4 b_80 1 one 10.0.0.1 2 8"
    assert lines(down, "3 a_80 2 two 10.0.0.2 2 0", drained) == [down, drained]


def test_what_the_configuration_says_is_not():
    assert lines("3 a_80 1 one 10.0.0.1 0 4", "3 a_80 2 two 10.0.0.2 0 2") == []


def test_a_server_that_nobody_would_check_again_is_not_kept_down():
    assert lines("4 b_80 1 one 10.0.0.1 0 0") == []


def test_whose_line_or_backend_changed_begins_anew():
    down = "3 a_80 1 one 10.0.0.1 0 0", "3 a_80 2 two 10.0.0.2 0 0"
    assert lines(*down, after=CONFIG.replace("10.0.0.1:1 id 1 check", "10.0.0.9:1 id 1 check")) == [down[1]]
    assert lines(*down, after=CONFIG.replace("  balance roundrobin", "  balance source", 1)) == []
    assert lines(*down, after="") == []


def test_another_reply_is_nothing():
    for reply in ("", "no such command", "1\n# something else\n3 a_80 1 one 10.0.0.1 0 0"):
        assert kept(reply, CONFIG, CONFIG) == NOTHING
