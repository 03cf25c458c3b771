"""Load on every worker of a group, and what has to hold when something happened to it.

    with flowing(cluster, workers(3)) as (group, lanes):
        ...
"""
from contextlib import ExitStack, contextmanager

from .connectors import mqtt_source, wait_records, wait_subscribed
from .kafka import Judge, count, create_topic, latest, read_topic, unique_name
from .mqtt import Publisher
from .wait import NotYet, wait_for

LANES = 3  # as many as workers: each has a task, the leader among them
WINDOW = 1024  # max.unacked.records: what one death of a task's worker may repeat


class Lane:
    """One connector with a topic of its own, and devices that publish to it. The topic's record
    times are the brokers': when each record was there."""

    def __init__(self, cluster, group, number, rate=200):
        self.cluster, self.name = cluster, f"lane{number}"
        self.topic = create_topic(cluster.bootstrap, unique_name("lane"),
                                  message_timestamp_type="LogAppendTime")
        prefix = unique_name("lane")
        group.rest.create(self.name, mqtt_source(cluster, self.topic, prefix + "/#"))
        self.publisher = Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory,
                                   devices=10, rate=rate, topic=prefix + "/{device}")

    def count(self):
        return count(self.cluster.bootstrap, self.topic)

    def records(self):
        return read_topic(self.cluster.bootstrap, self.topic)

    def wait_more(self, n=200, timeout=60):
        """Records flow, now."""
        wait_records(self.cluster, self.topic, self.count() + n, timeout)

    def judge(self, duplicates=None):
        """Ends the load and waits until all of it is in Kafka. `found` keeps the records."""
        published = self.publisher.stop()

        def arrived():
            self.found = self.records()
            verdict = Judge(published, self.found)
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        return wait_for(arrived, 60, f"all of {self.name} in Kafka",
                        interval=0.5).require(duplicates)


def wait_flow(lanes, n=200, timeout=60):
    """Waits until each lane has `n` more records than now."""
    wanted = [(lane, lane.count() + n) for lane in lanes]
    for lane, size in wanted:
        wait_records(lane.cluster, lane.topic, size, timeout)


@contextmanager
def flowing(cluster, group, lanes=LANES, rate=200):
    """Lanes under load, spread over the workers -> (group, lanes)."""
    with ExitStack() as publishers:
        lanes = [Lane(cluster, group, n, rate) for n in range(lanes)]
        spread = min(len(lanes), len(group.alive))
        wait_for(lambda: len({group.owner(lane.name).name for lane in lanes}) == spread, 30,
                 "a task on each worker")
        for lane in lanes:
            wait_subscribed(group.rest, lane.name)
            publishers.enter_context(lane.publisher)
        wait_flow(lanes)
        yield group, lanes


def settled(cluster, group, timeout=30, live=None):
    """Waits until all workers that live are in one assignment of the last leader, which is one of
    them, and every task runs on the worker that its status names. Returns the internal state.
    `live`: instead of all whose processes run."""
    config_topic = group.properties["config.storage.topic"]
    live = group.alive if live is None else live
    names = {w.worker_id for w in live}

    def agreed():
        records = read_topic(cluster.bootstrap, config_topic)
        state = latest(records)
        terms = [r.offset for r in records if r.key == b"leader"]
        assignment = state["assignment"]
        seen = {state[f"worker/{worker}"]["generation"] for worker in names}
        placed = {name: worker for worker, items in assignment["map"].items()
                  for name, tasks in items.items() if 0 in tasks}
        if (state["leader"]["worker"] not in names or assignment["term"] != terms[-1] or
                set(assignment["workers"]) != names or len(seen) != 1 or
                assignment["unassigned"] or not placed):
            raise NotYet(state)
        for name, worker in placed.items():
            task = live[0].rest.status(name)["tasks"][0]
            if (task["state"], task["worker_id"]) != ("RUNNING", worker):
                raise NotYet((name, worker, task))
        return state
    return wait_for(agreed, timeout, "one leader and every task at its place", interval=0.3)


def errors_in(worker):
    return [line for line in worker.log_text().splitlines() if "level=error" in line.lower()]


def starts(group, lane):
    """How often any worker has started the lane's task."""
    return sum(w.log_text().count(f"starting task {lane.name}/0") for w in group)


def connections(group, lanes):
    """Where each lane's task runs, how often any worker has started it, and since when it is
    connected."""
    found = {}
    for lane in lanes:
        task = group.rest.status(lane.name)["tasks"][0]
        found[lane.name] = [task["worker_id"], starts(group, lane),
                            task["details"]["plugin"]["connected_since"]]
    return found


def lost_its_producer(group, lane):
    """librdkafka before 2.3 may lose an idempotent producer when all brokers die at once
    (confluentinc/librdkafka#4438). The task then begins anew from what MQTT still holds: that is
    no fault of the group's."""
    signs = "rewound sequence number", "out of order sequence number"
    return any(f"[{lane.name}|" in line and any(sign in line for sign in signs)
               for worker in group for line in worker.log_text().splitlines())
