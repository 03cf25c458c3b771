"""Kafka brokers that die: one, the group's own, all of them."""
import time

import pytest
from support.groups import coordinator
from support.lanes import WINDOW
from support.wait import NotYet, wait_for


def reads_answer(case):
    for worker in case.group:
        assert worker.rest.get("/").status == 200
        assert sorted(worker.rest.get("/connectors").json) == sorted(l.name for l in case.lanes)
        for lane in case.lanes:
            assert worker.rest.status(lane.name)["tasks"][0]["state"] == "RUNNING"


def mqtt_connections_stand(case):
    for lane in case.lanes:
        worker, _, since = case.before[lane.name]
        task = case.group.by_id(worker).rest.status(lane.name)["tasks"][0]
        if task["details"]["plugin"].get("connected_since") != since:
            raise NotYet(task)
    return True


@pytest.mark.timeout(240)
@pytest.mark.parametrize("which", ["any", "coordinator"])
def test_a_broker_dies(case, which):
    case.flow()
    owner, _, _ = coordinator(case.cluster.bootstrap, case.group.group_id)
    ids = case.cluster.broker_ids
    broker = owner if which == "coordinator" else ids[ids.index(owner) - 1]
    case.begin()
    case.cluster.kill(broker)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        reads_answer(case)
        time.sleep(0.5)
    case.cluster.start(broker)
    case.end(timeout=60, duplicates=WINDOW)
    case.same_connections()


@pytest.mark.timeout(300)
def test_all_brokers_die_for_60_seconds(case):
    case.flow()
    case.begin()
    case.cluster.kill_all()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        reads_answer(case)
        time.sleep(1)
    wait_for(lambda: mqtt_connections_stand(case), 10, "the MQTT connections of before")
    case.cluster.start_all()
    case.end(timeout=60)
    case.same_connections()
