"""On the wire: nothing is acknowledged to the MQTT broker before Kafka has it, and all of it in
order. The wires are recorded between the worker and both brokers; support/tape.py judges.

Kafka's answers are kept back by a tenth of a second: an acknowledgement that did not wait for them
would stand on the tape long before.
"""
import time

import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, create_topic, read_topic, unique_name
from support.mqtt import Publisher
from support.network import Network
from support.tape import ANSWER_TO, Verdict
from support.wait import NotYet, wait_for

MESSAGES = 1000


class Scene:
    """A worker between two recorded wires, and devices that publish."""

    def __init__(self, cluster, workers, network, variant, certificates, qos, count=MESSAGES,
                 **more):
        self.cluster, self.network, self.variant = cluster, network, variant
        self.tape = []
        self.mqtt = network.proxy.link(
            cluster.mqtt_port, certificates.server() if variant.tls else None)
        self.mqtt.tape = self.tape
        self.group = workers(1, prepare=network.attach)
        for link in self.kafka:
            link.tape = self.tape
        self.topic, self.prefix = create_topic(cluster.bootstrap, unique_name("wire")), \
            unique_name("wire")
        self.group.rest.create("c", mqtt_source(
            cluster, self.topic, self.prefix + "/#", mqtt__qos=qos,
            producer__override__compression__type="none",
            **variant.config(self.mqtt.port, certificates), **more))
        wait_subscribed(self.group.rest, "c")
        self.publisher = Publisher(
            cluster.mqtt_host, cluster.mqtt_port, self.group.directory, devices=10, rate=500,
            qos=qos, count=count, topic=self.prefix + "/{device}")

    @property
    def kafka(self):
        return self.network.to_kafka(self.group[0])

    def verdict(self):
        return Verdict(self.tape, self.mqtt, self.topic)

    def plugin(self):
        return self.group.rest.status("c")["tasks"][0]["details"]["plugin"]

    def wait_answered(self, messages, timeout=30):
        """Until everything that came has its answer. The tape is judged, not the status."""
        def answered():
            verdict = self.verdict()
            if verdict.unanswered or verdict.received < messages:
                raise NotYet(verdict)
            return verdict
        return wait_for(answered, timeout, "every message answered", interval=0.5)

    def end(self):
        """Everything published is in Kafka and answered, and the wire was lawful all the time."""
        published = self.publisher.stop()
        messages = sum(map(len, published.values()))
        wait_records(self.cluster, self.topic, messages)
        verdict = self.wait_answered(messages).require()
        assert verdict.versions == {self.variant.level}
        Judge(published, read_topic(self.cluster.bootstrap, self.topic)).require()
        return verdict


@pytest.fixture
def scene(cluster, workers, tools, certificates):
    def start(variant, qos, *rest, **more):
        network = tools.enter_context(Network(cluster))
        return Scene(cluster, workers, network, variant, certificates, qos, *rest, **more)
    return start


def answers(verdict, qos):
    """How many acknowledgements of each kind a run of MESSAGES has to have, at least."""
    wanted = {"PUBACK": MESSAGES, "PUBREC": 0, "PUBCOMP": 0} if qos == 1 else \
        {"PUBACK": 0, "PUBREC": MESSAGES, "PUBCOMP": MESSAGES}
    return {name: verdict.acks[kind] for kind, name in ANSWER_TO.items()}, wanted


@pytest.mark.parametrize("qos", [1, 2])
def test_an_acknowledgement_waits_for_kafka_and_its_turn(scene, variant, qos):
    wire = scene(variant, qos)
    wire.kafka.delay(100, "down")
    with wire.publisher:
        wire.publisher.wait_end()
        verdict = wire.end()
    given, wanted = answers(verdict, qos)
    assert given == wanted  # one connection: one each, and no more


@pytest.mark.parametrize("qos", [1, 2])
def test_while_kafka_says_nothing_nothing_is_acknowledged(scene, variant, qos):
    """The brokers take records, but their answers do not come through: what the worker cannot
    know it must not say."""
    wire = scene(variant, qos, None)
    with wire.publisher:
        wait_records(wire.cluster, wire.topic, 100)
        wire.kafka.stall("down")
        begin = time.monotonic()
        # The records of these are in Kafka before anybody has told the worker.
        wait_for(lambda: wire.verdict().unanswered >= 200, 30, "200 messages without an answer")
        wait_for(lambda: time.monotonic() - begin > 3, 10, "three seconds of silence")
        verdict, end = wire.verdict(), time.monotonic()
        late = [ANSWER_TO[kind] for kind in verdict.acks_between(begin + 0.5, end)
                if ANSWER_TO[kind] != "PUBCOMP"]
        assert not late and verdict.unanswered >= 200, verdict
        wire.kafka.heal()
        wire.end()


@pytest.mark.parametrize("qos", [1, 2])
def test_an_acknowledgement_stays_on_its_connection(scene, variant, qos):
    """Lost connections in the middle of it: what was received on one is never answered on another
    unless it came again there."""
    wire = scene(variant, qos, None, mqtt__reconnect__backoff__ms=50,
                 mqtt__reconnect__backoff__max__ms=200)
    wire.kafka.delay(100, "down")
    with wire.publisher:
        for n in range(1, 6):
            seen = wire.verdict().received
            wait_for(lambda: wire.verdict().received > seen + 50, 30, "messages")
            wire.mqtt.cut("rst" if n % 2 else "fin")
            wait_for(lambda: wire.plugin()["disconnects"] >= n and
                     wire.plugin()["state"] == "connected", 30, f"reconnect {n}")
        verdict = wire.end()
    assert len(verdict.connections) >= 6


def test_acknowledging_on_receipt_is_seen(scene, variant):
    """The judge's own test on real wires: a worker that is told not to wait breaks the rule."""
    wire = scene(variant, 1, ack__mode="receive")
    wire.kafka.delay(100, "down")
    with wire.publisher:
        wire.publisher.wait_end()
    faults = wire.wait_answered(MESSAGES).faults
    assert faults and all("before Kafka" in fault for fault in faults)
