"""What brokers and networks do to a task under load: nothing is lost, each time, and the status says
what happened. Kafka away for 20 s at a keep-alive of 5: tests/integration/test_outages.py.
"""
import os
import random
import socket
import threading
import time

import pytest
from support import faults
from support import mqtt_wire as m
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, count, create_topic, read_topic, unique_name
from support.mosquitto import Mosquitto
from support.mqtt import Publisher
from support.network import Network
from support.variants import allows
from support.wait import NotYet, scaled, wait_for

# Redeliveries of what was acknowledged are known again within a process, if the build can do that;
# then a broken connection repeats nothing.
KNOWS_ITS_OWN = allows("dedupe.mode", "none")


class Load:
    """A worker whose way to the MQTT broker is a link, and to Kafka too; devices that publish."""

    def __init__(self, request, cluster, workers, tmp_path, tools, variant, certificates, qos=1,
                 rate=1000, lines=(), **more):
        self.name, self.cluster = request.node.name.removeprefix("test_"), cluster
        self.broker = tools.enter_context(Mosquitto(tmp_path, *lines))
        self.network = tools.enter_context(Network(cluster))
        self.mqtt = self.network.proxy.link(
            self.broker.port, certificates.server() if variant.tls else None)
        self.group = workers(1, prepare=self.network.attach)
        self.topic, self.client_id = create_topic(cluster.bootstrap, unique_name("out")), \
            unique_name("out")
        prefix = unique_name("out")
        self.config = {
            "mqtt__qos": qos, "mqtt__client__id": self.client_id,
            "mqtt__reconnect__backoff__ms": 50, "mqtt__reconnect__backoff__max__ms": 1000,
            **variant.config(self.mqtt.port, certificates), **more}
        self.group.rest.create("c", mqtt_source(cluster, self.topic, prefix + "/#", **self.config))
        wait_subscribed(self.group.rest, "c")
        self.publisher = Publisher("127.0.0.1", self.broker.port, self.group.directory, devices=20,
                                   rate=rate, qos=qos, topic=prefix + "/{device}")

    @property
    def kafka(self):
        return self.network.to_kafka(self.group[0])

    def task(self):
        return self.group.rest.status("c")["tasks"][0]

    def plugin(self):
        return self.task()["details"]["plugin"]

    def flow(self, n=200, timeout=60):
        wait_records(self.cluster, self.topic, count(self.cluster.bootstrap, self.topic) + n,
                     timeout)

    def armed(self, qos=1):
        """Records flow, and the task has watched the broker's ids for long enough to know its own
        messages again; with QoS 2 it need not."""
        self.flow()
        if KNOWS_ITS_OWN and qos == 1:
            self.wait_plugin("dedupe armed", lambda p: p["dedupe"]["armed"])

    def wait_plugin(self, what, true, timeout=60):
        def seen():
            plugin = self.plugin()
            if not true(plugin):
                raise NotYet(plugin)
            return plugin
        return wait_for(seen, timeout, what)

    def end(self, duplicates=None):
        """All of it is in Kafka and acknowledged; the figures."""
        self.flow()
        published = self.publisher.stop(60)

        def arrived():
            verdict = Judge(published, read_topic(self.cluster.bootstrap, self.topic))
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        verdict = wait_for(arrived, 90, "everything in Kafka", interval=1)
        plugin = self.wait_plugin("nothing unacknowledged", lambda p: p["unacked"] == 0)
        line = (f"{self.name}: {verdict.counts['published']} messages, lost 0, duplicates "
                f"{verdict.duplicates}, {plugin['disconnects']} connections lost")
        faults.figures.append(line)
        print(line)
        assert self.task()["state"] == "RUNNING"
        return verdict.require(duplicates)


@pytest.fixture
def load(request, cluster, workers, tmp_path, tools, certificates):
    def start(variant, *args, **more):
        return Load(request, cluster, workers, tmp_path, tools, variant, certificates, *args,
                    **more)
    return start


def within_a_process():
    return 0 if KNOWS_ITS_OWN else None


# ---- The connection -----------------------------------------------------------------------------


