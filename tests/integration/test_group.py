"""Three workers are one: leadership, hand-over, and death under load."""
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.connectors import leader_of, mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, create_topic, read_internal, read_topic, unique_name, wait_count
from support.mqtt import Publisher
from support.wait import NotYet, wait_for

WINDOW = 1024  # max.unacked.records: what a kill may repeat


def test_three_start_at_once_and_agree_on_one_leader(cluster, workers):
    group = workers(3)
    for worker in group:
        assert worker.rest.get("/").json["version"]
        wait_for(lambda w=worker: w.rest.get("/health").status == 200, 30, "health")
    config_topic = group.properties["config.storage.topic"]

    def settled():
        state = read_internal(cluster.bootstrap, config_topic)
        generations = {state[f"worker/{w.worker_id}"]["generation"] for w in group}
        if len(generations) != 1 or set(state["assignment"]["workers"]) != {
                w.worker_id for w in group}:
            raise NotYet(state)
        return state
    state = wait_for(settled, 30, "all three in one assignment")
    assert state["leader"]["worker"] in {w.worker_id for w in group}
    terms = [r.offset for r in read_topic(cluster.bootstrap, config_topic) if r.key == b"leader"]
    assert state["assignment"]["term"] == terms[-1]


def test_tasks_are_spread_and_writes_sent_at_once_to_all(cluster, workers):
    group = workers(3)

    def create(n):
        group[n % 3].rest.create(f"c{n}", mqtt_source(cluster, "t", f"nothing/{n}"))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(create, range(9)))
    for worker in group:
        wait_for(lambda w=worker: len(w.rest.connectors()) == 9, 10, "nine everywhere")
    for n in range(9):
        group.rest.wait_running(f"c{n}")

    def balanced():
        owners = [group.rest.status(f"c{n}")["tasks"][0]["worker_id"] for n in range(9)]
        if sorted(owners.count(w.worker_id) for w in group) != [3, 3, 3]:
            raise NotYet(owners)
        return True
    wait_for(balanced, 20, "three tasks each")


def test_a_clean_stop_moves_the_tasks_and_loses_nothing(cluster, workers):
    group = workers(3)
    topic, prefix = create_topic(cluster.bootstrap, unique_name("move")), unique_name("move")
    group.rest.create("c", mqtt_source(cluster, topic, prefix + "/#"))
    wait_subscribed(group.rest, "c")
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=10, rate=500,
                   topic=prefix + "/{device}") as publisher:
        for _ in range(2):  # the second stop leaves one worker
            wait_records(cluster, topic, publisher.count() + 200)
            owner = group.owner("c")
            code, seconds = owner.stop()
            assert code == 0 and seconds < 10, (code, seconds)
            rest = group.rest
            wait_for(lambda: rest.status("c")["tasks"][0]["worker_id"] != owner.worker_id, 10,
                     "another owner")
            rest.wait_running("c")
        published = publisher.stop()
    wait_count(cluster.bootstrap, topic, sum(map(len, published.values())))
    Judge(published, read_topic(cluster.bootstrap, topic)).require(duplicates=0)


@pytest.mark.timeout(420)
def test_ten_kills_of_the_tasks_worker_under_2000_messages_a_second(cluster, workers):
    """Lost 0 each time; what is repeated is at most what was not acknowledged yet."""
    group = workers(3)
    topic, prefix = create_topic(cluster.bootstrap, unique_name("kill")), unique_name("kill")
    group.rest.create("c", mqtt_source(cluster, topic, prefix + "/#"))
    wait_subscribed(group.rest, "c")
    dice = random.Random(prefix)
    for number in range(10):
        lane = f"{prefix}/{number}/"
        with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=50, rate=2000,
                       topic=lane + "{device}") as publisher:
            publisher.wait_published(dice.randint(1000, 5000))
            victim = group.owner("c")
            victim.kill()
            rest = group.rest
            wait_for(lambda: rest.status("c")["tasks"][0]["worker_id"] != victim.worker_id, 30,
                     "another owner", interval=0.2)
            publisher.wait_published(publisher.count() + 1000)
            published = publisher.stop()
        total = sum(map(len, published.values()))

        def arrived():
            records = [r for r in read_topic(cluster.bootstrap, topic)
                       if r.key.startswith(lane.encode())]
            judge = Judge(published, records)
            if judge.lost:
                raise NotYet(judge)
            return judge
        judge = wait_for(arrived, 30, f"all of kill {number + 1}", interval=1)
        judge.require(duplicates=WINDOW)
        print(f"kill {number + 1}: published {total}, lost 0, duplicates {judge.duplicates}")
        victim.start().wait_rest()
    assert leader_of(group, cluster.bootstrap)
