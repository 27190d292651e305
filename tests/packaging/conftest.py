"""What was built, and a newer version of the same."""

from __future__ import annotations

import pytest
from built import NEWER, TOP, build, locked, only

from appliance import __version__


@pytest.fixture(scope="session")
def dist(root):  # noqa: ARG001 - needed to be root, not its value
    """What `make packages` wrote."""
    return TOP / "dist"


@pytest.fixture(scope="session")
def deb(dist):
    return only(dist, f"*_{__version__}-1_amd64.deb")


@pytest.fixture(scope="session")
def rpm(dist):
    return only(dist, f"*-{__version__}-1.x86_64.rpm")


@pytest.fixture(scope="session")
def newer(dist, tmp_path_factory, worker_id):  # noqa: ARG001 - built after it, from the same folders
    """A folder with packages of the same code that call themselves newer; one for all that test."""
    temporary = tmp_path_factory.getbasetemp()
    folder = (temporary if worker_id == "master" else temporary.parent) / "newer"
    with locked("newer"):
        return folder if folder.exists() else build(folder, VERSION=NEWER, ARCHS="x86_64")
