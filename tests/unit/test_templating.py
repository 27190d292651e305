"""Templates are kept compiled where somebody made the folder for it, and never served stale."""

from __future__ import annotations

import pytest
from jinja2 import Environment, FileSystemLoader

from appliance.templating import Compiled


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "compiled").mkdir()
    (tmp_path / "page.j2").write_text("one {{ name }}")
    return tmp_path


def rendered(folder):
    """As by a process that has just started."""
    loader, kept = FileSystemLoader(folder), Compiled(folder / "compiled")
    return (
        Environment(loader=loader, bytecode_cache=kept, autoescape=True)
        .get_template("page.j2")
        .render(name="x")
    )


def test_what_is_kept_is_used(folder):
    assert rendered(folder) == "one x"
    (entry,) = (folder / "compiled").iterdir()
    kept = entry.read_bytes()
    assert b"one " in kept
    entry.write_bytes(kept.replace(b"one ", b"two "))
    assert rendered(folder) == "two x"


def test_another_source_is_compiled_anew(folder):
    rendered(folder)
    (folder / "page.j2").write_text("changed {{ name }}")
    assert rendered(folder) == "changed x"


@pytest.mark.parametrize("left", [0, 10, 40, -20], ids=["empty", "magic", "head", "code"])
def test_what_is_damaged_is_as_if_it_were_not_there(folder, left):
    rendered(folder)
    (entry,) = (folder / "compiled").iterdir()
    entry.write_bytes(entry.read_bytes()[:left])
    assert rendered(folder) == "one x"


def test_without_the_folder_nothing_is_written(folder):
    (folder / "compiled").rmdir()
    assert rendered(folder) == "one x"
    assert [path.name for path in folder.iterdir()] == ["page.j2"]