@pytest.mark.timeout(300)
@pytest.mark.parametrize("qos", [1, 2])
def test_connections_reset_at_random(load, variant, qos):
    """One process: what it has produced it does not produce again."""
    flow = load(variant, qos)
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}")
    dice = random.Random(seed)
    with flow.publisher:
        flow.armed(qos)
        for n in range(1, 31):
            time.sleep(dice.uniform(0, 0.5))  # a random moment
            flow.mqtt.cut(dice.choice(["rst", "fin"]))
            flow.wait_plugin(f"loss {n} noticed", lambda p, n=n: p["disconnects"] >= n)
            flow.wait_plugin("connected again", lambda p: p["state"] == "connected")
        flow.end(within_a_process())


@pytest.mark.timeout(180)
@pytest.mark.parametrize("qos", [1, 2])
def test_a_half_open_connection_is_given_up(load, variant, qos):
    """The other side is gone without a word: nothing comes any more, nothing arrives there."""
    flow = load(variant, qos, mqtt__keepalive__interval__seconds=4, mqtt__ping__timeout__ms=2000)
    with flow.publisher:
        flow.armed(qos)
        flow.mqtt.black_hole()
        flow.wait_plugin("given up", lambda p: p["disconnects"] >= 1 and p["last_error"], 60)
        flow.mqtt.heal()
        flow.end(within_a_process())


@pytest.mark.timeout(300)
def test_a_stall_of_ninety_seconds(load, variant):
    """Longer than one and a half keep-alives: the broker gives the session's connection up, and so
    does the task, by itself; nothing waits for TCP's quarter of an hour."""
    flow = load(variant, mqtt__keepalive__interval__seconds=20)
    with flow.publisher:
        flow.armed()
        flow.mqtt.stall()
        begin = time.monotonic()
        flow.wait_plugin("given up", lambda p: p["disconnects"] >= 1, 60)
        wait_for(lambda: time.monotonic() - begin > 90, 120, "the end of the stall", interval=1)
        flow.mqtt.heal()
        flow.end(within_a_process())


class Intruder(threading.Thread):
    """Another client with the same id, that comes back whenever it is thrown out."""

    def __init__(self, port, client_id, level, times):
        super().__init__(daemon=True)
        self.port, self.times, self.came, self.level = port, times, 0, level
        self.connect = m.connect(client_id, level, properties=b"\x11\0\0\x0e\x10"
                                 if level == 5 else b"")  # a session of an hour

    def run(self):
        while self.came < self.times:
            with socket.create_connection(("127.0.0.1", self.port), timeout=scaled(30)) as sock:
                sock.sendall(self.connect)
                wire = m.Conversation()
                wire.feed("up", self.connect)
                try:  # it acknowledges nothing, and goes on when it is thrown out
                    while data := sock.recv(65536):
                        if any(p.type == m.CONNACK for p in wire.feed("down", data)):
                            self.came += 1
                except OSError:
                    pass


@pytest.mark.timeout(240)
def test_one_take_over_is_borne(load, variant):
    """Once may be a mistake: the id is taken back, and nothing is lost."""
    flow = load(variant)
    with flow.publisher:
        flow.armed()
        intruder = Intruder(flow.broker.port, flow.client_id, variant.level, 1)
        intruder.start()
        flow.wait_plugin("the loss", lambda p: p["disconnects"] >= 1)
        flow.wait_plugin("back", lambda p: p["state"] == "connected")
        intruder.join(scaled(30))
        assert intruder.came == 1
        flow.end(within_a_process())


