"""weir and each broker: connection, session, redelivery, order, QoS, TLS, WebSocket, kills.

What a broker does by itself is in test_brokers_alone.py; docs/brokers.md has both as a table.
"""
import json
import os
import random
import time

import pytest
from probe import Client
from support import faults
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, create_topic, read_topic, unique_name
from support.kills import Kills
from support.lanes import errors_in
from support.mqtt import Publisher
from support.network import Network
from support.proxy import Proxy
from support.variants import keys
from support.wait import NotYet, wait_for

LEVELS = {4: "3.1.1", 5: "5"}
TRANSPORTS = ["ssl", "ws", "wss"] if "mqtt.ws.path" in keys() else ["ssl"]
KILLS, RATE = 10, 1500


class Source:
    """One connector on one worker, with a Kafka topic of its own."""

    def __init__(self, cluster, workers, broker, uri=None, prepare=None, filters="{prefix}/#",
                 **more):
        self.cluster, self.broker = cluster, broker
        self.prefix = unique_name("brokers")
        self.topic = create_topic(cluster.bootstrap, self.prefix, 1)
        self.group = workers(1, prepare=prepare)
        self.config = mqtt_source(
            cluster, self.topic, filters.format(prefix=self.prefix),
            mqtt__server__uri=uri or f"tcp://127.0.0.1:{broker.port}",
            mqtt__reconnect__backoff__max__ms=1000, **more)
        self.group.rest.create("c", self.config)

    def wait_subscribed(self):
        return wait_subscribed(self.group.rest, "c")["details"]["plugin"]

    def plugin(self):
        return self.group.rest.status("c")["tasks"][0]["details"]["plugin"]

    def wait_connected(self):
        def connected():
            plugin = self.plugin()
            if plugin["state"] != "connected":
                raise NotYet(plugin)
            return plugin
        return wait_for(connected, 30, "connected")

    def wait_answered(self, n):
        """Until this worker says that so many messages have come in, and none waits for its
        acknowledgement."""
        def all_answered():
            plugin = self.wait_connected()
            if sum(plugin["received"].values()) < n or plugin["unacked"]:
                raise NotYet(plugin)
            return plugin
        return wait_for(all_answered, 30, "everything acknowledged")

    def send(self, numbers, qos=1, retain=False, topic="d"):
        with Client(self.broker.port, level=4, clean=True) as device:
            device.publish(f"{self.prefix}/{topic}", [b'{"n": %d}' % n for n in numbers], qos,
                           retain)

    def numbers(self):
        return [json.loads(record.value)["n"] for record in self.records()]

    def records(self):
        return read_topic(self.cluster.bootstrap, self.topic)

    def wait_records(self, n, timeout=30):
        return wait_records(self.cluster, self.topic, n, timeout)

    def restart(self, kill=False, meanwhile=None):
        worker = self.group[0]
        worker.kill() if kill else worker.stop()
        if meanwhile:
            meanwhile()
        worker.start().wait_rest()
        self.wait_subscribed()

    def log(self):
        return self.group[0].log_text()


# ---- Connection -----------------------------------------------------------------------------------


def test_auto_finds_the_newest_mqtt_of_the_broker(cluster, workers, broker):
    source = Source(cluster, workers, broker)
    plugin = source.wait_subscribed()
    assert plugin["mqtt_version"] == LEVELS[max(broker.LEVELS)]
    source.send(range(10))
    source.wait_records(10)
    assert source.numbers() == list(range(10))


def test_a_version_that_the_broker_has_not_is_said(cluster, workers, broker):
    source = Source(cluster, workers, broker, mqtt__version="5")
    if 5 in broker.LEVELS:
        assert source.wait_subscribed()["mqtt_version"] == "5"
        return

    def said():
        task = source.group.rest.status("c")["tasks"][0]
        text = task.get("trace") or task.get("details", {}).get("plugin", {}).get("last_error")
        if not text:
            raise NotYet(task)
        return text
    # It does not even answer, and with mqtt.version=auto weir would try 3.1.1 next.
    assert "closed the connection instead of answering CONNECT" in wait_for(said, 30, "the reason")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_other_transports(cluster, workers, broker, certificates, transport):
    port = {"ssl": broker.tls_port, "ws": broker.ws_port, "wss": broker.wss_port}[transport]
    path = "" if transport == "ssl" else broker.WS_PATH
    more = {} if transport == "ws" else {"mqtt__ssl__ca__location": certificates.ca}
    source = Source(cluster, workers, broker, f"{transport}://127.0.0.1:{port}{path}", **more)
    source.wait_subscribed()
    source.send(range(500))
    source.wait_records(500)
    source.restart(meanwhile=lambda: source.send(range(500, 600)))
    source.wait_records(600)
    assert source.numbers() == list(range(600))


