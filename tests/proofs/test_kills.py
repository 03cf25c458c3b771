"""kill -9 of the worker that has the task, again and again at random moments under load, in every
way to speak to an MQTT broker: nothing is lost, and a kill repeats one window at most, where the
broker keeps one (support/window.py).

WEIR_SEED repeats a run's dice. One way by hand: make prove TESTS='-k "test_kill_9 and mqtt5-tls-2"'
"""
import os
import random
import time

import pytest
from support import faults
from support.connectors import mqtt_source, wait_subscribed
from support.kafka import Judge, count, create_topic, read_topic, unique_name
from support.lanes import WINDOW, errors_in
from support.mosquitto import Mosquitto
from support.mqtt import Publisher
from support.proxy import Proxy
from support.variants import variants
from support.wait import NotYet, wait_for
from support.window import Window
from support.ws_wire import Unwrapped

RATE = 5000  # messages per second; a crowded machine manages fewer, and says so
ROUND = 10  # kills with one connector, one topic, one publisher


class Kills:
    def __init__(self, cluster, group, broker, port, variant, certificates, qos, dice):
        self.cluster, self.group, self.dice = cluster, group, dice
        self.topic = create_topic(cluster.bootstrap, unique_name("kills"))
        self.name, prefix = unique_name("kills"), unique_name("kills")
        group.rest.create(self.name, mqtt_source(
            cluster, self.topic, prefix + "/#", mqtt__qos=qos,
            mqtt__reconnect__backoff__max__ms=1000, **variant.config(port, certificates)))
        wait_subscribed(group.rest, self.name)
        self.publisher = Publisher("127.0.0.1", broker.port, group.directory, devices=50,
                                   rate=RATE, qos=qos, topic=prefix + "/{device}")

    def owner(self):
        """The worker that the status names, while it lives; else any that does."""
        def found():
            task = self.group.rest.status(self.name)["tasks"][0]
            worker = self.group.by_id(task["worker_id"])
            return worker if worker.alive else self.dice.choice(self.group.alive)
        return wait_for(found, 30, "a worker to kill")

    def flow(self):
        before = count(self.cluster.bootstrap, self.topic)

        def grown():
            now = count(self.cluster.bootstrap, self.topic)
            if now < before + 100:
                raise NotYet(now - before)
            return True
        wait_for(grown, 90, "records flowing")

    def one(self):
        """Most kills hit a flow, some the middle of what the last one began."""
        if self.dice.random() < 0.8:
            self.flow()
        time.sleep(self.dice.uniform(0, 0.8))  # the random moment
        victim = self.owner()
        victim.kill()
        victim.start()

    def end(self, kills):
        """The verdict on this connector, which is gone afterwards. `kills`: None sets no bound."""
        for worker in self.group:
            worker.wait_rest()
        self.flow()
        published = self.publisher.stop(60)
        wanted = sum(map(len, published.values()))

        def arrived():
            assert self.group.rest.status(self.name)["tasks"][0]["state"] != "FAILED"
            if count(self.cluster.bootstrap, self.topic) < wanted:
                raise NotYet("fewer records than messages")
            verdict = Judge(published, read_topic(self.cluster.bootstrap, self.topic))
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        verdict = wait_for(arrived, 120, "everything in Kafka", interval=1)
        self.group.rest.do("DELETE", f"/connectors/{self.name}")
        return verdict.require(duplicates=kills and kills * WINDOW)


def shape(variant, window):
    return Unwrapped(Window(window)) if variant.ws else Window(window)


def prove(cluster, workers, tmp_path, certificates, variant, qos, kills, window=WINDOW):
    """`window`: None is as the broker has it, so that nothing can be said about repeats."""
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}")
    dice, group, begin = random.Random(seed), workers(2), time.monotonic()
    published = duplicates = 0
    with Mosquitto(tmp_path, certificates=certificates) as broker, Proxy() as proxy:
        port = variant.port(broker)
        if window:
            link = proxy.link(broker.ws_port if variant.ws else broker.port,
                              certificates.server() if variant.tls else None)
            link.shaper, port = lambda: shape(variant, window), link.port
        for first in range(0, kills, ROUND):
            part = min(ROUND, kills - first)
            round_ = Kills(cluster, group, broker, port, variant, certificates, qos, dice)
            with round_.publisher:
                for _ in range(part):
                    round_.one()
                verdict = round_.end(part if window else None)
            published += verdict.counts["published"]
            duplicates += verdict.duplicates
    faults.figures.append(
        f"kill -9, {variant}, QoS {qos}: {kills} kills, {published} messages in "
        f"{time.monotonic() - begin:.0f} s, lost 0, duplicates {duplicates} "
        f"({f'at most {kills * WINDOW}' if window else 'no window kept'}), seed {seed}")
    print(faults.figures[-1])
    for worker in group:
        assert not errors_in(worker), errors_in(worker)[:5]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_fifty_times(cluster, workers, tmp_path, certificates, any_variant, qos):
    prove(cluster, workers, tmp_path, certificates, any_variant, qos, 50)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_with_the_broker_as_it_is(cluster, workers, tmp_path, certificates, any_variant,
                                         qos):
    """Nothing in between. What comes twice is the broker's window, kept or not: a figure."""
    prove(cluster, workers, tmp_path, certificates, any_variant, qos, ROUND, None)


@pytest.mark.fast
@pytest.mark.timeout(300)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_five_times(cluster, workers, tmp_path, certificates, qos):
    """The oldest way with one QoS, the newest with the other."""
    prove(cluster, workers, tmp_path, certificates, variants()[0 if qos == 1 else -1], qos, 5)


@pytest.mark.fast
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["mqtt3.1.1-ws", "mqtt5-wss"])
def test_kill_9_three_times_over_websocket(cluster, workers, tmp_path, certificates, way):
    """The broker's own WebSocket, with nothing in between."""
    variant, = [v for v in variants(ws=True) if str(v) == way]
    prove(cluster, workers, tmp_path, certificates, variant, 1, 3, None)