@pytest.mark.timeout(240)
def test_a_take_over_war_is_named(load, variant):
    """Where the broker's reason arrives (MQTT 5, unless a reset overtakes it) the task ends with a
    sentence about it; else the status asks. What was published meanwhile is there when the war is
    over."""
    flow = load(variant)
    with flow.publisher:
        flow.flow()
        Intruder(flow.broker.port, flow.client_id, variant.level, 8).start()

        def named():
            task = flow.task()
            said = task.get("trace") if task["state"] == "FAILED" else \
                task.get("details", {}).get("plugin", {}).get("last_error")
            if flow.client_id not in (said or ""):
                raise NotYet(task)
            return task["state"]
        state = wait_for(named, 90, "the war in words")
        assert state == "RUNNING" or variant.level == 5
        if state == "FAILED":
            flow.group.rest.do("POST", "/connectors/c/restart?includeTasks=true")

        def peace():
            task = flow.task()
            if task["state"] == "FAILED":  # the intruder's last visits
                flow.group.rest.do("POST", "/connectors/c/restart?includeTasks=true")
            if task["state"] != "RUNNING" or task["details"]["plugin"]["state"] != "connected":
                raise NotYet(task)
            return True
        wait_for(peace, 90, "peace", interval=2)
        flow.end()


# ---- The brokers --------------------------------------------------------------------------------


@pytest.mark.timeout(300)
@pytest.mark.parametrize("qos", [1, 2])
def test_the_mqtt_broker_is_restarted_five_times(load, variant, qos):
    flow = load(variant, qos)
    with flow.publisher:
        for n in range(1, 6):
            flow.flow()
            flow.broker.restart()
            flow.wait_plugin(f"restart {n} noticed", lambda p, n=n: p["disconnects"] >= n)
            flow.wait_plugin("connected again", lambda p: p["state"] == "connected")
            assert flow.plugin()["session_present"]
        flow.end()


@pytest.mark.timeout(240)
def test_kafka_away_for_longer_than_three_keep_alives(load, variant):
    """At full load, its limit reached: the connection stays, pings go on, nothing is lost. (In MQTT
    5 the limit is also the window, so the broker waits and nothing has to be held up.)"""
    flow = load(variant, mqtt__keepalive__interval__seconds=3, max__unacked__records=200)
    with flow.publisher:
        flow.flow()
        since = flow.plugin()["connected_since"]
        flow.kafka.stall()
        begin = time.monotonic()
        flow.wait_plugin("Kafka missed", lambda p: p["unacked"] and p["unacked_oldest_seconds"] > 3)
        wait_for(lambda: time.monotonic() - begin > 15, 30, "five keep-alives", interval=0.5)
        plugin = flow.plugin()
        assert (plugin["state"], plugin["connected_since"]) == ("connected", since)
        flow.kafka.heal()
        flow.end()
        assert flow.plugin()["connected_since"] == since


@pytest.mark.timeout(240)
def test_a_queue_that_overflows_is_the_brokers_loss_and_nobody_elses(
        request, cluster, workers, tmp_path, tools, certificates, variant):
    """mosquitto keeps 100 messages for a client that is slow, and drops what comes then without a
    word to anyone. A subscriber cannot see that. So: what the broker did send is in Kafka, in order
    and once; and the status claims no gap that nobody told it of, and no session lost."""
    flow = Load(request, cluster, workers, tmp_path, tools, variant, certificates,
                lines=("max_queued_messages 100", "max_inflight_messages 20"),
                max__unacked__records=50)
    flow.mqtt.tape = tape = []
    with flow.publisher:
        flow.flow()
        flow.kafka.stall()
        before = flow.publisher.count()
        flow.publisher.wait_published(before + 3000, 60)  # acknowledged to the devices, and gone
        flow.kafka.heal()
        flow.flow()
        published = flow.publisher.stop(60)
    plugin = flow.wait_plugin("all answered", lambda p: p["unacked"] == 0)
    wire, sent = m.Conversation(variant.level), set()
    for _, _, _, way, data in tape:
        if way == "down" and data:
            sent |= {p.payload for p in wire.feed("down", data) if p.type == m.PUBLISH}
    stored = [record.value for record in read_topic(cluster.bootstrap, flow.topic)]
    assert sent <= set(stored) and len(stored) == len(set(stored))
    missing = sum(map(len, published.values())) - len(stored)
    faults.figures.append(f"{flow.name}: the broker dropped {missing} of "
                          f"{sum(map(len, published.values()))}, all it sent is in Kafka")
    print(faults.figures[-1])
    assert missing > 0, "the queue did not overflow: this proves nothing"
    assert plugin["possible_gap_since"] is None and plugin["sessions_lost"] == 0
    assert plugin["disconnects"] == 0