# ---- Quality of service ---------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_quality_of_service(cluster, workers, broker, qos):
    granted = min(qos, broker.MAX_QOS)
    source = Source(cluster, workers, broker, mqtt__qos=qos)
    plugin = source.wait_subscribed()
    assert plugin["granted_qos"] == {f"{source.prefix}/#": granted}
    says = [line for line in source.log().splitlines() if "granted" in line and "level=warn" in line]
    assert bool(says) == (granted < qos), says
    source.send(range(20), qos=granted)
    source.wait_records(20)
    assert source.numbers() == list(range(20))
    assert source.wait_answered(20)["received"][f"qos{granted}"] == 20


# ---- Session, redelivery --------------------------------------------------------------------------


@pytest.mark.timeout(240)
def test_the_session_holds_what_comes_while_the_worker_is_away(cluster, workers, broker):
    """20 000 messages: twenty times what most brokers keep unless told otherwise. In order, once."""
    source = Source(cluster, workers, broker)
    source.wait_subscribed()
    source.send(range(100))
    source.wait_records(100)
    source.wait_answered(100)
    source.restart(meanwhile=lambda: source.send(range(100, 20100)))
    begin = time.monotonic()
    plugin = source.wait_connected()
    assert plugin["session_present"] and plugin["possible_gap_since"] is None
    source.wait_records(20100, 120)
    faults.figures.append(f"{broker.NAME}: 20 000 kept messages fetched in "
                          f"{time.monotonic() - begin:.1f} s or less")
    assert source.numbers() == list(range(20100))


def trap_records(network, source):
    """Kafka takes none until network.heal(); the group's connections go on."""
    produce, topic = b"\0\0", source.topic.encode()
    network.to_kafka(source.group[0]).trap(lambda data: data[4:6] == produce and topic in data)


def send_into_the_trap(source):
    """30 messages; returns how many of them the broker has sent without an acknowledgement."""
    source.send(range(10, 40))
    wanted = 30 if source.broker.FILLS_WINDOW else 1
    wait_for(lambda: source.plugin()["unacked"] >= wanted, 30, f"{wanted} not acknowledged")
    return wanted


@pytest.mark.parametrize("level", [4, 5])
def test_what_was_not_in_kafka_comes_again_after_kill_9(cluster, workers, broker, tools, level):
    if level not in broker.LEVELS:
        pytest.skip(f"{broker.NAME} has no MQTT {LEVELS[level]}, as its row says")
    network = tools.enter_context(Network(cluster))
    source = Source(cluster, workers, broker, prepare=network.attach, mqtt__version=LEVELS[level])
    source.wait_subscribed()
    source.send(range(10))
    source.wait_records(10)
    source.wait_answered(10)
    trap_records(network, source)
    wanted = send_into_the_trap(source)
    source.group[0].kill()
    network.heal()
    source.group[0].start().wait_rest()
    source.wait_records(40)
    assert source.wait_answered(30)["session_present"]
    # What was on its way to Kafka when the worker died may be there as well.
    again = [json.loads(record.value)["n"] for record in source.records()
             if dict(record.headers)["mqtt.duplicate"] == b"true"]
    assert again == list(range(10, 10 + len(again))) and len(again) >= wanted
    assert set(source.numbers()) == set(range(40))


def test_a_lost_connection_repeats_nothing_where_ids_are_kept(cluster, workers, broker, tools):
    network, proxy = tools.enter_context(Network(cluster)), tools.enter_context(Proxy())
    link = proxy.link(broker.port)
    source = Source(cluster, workers, broker, f"tcp://127.0.0.1:{link.port}",
                    prepare=network.attach)
    source.wait_subscribed()
    source.send(range(10))
    source.wait_records(10)
    source.wait_answered(10)
    trap_records(network, source)
    send_into_the_trap(source)
    connects = source.plugin()["connects"]
    link.cut()
    wait_for(lambda: source.plugin()["connects"] > connects, 30, "another connection")
    network.heal()
    source.wait_records(40 if broker.SAME_IDS else 70)
    assert source.wait_answered(40)["session_present"]
    assert sorted(source.numbers()) == sorted([*range(40), *list(range(10, 40)) * (not broker.SAME_IDS)])


def test_equal_readings_are_not_taken_for_each_other(cluster, workers, broker, tools):
    """Messages that look alike to the last byte; some were sent and never came to us. A broker that
    begins its ids anew with each connection must not have them taken for those we know."""
    proxy = tools.enter_context(Proxy())
    link = proxy.link(broker.port)
    source = Source(cluster, workers, broker, f"tcp://127.0.0.1:{link.port}")
    source.wait_subscribed()
    source.send([7] * 50)
    source.wait_records(50)
    source.wait_answered(50)
    time.sleep(1.2)  # ids are trusted in when they were in line for longer than a second
    source.send([7] * 50)
    source.wait_records(100)
    assert source.wait_answered(100)["dedupe"]["armed"] == broker.NEXT_ID
    link.black_hole("down")
    source.send([7] * 5)
    connects = source.plugin()["connects"]
    link.heal()
    wait_for(lambda: source.plugin()["connects"] > connects, 60, "another connection")
    source.send([8])
    wait_for(lambda: 8 in source.numbers(), 30, "what comes behind")
    assert source.numbers().count(7) == 105


