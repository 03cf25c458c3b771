"""Writes while the config topic's leader moves or cannot write: each answer is the truth."""
import json
import threading
import time

import pytest
from support.kafka import partition_leader, read_topic, set_topic_config
from support.lanes import wait_flow
from support.rest import Rest
from support.wait import scaled, wait_for
from support.worker import BUILD

WITH_GOOD = {"plugin.path": f"{BUILD / 'plugins'},{BUILD / 'tests/plugins/good.so'}"}
NAME = "written"
RESIGNS = "nothing could be committed to topic"  # what a leader says that cannot write


class Writer(threading.Thread):
    """PUTs one config after the other, through all workers in turn, and remembers the answers."""

    def __init__(self, group):
        super().__init__(name="writer", daemon=True)
        self.clients = [Rest(worker.url, timeout=120) for worker in group]
        self.answers, self.ending = {}, threading.Event()

    def run(self):
        for number in range(100_000):
            if self.ending.is_set():
                return
            rest = self.clients[number % len(self.clients)]
            begin = time.monotonic()
            try:
                answer = rest.request("PUT", rest.path(NAME, "config"), {
                    "connector.class": "good", "tasks.max": "1", "good.records": "1",
                    "good.topic": NAME, "marker": str(number)})
                status, text = answer.status, answer.body.decode()
            except OSError as error:
                status, text = 0, repr(error)
            self.answers[number] = (status, text, time.monotonic() - begin)
            time.sleep(0.02)

    def stop(self):
        self.ending.set()
        self.join(scaled(120))
        assert not self.is_alive()


def judge_writes(case, writer):
    """Done is there, refused (409, 503) never was; only 500 and a lost connection may be both."""
    topic = case.group.properties["config.storage.topic"]
    there = [int(json.loads(r.value)["properties"]["marker"])
             for r in read_topic(case.cluster.bootstrap, topic)
             if r.key == f"connector-{NAME}".encode() and r.value]
    answers = writer.answers
    done = [n for n, (status, _, _) in answers.items() if status in (200, 201)]
    refused = [n for n, (status, _, _) in answers.items() if status in (400, 404, 409, 503)]
    unknown = [n for n in answers if n not in set(done) | set(refused)]
    case.note(f"writes {len(done)} done, {len(refused)} not, {len(unknown)} unknown "
              f"({len(set(unknown) & set(there))} of them there), "
              f"slowest {max(seconds for _, _, seconds in answers.values()):.1f} s")
    assert len(there) == len(set(there)), "a write was done twice"
    assert there == sorted(there), "writes were done in another order"
    wrong = {n: answers[n] for n in set(done) - set(there) | set(refused) & set(there)}
    assert not wrong, wrong
    assert done and there[-1] >= done[-1]
    strange = [answers[n] for n in unknown if answers[n][0] != 500]
    assert not strange, strange


def ready(case):
    case.group.rest.create(NAME, {"connector.class": "good", "tasks.max": "1",
                                  "good.records": "1", "good.topic": NAME, "marker": "-1"})
    case.group.rest.wait_running(NAME)
    case.group.rest.stop(NAME)
    case.group.rest.wait_state(NAME, "STOPPED", tasks=0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_its_leader_moves_while_it_is_written(case, how):
    case.flow(overrides=WITH_GOOD)
    topic = case.group.properties["config.storage.topic"]
    case.begin()
    ready(case)
    writer = Writer(case.group)
    writer.start()
    for _ in range(2):
        broker = partition_leader(case.cluster.bootstrap, topic)
        getattr(case.cluster, how)(broker)
        wait_for(lambda b=broker: partition_leader(case.cluster.bootstrap, topic) not in (-1, b),
                 30, "another leader of the config topic")
        before = max(writer.answers, default=-1)
        wait_for(lambda n=before: any(
            status == 200 for number, (status, _, _) in list(writer.answers.items())
            if number > n), 60, "a write that is done")
        case.cluster.start(broker)
    writer.stop()
    judge_writes(case, writer)
    case.group.rest.delete(NAME)
    case.end(timeout=60, errors=[RESIGNS])


@pytest.mark.timeout(300)
def test_too_few_replicas_refuse_writes_until_they_are_back(case):
    """What a full disk looks like from outside: the broker is there and will not write."""
    case.flow(overrides=WITH_GOOD)
    topic = case.group.properties["config.storage.topic"]
    case.begin()
    ready(case)
    leader = partition_leader(case.cluster.bootstrap, topic)
    broker = next(b for b in case.cluster.broker_ids if b != leader)
    set_topic_config(case.cluster.bootstrap, topic, min_insync_replicas=3)
    case.cluster.stop(broker)
    writer = Writer(case.group)
    writer.start()
    wait_for(lambda: len(writer.answers) >= 3, 120, "three answers")
    assert not [a for a in list(writer.answers.values()) if a[0] in (200, 201)]
    wait_flow(case.lanes)
    case.cluster.start(broker)
    before = max(writer.answers, default=-1)
    wait_for(lambda: any(status == 200 for number, (status, _, _) in list(writer.answers.items())
                         if number > before), 60, "a write that is done")
    writer.stop()
    set_topic_config(case.cluster.bootstrap, topic, min_insync_replicas=None)
    judge_writes(case, writer)
    case.group.rest.delete(NAME)
    case.end(timeout=60, errors=[RESIGNS])
