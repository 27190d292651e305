"""Marathon's masters, read and watched in a real ZooKeeper."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl
from small_marathon import SmallMarathon

from appliance import commands
from appliance.errors import MarathonError
from appliance.marathon.access import Access
from appliance.marathon.ensemble import Ensemble
from appliance.marathon.zookeeper import ZooKeeper, look
from appliance.setup import discover
from appliance.setup.model import Level

JAR = Path("/usr/share/java/zookeeper.jar")
MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


class Server:
    """A single ZooKeeper as a process of the test, on a port of its own."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        # Nobody else listens there: it keeps its port while it is down.
        self.host = f"127.33.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
        with socket.create_server((self.host, 0)) as listener:
            self.port = listener.getsockname()[1]
        (folder / "zoo.cfg").write_text(
            f"tickTime=1000\ndataDir={folder}/data\nclientPort={self.port}\n"
            f"clientPortAddress={self.host}\nadmin.enableServer=false\n"
        )

    @property
    def url(self):
        return f"zk://{self.host}:{self.port}/marathon"

    def start(self):
        words = ["java", "-Xmx64m", "-cp", f"{JAR}:{JAR.parent}/*", MAIN, self.folder / "zoo.cfg"]
        with (self.folder / "log").open("ab") as log:
            self.process = commands.start(words, stdout=log, stderr=commands.STDOUT)
        deadline = time.monotonic() + 90
        while not self._serves():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "ZooKeeper does not start"
            time.sleep(0.05)

    def _serves(self):
        """It listens before it answers."""
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as asked:
                asked.sendall(b"srvr")
                return b"Mode: standalone" in asked.recv(4096)
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="module")
def server():
    if not JAR.exists():
        pytest.skip("NOT RUN: needs Debian's package zookeeper")
    folder = Path(tempfile.mkdtemp(prefix="mzk-"))
    running = Server(folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


class Cluster:
    """What the masters of a Marathon write into ZooKeeper."""

    def __init__(self, server, path="/marathon", login=None):
        auth = [("digest", login)] if login else None
        acl = [make_digest_acl(*login.split(":"), all=True)] if login else None
        self.path = path
        often = {"max_tries": -1, "max_delay": 1.0}
        self.client = KazooClient(
            f"{server.host}:{server.port}",
            timeout=20.0,
            auth_data=auth,
            default_acl=acl,
            connection_retry=often,
        )
        self.client.start(timeout=60)

    def master(self, name, netloc, latch="leader-curator"):
        path = f"{self.path}/{latch}/{name}"
        self.client.create(path, netloc.encode(), ephemeral=True, makepath=True)
        return path

    def close(self):
        self.client.delete(self.path, recursive=True)
        self.client.stop()
        self.client.close()


@pytest.fixture
def cluster(server):
    running = Cluster(server)
    yield running
    running.close()


@pytest.fixture
def following(server):
    """An Access that ZooKeeper tells who the masters are."""
    access, leaders = Access([]), []
    door = ZooKeeper(Ensemble.parse(server.url), access, on_change=leaders.append, session_s=2.0)
    access.leaders = leaders
    door.start()
    yield access
    door.stop()


def until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_lowest_number_leads_whatever_the_names_before_it(server, cluster):
    cluster.master("_c_ffffffff-0000-0000-0000-000000000000-latch-0000000007", "a:8080")
    cluster.master("_c_00000000-0000-0000-0000-000000000000-latch-0000000042", "b:8080")
    cluster.master("member_-1", "tombstone:8080", latch="leader")
    assert look(Ensemble.parse(server.url)) == ("a:8080", "b:8080")


def test_old_masters_are_members_of_another_latch(server, cluster):
    cluster.master("member_0000000012", "b:8080", latch="leader")
    cluster.master("member_0000000003", "a:8080", latch="leader")
    assert look(Ensemble.parse(server.url)) == ("a:8080", "b:8080")


def test_a_new_leader_is_known_without_a_change_of_any_flag(cluster, following):
    with pytest.raises(MarathonError, match="zk://127"):
        following.in_order("")
    first = cluster.master("_c_1-latch-0000000001", "a:8080")
    until(lambda: following.urls == ("http://a:8080",))
    cluster.master("_c_2-latch-0000000002", "b:8080")
    until(lambda: following.urls == ("http://a:8080", "http://b:8080"))
    cluster.client.delete(first)
    until(lambda: following.urls == ("http://b:8080",))
    until(lambda: following.leaders == ["http://a:8080", "http://a:8080", "http://b:8080"])


def test_a_latch_of_the_new_kind_replaces_the_old_one(cluster, following):
    cluster.master("member_0000000003", "old:8080", latch="leader")
    until(lambda: following.urls == ("http://old:8080",))
    cluster.master("_c_1-latch-0000000001", "new:8080")
    until(lambda: following.urls == ("http://new:8080",))


def test_a_zookeeper_that_goes_away_and_comes_back_loses_no_master(server, cluster, following):
    cluster.master("_c_1-latch-0000000001", "a:8080")
    until(lambda: following.urls == ("http://a:8080",))
    server.stop()
    until(lambda: "does not answer" in following.trouble)
    assert following.urls == ("http://a:8080",)
    server.start()
    until(lambda: cluster.client.connected)
    cluster.master("_c_2-latch-0000000000", "b:8080")
    until(lambda: following.urls[:1] == ("http://b:8080",))


def test_a_user_and_a_password_open_what_is_closed_to_others(server):
    closed = Cluster(server, "/closed", login="joe:s3cret")
    try:
        closed.master("_c_1-latch-0000000001", "a:8080")
        at = f"{server.host}:{server.port}/closed"
        assert look(Ensemble.parse(f"zk://joe:s3cret@{at}")) == ("a:8080",)
        with pytest.raises(MarathonError, match="does not let these credentials read"):
            look(Ensemble.parse(f"zk://{at}"))
    finally:
        closed.close()


def test_an_ensemble_without_marathon_or_without_anybody_says_so(server):
    with pytest.raises(MarathonError, match="names no master of Marathon"):
        look(Ensemble.parse(server.url))
    with pytest.raises(MarathonError, match=r"zk://127.0.0.1:1/marathon does not answer"):
        look(Ensemble.parse("zk://127.0.0.1:1/marathon"), timeout_s=0.5)


def test_setup_looks_there_first(server, cluster, tmp_path):
    (tmp_path / "etc/mesos").mkdir(parents=True)
    (tmp_path / "etc/mesos/zk").write_text(f"zk://joe:x@{server.host}:{server.port}/mesos\n")
    marathon = SmallMarathon()
    try:
        cluster.master("_c_1-latch-0000000001", marathon.url.removeprefix("http://"))
        found = discover.found_masters(tmp_path, None)
    finally:
        marathon.close()
    assert (found.urls, found.finding.level) == ((server.url,), Level.OK)
    assert marathon.url in found.finding.text
