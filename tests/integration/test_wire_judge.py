"""The judge first: it sees what it is there to see (support/tape.py and its two parsers)."""
import struct
from collections import namedtuple

import pytest
from support import mqtt_wire as m
from support.kafka_wire import ProduceConversation
from support.tape import Verdict
from support.window import Window

Link = namedtuple("Link", "port")
MQTT, KAFKA = Link(1), Link(2)


# ---- Kafka's side, written by hand ----------------------------------------------------------------


def zigzag(value):
    value = value << 1 ^ value >> 63
    return m.varint(value)


def batch(values):
    records = b""
    for n, value in enumerate(values):
        record = b"\0" + zigzag(0) + zigzag(n) + zigzag(-1) + zigzag(len(value)) + value + zigzag(0)
        records += zigzag(len(record)) + record
    inner = struct.pack(">ibIhiqqqhii", 0, 2, 0, 0, len(values) - 1, 0, 0, 7, 0, 0,
                        len(values)) + records
    return struct.pack(">qi", 0, len(inner)) + inner


def framed(data):
    return struct.pack(">i", len(data)) + data


def request(correlation, topic, values, version=7):
    head = struct.pack(">hhi", 0, version, correlation) + struct.pack(">h", 2) + b"me"
    if version >= 9:
        records = batch(values)
        return framed(head + b"\0" + b"\0" + struct.pack(">hi", -1, 1000) + b"\2" +
                      m.varint(len(topic) + 1) + topic.encode() + b"\2" + struct.pack(">i", 0) +
                      m.varint(len(records) + 1) + records + b"\0\0\0")
    return framed(head + struct.pack(">hhi", -1, -1, 1000) + struct.pack(">i", 1) +
                  struct.pack(">h", len(topic)) + topic.encode() + struct.pack(">ii", 1, 0) +
                  struct.pack(">i", len(batch(values))) + batch(values))


def response(correlation, topic, error=0, version=7):
    head = struct.pack(">i", correlation)
    if version >= 9:
        return framed(head + b"\0\2" + m.varint(len(topic) + 1) + topic.encode() + b"\2" +
                      struct.pack(">ihqqq", 0, error, 0, -1, 0) + b"\1\0\0\0" +
                      struct.pack(">i", 0) + b"\0")
    return framed(head + struct.pack(">ih", 1, len(topic)) + topic.encode() +
                  struct.pack(">iihqqq", 1, 0, error, 0, -1, 0) + struct.pack(">i", 0))


# ---- Stories ------------------------------------------------------------------------------------


class Story:
    """A tape, told step by step."""

    def __init__(self, version=4):
        self.tape, self.version, self.correlation, self.connection = [], version, 0, 0
        self.connects()

    def mqtt(self, way, data, cut=None):
        for part in [data] if not cut else [data[:cut], data[cut:]]:
            self.tape.append((float(len(self.tape)), MQTT, self.connection, way, part))

    def connects(self):
        self.connection += 1
        self.mqtt("up", m.connect("me", self.version))
        self.mqtt("down", m.connack(version=self.version))

    def hears(self, packet_id, text, qos=1, dup=False):
        self.mqtt("down", m.publish(b"t", text.encode(), qos, packet_id, dup,
                                    version=self.version), cut=3)

    def kafka(self, *texts, error=0, topic="records", version=7):
        self.correlation += 1
        values = [text.encode() for text in texts]
        self.tape.append((0.0, KAFKA, 1, "up", request(self.correlation, topic, values, version)))
        self.tape.append((0.0, KAFKA, 1, "down",
                          response(self.correlation, topic, error, version)))

    def says(self, kind, packet_id):
        self.mqtt("up", m.ack(kind, packet_id))

    def verdict(self):
        return Verdict(self.tape, MQTT, "records")


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("produce", [7, 9])
def test_a_lawful_story(version, produce):
    story = Story(version)
    story.hears(1, "a"), story.hears(2, "b"), story.hears(7, "c", qos=2)
    story.kafka("a", "b", "c", version=produce)
    story.says(m.PUBACK, 1), story.says(m.PUBACK, 2), story.says(m.PUBREC, 7)
    story.mqtt("down", m.ack(m.PUBREL, 7))
    story.says(m.PUBCOMP, 7)
    verdict = story.verdict().require()
    assert verdict.acks == {m.PUBACK: 2, m.PUBREC: 1, m.PUBCOMP: 1}
    assert (verdict.received, verdict.unanswered, verdict.versions) == (3, 0, {version})


def test_one_id_twice_is_two_messages():
    story = Story()
    story.hears(1, "a"), story.hears(1, "b")
    story.kafka("a", "b")
    story.says(m.PUBACK, 1), story.says(m.PUBACK, 1)
    story.verdict().require()


def test_what_is_not_answered_is_counted():
    story = Story()
    story.hears(1, "a"), story.hears(2, "b")
    story.kafka("a")
    story.says(m.PUBACK, 1)
    assert story.verdict().require().unanswered == 1


def early(story):
    story.hears(1, "a")
    story.says(m.PUBACK, 1)
    story.kafka("a")


def early_pubrec(story):
    story.hears(1, "a", qos=2)
    story.says(m.PUBREC, 1)
    story.kafka("a")


