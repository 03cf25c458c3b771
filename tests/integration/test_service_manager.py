"""What systemd, or whoever plays it, hears from a worker: up, how it is, alive, stopping, why not."""
from itertools import pairwise

import pytest
from support.connectors import mqtt_source, wait_subscribed
from support.kafka import unique_name
from support.ports import free_port
from support.service_manager import ServiceManager
from support.wait import wait_for
from support.worker import Worker, group_properties


@pytest.fixture
def manager(tmp_path):
    with ServiceManager(tmp_path) as manager:
        yield manager


def test_a_worker_without_kafka_is_up_and_says_what_it_waits_for(tmp_path, manager):
    nobody = f"127.0.0.1:{free_port()}"
    worker = Worker(group_properties(nobody), tmp_path, env=manager.env).start()
    try:
        manager.wait_heard("READY=1")
        assert worker.rest.get("/").status == 200, "ready means that REST answers"
        manager.wait_status("waits for Kafka")
        assert manager.heard()[0] == "READY=1"
        assert worker.stop()[0] == 0
        told = manager.heard()
        stopping = told.index("STOPPING=1")
        assert told[stopping + 1:] == ["EXTEND_TIMEOUT_USEC=21000000", "STATUS=stopping"]
        assert told.count("READY=1") == 1
    finally:
        worker.kill()


def test_the_watchdog_hears_from_a_worker_as_often_as_it_wants_to(tmp_path, manager):
    """200 ms is below the pace at which a worker looks after its status."""
    worker = Worker(group_properties(f"127.0.0.1:{free_port()}"), tmp_path,
                    env={**manager.env, "WATCHDOG_USEC": "200000"}).start()
    try:
        manager.wait_heard("WATCHDOG=1", times=30)
        manager.wait_status("waits for Kafka")
        statuses = [line for line in manager.heard() if line.startswith("STATUS=")]
        assert not [one for one, next_one in pairwise(statuses) if one == next_one], "only news"
    finally:
        worker.kill()


@pytest.mark.parametrize("change, says", [
    ({"group.id": None}, ["cannot start", "group.id"]),
    ({"listeners": "http://192.0.2.77:8083"}, ["cannot start", "192.0.2.77"]),
])
def test_a_worker_that_cannot_start_is_never_ready_and_says_why(tmp_path, manager, change, says):
    worker = Worker({**group_properties("127.0.0.1:1"), **change}, tmp_path,
                    env=manager.env).start()
    try:
        assert worker.wait_end(10) == 3
        manager.wait_status(*says)
        assert "READY=1" not in manager.heard()
    finally:
        worker.kill()


def test_a_manager_that_is_gone_is_named_once_and_disturbs_nobody(tmp_path):
    worker = Worker(group_properties("127.0.0.1:1"), tmp_path,
                    env={"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "200000"})
    worker.start()
    try:
        worker.wait_rest(10)
        worker.wait_log("next try in 250 ms")  # meanwhile it has spoken many times
        assert worker.log_text().count("does not hear this worker") == 1
        assert worker.stop()[0] == 0
    finally:
        worker.kill()


def are_placed(name, leader, follower):
    """Pairs of a worker and its manager."""
    led = leader[1].last_status() or "", follower[1].last_status() or ""
    return (f"leads group '{name}' of 2 workers" in led[0]
            and f"in group '{name}', led by {leader[0].worker_id}" in led[1])


def test_the_place_in_the_group_is_the_status(cluster, workers, tmp_path, manager):
    group = workers(1, env=manager.env)
    name = group.group_id
    manager.wait_status(f"leads group '{name}' of 1 worker; has 0 tasks", timeout=40)
    group.rest.create("c", mqtt_source(cluster, unique_name("t"), f"{unique_name('m')}/#"))
    wait_subscribed(group.rest, "c")
    manager.wait_status(f"leads group '{name}' of 1 worker; has 1 task")

    (tmp_path / "second").mkdir()
    with ServiceManager(tmp_path / "second") as other:
        worker = Worker(group.properties, tmp_path, "second", env=other.env).start()
        try:
            pairs = (group[0], manager), (worker, other)
            # Which of them leads is chance: the group orders its members by their addresses.
            wait_for(lambda: any(are_placed(name, *order) for order in (pairs, pairs[::-1])), 40,
                     "one that leads, and one that says who")
            assert worker.stop()[0] == 0
            assert other.last_status() == "stopping"
        finally:
            worker.kill()


def test_a_worker_that_gives_up_says_why(cluster, tmp_path, manager):
    worker = Worker({**group_properties(cluster.bootstrap),
                     "config.storage.replication.factor": "5"}, tmp_path, env=manager.env).start()
    try:
        assert worker.wait_end(60) == 2
        assert "the worker ends" in manager.last_status()
        assert "config.storage.replication.factor" in manager.last_status()
        assert "STOPPING=1" in manager.heard()
    finally:
        worker.kill()
