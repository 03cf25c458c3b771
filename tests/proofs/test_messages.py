"""Messages and subscriptions that are out of the ordinary, each through a whole worker."""
import json
import time

import pytest
from support import mqtt_wire as m
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.fake_broker import FakeBroker
from support.kafka import create_topic, read_topic, unique_name
from support.mosquitto import Mosquitto
from support.network import Network
from support.wait import NotYet, wait_for

import paho.mqtt.client as paho

MEGABYTE = 1 << 20


class Source:
    """One connector on one worker, with a Kafka topic of its own."""

    def __init__(self, cluster, workers, port, prefix=None, topic_config=(), prepare=None, **more):
        self.cluster, self.port = cluster, port
        self.prefix = prefix or unique_name("odd")
        self.topic = create_topic(cluster.bootstrap, unique_name("odd"), 1, **dict(topic_config))
        self.group = workers(1, prepare=prepare)
        config = {"mqtt__server__uri": f"tcp://127.0.0.1:{port}", "mqtt__payload__format": "bytes",
                  "value__converter": "org.apache.kafka.connect.converters.ByteArrayConverter"}
        self.config = mqtt_source(cluster, self.topic, f"{self.prefix}/#", **{**config, **more})
        self.group.rest.create("c", self.config)
        wait_subscribed(self.group.rest, "c")

    def values(self):
        return [record.value for record in read_topic(self.cluster.bootstrap, self.topic)]

    def task(self):
        return self.group.rest.status("c")["tasks"][0]

    def plugin(self):
        return self.task()["details"]["plugin"]

    def wait_records(self, n, timeout=30):
        return wait_records(self.cluster, self.topic, n, timeout)

    def wait_answered(self, n, timeout=30):
        """Until so many messages have come in all, and none waits for its acknowledgement. Details
        are up to a second old, so they must show the messages first."""
        def all_answered():
            plugin = self.plugin()
            if sum(plugin["received"].values()) < n or plugin["unacked"] or \
                    plugin["state"] != "connected":
                raise NotYet(plugin)
            return plugin
        return wait_for(all_answered, timeout, "everything acknowledged")


class Sender:
    """Publishes and waits for the broker's word."""

    def __init__(self, port):
        self.client = paho.Client(unique_name("sender"))
        self.client.max_inflight_messages_set(1000)
        self.client.max_queued_messages_set(0)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def send(self, topic, *payloads, qos=1, retain=False, timeout=60):
        sent = [self.client.publish(topic, payload, qos, retain) for payload in payloads]
        for message in sent:
            message.wait_for_publish(timeout)
            assert message.is_published()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


PAYLOADS = [b"", b"\0", b"\0\0with\0NUL", b"\xff\xfe no UTF-8 \x80", bytes(range(256)), b"x" * 70000,
            b"m" * (MEGABYTE - 200)]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_payloads_of_any_bytes_and_up_to_a_megabyte(cluster, workers, broker, qos):
    source = Source(cluster, workers, broker.port, mqtt__qos=qos,
                    topic_config={"max_message_bytes": 2 * MEGABYTE},
                    producer__override__max__request__size=2 * MEGABYTE)
    with Sender(broker.port) as sender:
        sender.send(f"{source.prefix}/a", *PAYLOADS, qos=qos)
    source.wait_records(len(PAYLOADS))
    assert source.values() == PAYLOADS
    assert source.wait_answered(len(PAYLOADS))["disconnects"] == 0


def test_a_packet_above_the_limit_is_an_error_of_its_own(cluster, workers, broker):
    """It is neither stored nor does it cost the connection; what is around it arrives."""
    source = Source(cluster, workers, broker.port, mqtt__maximum__packet__size=10000,
                    mqtt__version="3.1.1",  # a broker of MQTT 5 would not even send it
                    errors__tolerance="all")
    with Sender(broker.port) as sender:
        sender.send(f"{source.prefix}/a", b"before", b"x" * 10001, b"y" * 300000, b"after")
    source.wait_records(2)
    plugin = source.wait_answered(4)
    assert source.values() == [b"before", b"after"]
    assert plugin["disconnects"] == 0 and source.task()["state"] == "RUNNING"