def refused(story):
    story.hears(1, "a")
    story.kafka("a", error=6)
    story.says(m.PUBACK, 1)


def elsewhere(story):
    story.hears(1, "a")
    story.kafka("a", topic="other")
    story.says(m.PUBACK, 1)


def swapped(story):
    story.hears(1, "a"), story.hears(2, "b")
    story.kafka("a", "b")
    story.says(m.PUBACK, 2), story.says(m.PUBACK, 1)


def twice(story):
    story.hears(1, "a"), story.hears(2, "b")
    story.kafka("a", "b")
    story.says(m.PUBACK, 1), story.says(m.PUBACK, 1)


def never_received(story):
    story.says(m.PUBACK, 9)


def of_another_connection(story):
    story.hears(1, "a")
    story.kafka("a")
    story.connects()
    story.says(m.PUBACK, 1)


def wrong_kind(story):
    story.hears(1, "a", qos=2)
    story.kafka("a")
    story.says(m.PUBACK, 1)


def pubcomp_without_pubrel(story):
    story.says(m.PUBCOMP, 1)


def nonsense(story):
    story.mqtt("up", b"\x40\x02\0\0")


@pytest.mark.parametrize("tell, says", [
    (early, "before Kafka"), (early_pubrec, "before Kafka"), (refused, "before Kafka"),
    (elsewhere, "before Kafka"), (swapped, "out of line"), (twice, "once more"),
    (never_received, "nothing is waiting"), (of_another_connection, "nothing is waiting"),
    (wrong_kind, "nothing is waiting"), (pubcomp_without_pubrel, "nothing is waiting"),
    (nonsense, "packet id 0")], ids=lambda value: getattr(value, "__name__", None))
def test_every_fault_is_seen(tell, says):
    story = Story()
    tell(story)
    verdict = story.verdict()
    assert says in str(verdict.faults)
    with pytest.raises(AssertionError):
        verdict.require()


def test_properties_of_version_5():
    wire = m.Conversation(5)
    properties = (b"\x01\x01" + b"\x02\0\0\0\x09" + b"\x03" + m.string(b"text/plain") +
                  b"\x0b\x81\x01" + b"\x26" + m.string(b"k") + m.string(b"v") +
                  b"\x26" + m.string(b"k") + m.string(b"w"))
    data = m.publish(b"t", b"x", 1, 3, version=5, properties=properties)
    for cut in range(1, len(data)):
        assert wire.feed("down", data[:cut]) == []
        found, = wire.feed("down", data[cut:])
        assert found.properties == ((1, 1), (2, 9), (3, "text/plain"), (11, 129),
                                    (38, ("k", "v")), (38, ("k", "w")))
        assert (found.topic, found.payload, found.id) == (b"t", b"x", 3)


@pytest.mark.parametrize("data", [
    b"\x30\xff\xff\xff\xff\x01", b"\x36\x06\0\x01t\0\x01x", b"\x40\x03\0\x01\0", b"\xf0\0",
    b"\x60\x02\0\x01", b"\x32\x05\0\x09t\0\x01"])
def test_nonsense_is_malformed(data):
    with pytest.raises(m.Malformed):
        m.Conversation(4).feed("down", data)


def test_produce_answers_may_come_in_pieces():
    wire, data = ProduceConversation(), response(5, "records")
    wire.feed("up", request(5, "records", [b"a", b"b"]))
    found = [wire.feed("down", data[n:n + 1]) for n in range(len(data))]
    assert found[-1] == [("records", b"a"), ("records", b"b")] and not any(found[:-1])


@pytest.mark.parametrize("version", [4, 5])
def test_a_window_is_kept(version):
    window, wire = Window(3), m.Conversation(version)
    said = b"".join([m.publish(b"t", b"0", version=version)] +
                    [m.publish(b"t", b"%d" % n, 1 + n % 2, n, version=version)
                     for n in range(1, 7)] + [m.packet(m.PINGRESP, 0, b"")])
    heard, pings = [], []

    def through(way, data):
        for at in range(len(data)):
            for to, part in window(way, data[at:at + 1]):
                for packet in wire.feed(to, part):
                    if to == "down":
                        heard.append(packet.id or packet.type)
                    elif packet.type == m.PINGREQ:
                        pings.append(len(heard))

    def pong():
        through("down", m.packet(m.PINGRESP, 0, b""))
    through("down", said)
    assert heard == [m.PUBLISH, 1, 2, 3, m.PINGRESP] and not pings
    through("up", m.ack(m.PUBREC, 1))  # QoS 2: not yet
    through("up", m.ack(m.PUBACK, 2))
    assert len(pings) == 1 and heard[5:] == []  # perhaps the broker has not read it
    through("up", m.packet(m.PINGREQ, 0, b"") + m.ack(m.PUBCOMP, 1))
    pong()
    assert heard[5:] == [4] and len(pings) == 3  # one of them the client's
    pong()
    assert heard[6:] == [m.PINGRESP]
    pong()
    assert heard[7:] == [5]
    through("up", m.ack(m.PUBCOMP, 3))
    pong()
    assert heard[8:] == [6]
