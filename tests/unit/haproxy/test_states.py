"""HAProxy's own checks, as `show servers state` tells them."""

from __future__ import annotations

from dataclasses import replace

from appliance.haproxy.states import State, parse

HEAD = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port "
    "srv_check_addr srv_agent_addr srv_agent_port\n"
)


def line(address, port, op_state, check_state):
    return f"7 web 1 s {address} {op_state} 0 1 1 9 15 3 4 {check_state} 0 0 0 - {port} - 0 0 - - 0\n"


def test_servers_are_down_or_not_and_checked_or_not():
    reply = HEAD + line("10.0.0.1", 31000, 2, 6) + line("10.0.0.2", 31001, 0, 7) + line("::1", 1, 2, 0) + "\n"
    assert [(one.place, one.down, one.checked) for one in parse(reply)] == [
        ("10.0.0.1:31000", False, True),
        ("10.0.0.2:31001", True, True),
        ("[::1]:1", False, False),
    ]


def test_a_server_is_usable_unless_it_is_down_drained_or_in_maintenance():
    one = State("web", "s", 1, "10.0.0.1", 80, 2, 0, 1, checked=False)
    assert one.usable
    for administration in (0x01, 0x08, 0x20):
        assert not replace(one, administration=administration).usable
    assert not replace(one, operation=0).usable


def test_anything_else_is_no_servers():
    for reply in ("", "Permission denied\n", HEAD, HEAD + "1 2 3\n", "# be_id\nx\n"):
        assert parse(reply) == []
