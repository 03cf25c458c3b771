"""Three workers and what can happen to them: frozen, killed, stopped at once, without Kafka."""
import time
from contextlib import ExitStack

import pytest
from support.connectors import leader_of, mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, count, create_topic, read_internal, read_topic, unique_name
from support.mqtt import Publisher
from support.wait import NotYet, wait_for

LANES = 3  # as many as workers: each has a task, the leader among them


class Lane:
    """One connector with a topic of its own, and devices that publish to it."""

    def __init__(self, cluster, group, number):
        self.cluster, self.name = cluster, f"lane{number}"
        self.topic = create_topic(cluster.bootstrap, unique_name("lane"))
        prefix = unique_name("lane")
        group.rest.create(self.name, mqtt_source(cluster, self.topic, prefix + "/#"))
        wait_subscribed(group.rest, self.name)
        self.publisher = Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory,
                                   devices=10, rate=200, topic=prefix + "/{device}")

    def wait_more(self, n=200, timeout=60):
        """Records flow, now."""
        wait_records(self.cluster, self.topic, count(self.cluster.bootstrap, self.topic) + n,
                     timeout)

    def judge(self):
        published = self.publisher.stop()

        def arrived():
            verdict = Judge(published, read_topic(self.cluster.bootstrap, self.topic))
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        return wait_for(arrived, 60, f"all of {self.name} in Kafka", interval=0.5).require()


@pytest.fixture
def flow(cluster, workers):
    """Three workers under load -> (group, lanes)."""
    group = workers(LANES)
    with ExitStack() as publishers:
        lanes = [Lane(cluster, group, n) for n in range(LANES)]
        wait_for(lambda: len({group.owner(lane.name).name for lane in lanes}) == LANES, 30,
                 "a task on each worker")
        for lane in lanes:
            wait_subscribed(group.rest, lane.name)
            publishers.enter_context(lane.publisher)
        for lane in lanes:
            lane.wait_more()
        yield group, lanes


def settled(cluster, group, timeout=30):
    """Waits until all workers that live are in one assignment of the last leader, which is one of
    them, and every task runs on the worker that its status names. Returns the internal state."""
    config_topic = group.properties["config.storage.topic"]
    live = {w.worker_id for w in group.alive}

    def agreed():
        state = read_internal(cluster.bootstrap, config_topic)
        terms = [r.offset for r in read_topic(cluster.bootstrap, config_topic)
                 if r.key == b"leader"]
        assignment = state["assignment"]
        seen = {state[f"worker/{worker}"]["generation"] for worker in live}
        placed = {name: worker for worker, items in assignment["map"].items()
                  for name, tasks in items.items() if 0 in tasks}
        if (state["leader"]["worker"] not in live or assignment["term"] != terms[-1] or
                set(assignment["workers"]) != live or len(seen) != 1 or assignment["unassigned"] or
                not placed):
            raise NotYet(state)
        for name, worker in placed.items():
            task = group.rest.status(name)["tasks"][0]
            if (task["state"], task["worker_id"]) != ("RUNNING", worker):
                raise NotYet((name, worker, task))
        return state
    return wait_for(agreed, timeout, "one leader and every task at its place", interval=0.3)


def errors_in(worker):
    return [line for line in worker.log_text().splitlines() if "level=error" in line.lower()]


def connections(group, lanes):
    """Where each lane's task runs, how often any worker has started it, and since when it is
    connected."""
    found = {}
    for lane in lanes:
        task = group.rest.status(lane.name)["tasks"][0]
        starts = sum(w.log_text().count(f"starting task {lane.name}/0") for w in group)
        found[lane.name] = [task["worker_id"], starts,
                            task["details"]["plugin"]["connected_since"]]
    return found


def lost_its_producer(group, lane):
    """librdkafka before 2.3 may lose an idempotent producer when all brokers die at once
    (confluentinc/librdkafka#4438). The task then begins anew from what MQTT still holds: that is
    no fault of the group's."""
    return any(f"[{lane.name}|" in line and "rewound sequence number" in line
               for worker in group for line in worker.log_text().splitlines())


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