def test_a_packet_above_the_limit_ends_the_task_unless_errors_are_tolerated(
        cluster, workers, broker):
    source = Source(cluster, workers, broker.port, mqtt__maximum__packet__size=10000,
                    mqtt__version="3.1.1")
    with Sender(broker.port) as sender:
        sender.send(f"{source.prefix}/a", b"before", b"x" * 10001)
    wait_for(lambda: source.task()["state"] == "FAILED", 30, "the task FAILED")
    assert f"{source.prefix}/a" in source.task()["trace"]
    assert source.values() == [b"before"]


def test_a_thousand_bad_payloads_in_a_row_stop_nothing(cluster, workers, broker):
    source = Source(cluster, workers, broker.port, mqtt__payload__format="json",
                    value__converter="org.apache.kafka.connect.json.JsonConverter",
                    value__converter__schemas__enable="false", errors__tolerance="all")
    with Sender(broker.port) as sender:
        sender.send(f"{source.prefix}/a", "[1]", *[f"{{bad {n}" for n in range(1000)], "[2]")
    source.wait_records(2)
    plugin = source.wait_answered(1002)
    assert [json.loads(value) for value in source.values()] == [[1], [2]]
    assert plugin["received"]["qos1"] == 1002 and source.task()["state"] == "RUNNING"


@pytest.mark.timeout(240)
def test_seventy_thousand_in_flight(cluster, workers, tmp_path, tools):
    """A broker without a window, and Kafka takes no record: as many as the worker has room for are
    on their way, 50 000, the rest waits in the socket; no packet id is confused with its
    namesake."""
    network = tools.enter_context(Network(cluster))
    with Mosquitto(tmp_path, "max_inflight_messages 0") as broker, Sender(broker.port) as sender:
        source = Source(cluster, workers, broker.port, prepare=network.attach,
                        mqtt__version="3.1.1", max__unacked__records=65000)
        sender.send(f"{source.prefix}/a", "0")
        source.wait_records(1)
        produce, topic = b"\0\0", source.topic.encode()  # the group's connections go on
        network.to_kafka(source.group[0]).trap(lambda data: data[4:6] == produce and topic in data)
        for first in range(0, 70000, 10000):  # paho has packet ids for 65 535
            sender.send(f"{source.prefix}/a", *[str(1 + first + n) for n in range(10000)])
        wait_for(lambda: source.plugin()["unacked"] >= 50000, 60, "no room any more")
        network.heal()
        source.wait_records(70001, 90)
        plugin = source.wait_answered(70001, 60)
        assert [int(value) for value in source.values()] == list(range(70001))
        assert plugin["disconnects"] == 0


# ---- A broker that says what no real one would --------------------------------------------------


def on_fake(cluster, workers, broker, **more):
    return Source(cluster, workers, broker.port, prefix="t", mqtt__topics="#", **more)


@pytest.mark.parametrize("qos, kind", [(1, m.PUBACK), (2, m.PUBREC)])
def test_a_first_message_that_says_dup_is_produced(cluster, workers, qos, kind):
    with FakeBroker(session_present=True) as broker:
        source = on_fake(cluster, workers, broker, mqtt__qos=qos)
        broker.publish(b"t/a", b"never seen", qos, 7, dup=True)
        source.wait_records(1)
        broker.wait_heard(kind, 7)
        assert source.values() == [b"never seen"]


