from __future__ import annotations

from appliance.haproxy.statistics import plain_csv, server_states


def test_what_modules_add_and_the_empty_line_are_left_out():
    new = '# pxname,svname,check_desc,-,h2,\nweb,s1,"a, ""b""",-,3,\nweb,BACKEND,,-,4,\n\n'
    assert plain_csv(new) == '# pxname,svname,check_desc,\nweb,s1,"a, ""b""",\nweb,BACKEND,,\n'


def test_what_was_plain_before_stays():
    old = "# pxname,svname,\nweb,s1,\n"
    assert plain_csv(old) == old


def test_the_states_of_servers():
    text = "# pxname,svname,status,\na_1,FRONTEND,OPEN,\na_1,s1,UP 1/2,\na_1,s2,no check,\na_1,BACKEND,UP,\n"
    assert server_states(text) == {("a_1", "s1"): "UP 1/2", ("a_1", "s2"): "no check"}