def test_a_broker_that_stops_and_comes_back_loses_nothing(cluster, workers, broker):
    source = Source(cluster, workers, broker)
    source.wait_subscribed()
    with Publisher("127.0.0.1", broker.port, source.group.directory, devices=10, rate=500,
                   topic=source.prefix + "/{device}") as publisher:
        publisher.wait_published(1000)
        broker.stop()
        broker.start()
        publisher.wait_published(publisher.count() + 1000, 60)
        published = publisher.stop()
    wait_all(source, published)


def wait_all(source, published, timeout=60):
    def arrived():
        verdict = Judge(published, source.records())
        if verdict.lost:
            raise NotYet(verdict)
        return verdict
    return wait_for(arrived, timeout, "everything in Kafka", interval=0.5).require()


# ---- Retained messages ----------------------------------------------------------------------------


def test_retained_messages_come_with_the_subscription(cluster, workers, broker):
    """One filter names the topic, the other one has a wildcard."""
    source = Source(cluster, workers, broker, filters="{prefix}/other")
    source.wait_subscribed()
    source.send([1], retain=True, topic="named")
    source.send([2], retain=True, topic="wild/below")
    filters = f"{source.prefix}/named,{source.prefix}/wild/#"
    source.group.rest.put_config("c", {**source.config, "mqtt.topics": filters})

    def granted():
        plugin = source.plugin()
        if set(plugin["granted_qos"]) != set(filters.split(",")) or \
                None in plugin["granted_qos"].values():
            raise NotYet(plugin)
        return True
    wait_for(granted, 30, "both granted")
    source.send([3], topic="named")
    source.send([4], topic="wild/below")
    wanted = [1, 2, 3, 4] if broker.RETAINED_BY_WILDCARD else [1, 3, 4]
    source.wait_records(len(wanted))
    source.wait_answered(1)
    assert sorted(source.numbers()) == wanted
    source.send([], retain=True)


# ---- Several tasks --------------------------------------------------------------------------------


def wait_tasks(source, n, ready):
    """Until there are so many, and each of them is; returns their states in the status."""
    def all_ready():
        tasks = source.group.rest.status("c")["tasks"]
        if len(tasks) != n or not all(map(ready, tasks)):
            raise NotYet(tasks)
        return tasks
    return wait_for(all_ready, 60, f"{n} tasks")


def has_subscribed(task):
    granted = task.get("details", {}).get("plugin", {}).get("granted_qos")
    return bool(granted) and None not in granted.values()


def test_two_tasks_share_a_filter(cluster, workers, broker):
    """RabbitMQ has no shared subscriptions. With MQTT 5 it says so; with 3.1.1 it grants them."""
    source = Source(cluster, workers, broker, tasks__max=2, mqtt__task__assignment="shared")
    if broker.SHARED is None and 5 in broker.LEVELS:
        tasks = wait_tasks(source, 2, lambda task: task["state"] == "FAILED")
        assert all("has no shared subscriptions" in task["trace"] for task in tasks)
        return
    wait_tasks(source, 2, has_subscribed)
    if broker.SHARED is None:
        return
    source.send(range(100))
    source.wait_records(100)
    source.restart(kill=True, meanwhile=lambda: source.send(range(100, 200)))
    source.wait_records(200)
    assert set(source.numbers()) == set(range(200))


# ---- Kills ----------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_of_the_worker_ten_times(cluster, workers, broker, qos):
    """Nothing is lost, and a broker that keeps its window repeats no more than that."""
    if qos > broker.MAX_QOS:
        pytest.skip(f"{broker.NAME} has no QoS {qos}, as its row says")
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}")
    group, begin = workers(2), time.monotonic()
    kills = Kills(cluster, group, broker.port, random.Random(seed), qos, RATE,
                  mqtt__server__uri=f"tcp://127.0.0.1:{broker.port}")
    with kills.publisher:
        for _ in range(KILLS):
            kills.one()
        verdict = kills.end(KILLS if broker.KEEPS_WINDOW else None)
    faults.figures.append(
        f"kill -9, {broker.NAME}, QoS {qos}: {KILLS} kills, {verdict.counts['published']} messages "
        f"in {time.monotonic() - begin:.0f} s, lost 0, duplicates {verdict.duplicates}, seed {seed}")
    print(faults.figures[-1])
    for worker in group:
        assert not errors_in(worker), errors_in(worker)[:5]