@pytest.mark.parametrize("topic", [b"t/\xff\xfe", b"t/a\0b"])
def test_a_topic_that_is_no_text_costs_no_connection(cluster, workers, topic):
    """It would come again at every reconnect: so it takes the way of bad records."""
    with FakeBroker() as broker:
        source = on_fake(cluster, workers, broker, errors__tolerance="all")
        broker.publish(b"t/a", b"before", 1, 1)
        broker.publish(topic, b"odd", 1, 2)
        broker.publish(b"t/a", b"after", 1, 3)
        source.wait_records(2)
        for packet_id in (1, 2, 3):
            broker.wait_heard(m.PUBACK, packet_id)
        assert source.values() == [b"before", b"after"]
        assert broker.connections == 1 and source.task()["state"] == "RUNNING"


@pytest.mark.parametrize("nonsense", [b"\x36\x06\0\x01t\0\x01x", b"\x30\xff\xff\xff\xff\x01",
                                      b"\x32\x06\0\x01t\0\0x", b"\xf0\0"])
def test_nonsense_costs_one_connection_and_no_message(cluster, workers, nonsense):
    with FakeBroker(session_present=True) as broker:
        source = on_fake(cluster, workers, broker, mqtt__reconnect__backoff__ms=50)
        broker.publish(b"t/a", b"before", 1, 1)
        source.wait_records(1)
        broker.wait_heard(m.PUBACK, 1)
        broker.say(nonsense)
        wait_for(lambda: broker.connections > 1, 30, "another connection")
        broker.publish(b"t/a", b"after", 1, 2)
        broker.wait_heard(m.PUBACK, 2)
        assert source.values() == [b"before", b"after"]


# ---- Retained messages, filters -----------------------------------------------------------------


def restart_worker(source):
    worker = source.group[0]
    assert worker.stop()[0] == 0
    worker.start().wait_rest()
    wait_subscribed(source.group.rest, "c")
    wait_for(lambda: source.plugin()["state"] == "connected", 30, "connected")


def test_retained_messages_come_once_through_three_restarts(cluster, workers, broker):
    prefix = unique_name("retained")
    with Sender(broker.port) as sender:
        for n in range(5):
            sender.send(f"{prefix}/{n}", f"kept {n}", retain=True)
        source = Source(cluster, workers, broker.port, prefix=prefix)
        source.wait_records(5)
        for n in range(3):
            source.wait_answered(1)
            restart_worker(source)
            sender.send(f"{prefix}/live", f"live {n}")
            source.wait_records(6 + n)
    assert sorted(source.values()) == sorted(
        [b"kept %d" % n for n in range(5)] + [b"live %d" % n for n in range(3)])


def test_a_filter_comes_and_goes_on_a_living_session(cluster, workers, broker):
    """What stays is not subscribed again: its retained messages do not come a second time."""
    prefix = unique_name("filters")
    one, two = f"{prefix}/one/#", f"{prefix}/two/#"
    with Sender(broker.port) as sender:
        sender.send(f"{prefix}/one/kept", "kept one", retain=True)
        sender.send(f"{prefix}/two/kept", "kept two", retain=True)
        source = Source(cluster, workers, broker.port, prefix=prefix, mqtt__topics=one)
        source.wait_records(1)

        def now(filters):
            config = {**source.config, "mqtt.topics": ",".join(filters)}
            source.group.rest.put_config("c", config)

            def granted():
                plugin = source.plugin()
                if set(plugin["granted_qos"]) != set(filters) or plugin["state"] != "connected" \
                        or None in plugin["granted_qos"].values():
                    raise NotYet(plugin)
                return plugin
            return wait_for(granted, 30, f"subscribed to {filters}")
        now([one, two])
        source.wait_records(2)
        sender.send(f"{prefix}/two/a", "two")
        source.wait_records(3)
        plugin = now([one])
        assert plugin["session_present"]
        sender.send(f"{prefix}/two/a", "nobody wants this")
        sender.send(f"{prefix}/one/a", "one")
        source.wait_records(4)
        source.wait_answered(1)
    assert source.values() == [b"kept one", b"kept two", b"two", b"one"]
