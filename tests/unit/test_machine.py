"""What of this machine is ours, by control groups that are said."""

from __future__ import annotations

import os

import pytest

from appliance import machine


@pytest.fixture
def group(tmp_path):
    """A process in group /outer/inner below a root."""
    (tmp_path / "cgroup").write_text("1:name=systemd:/elsewhere\n0::/outer/inner\n")
    (tmp_path / "fs/outer/inner").mkdir(parents=True)
    return tmp_path


def of(group):
    return machine.memory(group / "cgroup", group / "fs")


def test_the_narrowest_group_around_us_counts(group):
    (group / "fs/outer/memory.max").write_text("67108864\n")
    (group / "fs/outer/inner/memory.max").write_text("max\n")
    assert of(group) == 67108864
    (group / "fs/outer/inner/memory.max").write_text("1048576\n")
    assert of(group) == 1048576


def test_without_a_limit_it_is_the_machines(group):
    assert of(group) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    (group / "cgroup").unlink()
    assert of(group) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_there_is_at_least_one_core():
    assert machine.cores() >= 1
