"""Three workers and what can happen to them: frozen, killed, stopped at once, without Kafka."""
import time

import pytest
from support.connectors import leader_of
from support.lanes import LANES, connections, errors_in, lost_its_producer, settled
from support.wait import wait_for


def test_a_leader_that_freezes_is_replaced_and_returns_as_a_follower(cluster, flow):
    group, lanes = flow
    settled(cluster, group)
    frozen = leader_of(group, cluster.bootstrap)
    frozen.freeze()
    began = time.monotonic()
    others = [worker for worker in group if worker is not frozen]
    wait_for(lambda: leader_of(group, cluster.bootstrap) is not frozen, 15, "another leader")
    for lane in lanes:
        wait_for(lambda n=lane.name: others[0].rest.status(n)["tasks"][0]["worker_id"] !=
                 frozen.worker_id, 15, f"{lane.name} on another worker")
    time.sleep(max(0.0, 10 - (time.monotonic() - began)))
    frozen.thaw()
    settled(cluster, group)
    for lane in lanes:
        lane.wait_more()
    for lane in lanes:
        lane.judge()
    settled(cluster, group)
    for worker in group:
        assert not errors_in(worker), errors_in(worker)
        assert worker.rest.get("/health").status == 200


def test_a_leader_killed_with_its_task_is_missed_by_nobody(cluster, flow):
    group, lanes = flow
    settled(cluster, group)
    leader_of(group, cluster.bootstrap).kill()
    state = settled(cluster, group)
    assert len(state["assignment"]["workers"]) == LANES - 1
    for lane in lanes:
        lane.wait_more()
        lane.judge()


def test_all_stopped_at_once_and_started_again_go_on_where_they_were(cluster, flow):
    group, lanes = flow
    for code, seconds in group.stop_all():
        assert code == 0 and seconds < 10, (code, seconds)
    for worker in group:
        worker.start()
    for worker in group:
        worker.wait_rest()
    settled(cluster, group)
    for lane in lanes:
        lane.wait_more()
        lane.judge()


@pytest.mark.timeout(180)
def test_kafka_away_from_everybody_moves_and_restarts_nothing(cluster, flow):
    group, lanes = flow
    settled(cluster, group)
    before = wait_for(lambda: connections(group, lanes), 10, "details of every task")
    cluster.kill_all()
    time.sleep(10)
    cluster.start_all()
    settled(cluster, group, 60)
    for lane in lanes:
        lane.wait_more()
    after = wait_for(lambda: connections(group, lanes), 10, "details of every task")
    for lane in lanes:
        if lost_its_producer(group, lane):
            before[lane.name].pop()
            after[lane.name].pop()
    assert after == before
    for lane in lanes:
        lane.judge()
