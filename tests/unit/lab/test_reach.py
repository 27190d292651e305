from __future__ import annotations

from pathlib import Path

from appliance.lab.reach import Cover, covers

REPLACED = [Path("/tmp"), Path("/run")]


def private(*folders):
    return lambda folder: str(folder) not in folders


def test_a_checkout_in_an_open_place_needs_nothing():
    assert covers([Path("/srv/checkout")], REPLACED, private()) == ()


def test_a_checkout_below_a_private_home_gets_the_home_covered_by_an_open_folder():
    checkout = Path("/root/src/checkout")
    assert covers([checkout], REPLACED, private("/root")) == (Cover(Path("/root"), (checkout,)),)


def test_the_topmost_private_folder_is_the_one_that_is_covered():
    checkout = Path("/root/a/b/checkout")
    assert covers([checkout], REPLACED, private("/root", "/root/a/b"))[0].folder == Path("/root")


def test_a_checkout_in_a_folder_that_each_node_replaces_is_put_back_there():
    checkout = Path("/tmp/tmp.x/checkout")
    assert covers([checkout], REPLACED, private("/tmp/tmp.x")) == (Cover(Path("/tmp"), (checkout,)),)


def test_a_private_checkout_covers_itself():
    checkout = Path("/srv/checkout")
    assert covers([checkout], REPLACED, private("/srv/checkout")) == (Cover(checkout, (checkout,)),)


def test_an_environment_inside_the_checkout_comes_with_it_and_a_python_elsewhere_comes_too():
    checkout, python = Path("/root/checkout"), Path("/root/.pyenv/versions/3.11")
    (cover,) = covers([checkout / ".venv", checkout, python], REPLACED, private("/root"))
    assert set(cover.paths) == {checkout, python}
