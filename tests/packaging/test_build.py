"""The files that `make packages` writes, as files."""

from __future__ import annotations

import hashlib

import pytest
from built import TOP, build

from appliance import __version__, commands

pytestmark = [pytest.mark.packages, pytest.mark.timeout(600)]


def digests(folder):
    files = [*folder.glob(f"*_{__version__}-1_*.deb"), *folder.glob(f"*-{__version__}-1.*.rpm")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_commit_gives_the_same_bytes(dist, tmp_path):
    first = digests(dist)
    assert len(first) == 4
    assert digests(build(tmp_path)) == first


def test_lintian_has_nothing_to_say(dist):
    debs = sorted(dist.glob(f"*_{__version__}-1_*.deb"))
    done = commands.run(["lintian", "--allow-root", "--fail-on", "error,warning", *debs], timeout_s=300)
    assert (done.code, done.output) == (0, ""), done.message


def test_rpmlint_has_nothing_to_say(dist):
    rpms = sorted(dist.glob(f"*-{__version__}-1.*.rpm"))
    done = commands.run(["rpmlint", "-r", TOP / "packaging/rpmlintrc", *rpms], timeout_s=300)
    assert " 0 errors, 0 warnings" in done.output, done.message
