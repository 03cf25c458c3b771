"""What went over a worker's wires, and the judge of it.

    mqtt.tape = kafka.tape = tape = []          # links of one Proxy: their pieces share one order
    ...
    verdict = Verdict(tape, mqtt, topic)
    verdict.require()

Pieces of the worker's stand on the tape as they come in, pieces for it just before they go out, so
whatever the worker could have known stands before what it said. A violation is not seen when both
happen within the same moment: keep Kafka's answers back (`kafka.delay(100, "down")`), then an
acknowledgement that did not wait for them comes long before.

The rules, of each MQTT connection:
  - PUBACKs name the ids of the QoS 1 messages received on it, in their order, none left out and
    none twice; PUBRECs those of QoS 2; PUBCOMPs those of the PUBRELs.
  - PUBACK and PUBREC come after Kafka's confirmation of a record with that payload was passed on.
"""
from collections import defaultdict

from . import mqtt_wire as m
from .kafka_wire import ProduceConversation

ANSWER_TO = {m.PUBACK: "PUBACK", m.PUBREC: "PUBREC", m.PUBCOMP: "PUBCOMP"}


class Connection:
    """What the judge notes about one MQTT connection."""

    def __init__(self):
        self.wire = m.Conversation()
        self.due = {kind: [] for kind in ANSWER_TO}  # (id, payload) in the order of receipt
        self.given = {kind: 0 for kind in ANSWER_TO}
        self.client_id = None


class Verdict:
    """`mqtt`: the link between worker and MQTT broker; all others on the tape lead to Kafka.
    Payloads have to be unique, records in `topic` have the payload as their value."""

    def __init__(self, tape, mqtt, topic):
        self.topic, self.faults = topic, []
        self.confirmed = set()
        self.connections, self.kafka = {}, defaultdict(ProduceConversation)
        self.acks = {kind: 0 for kind in ANSWER_TO}
        self.received = 0
        self.times = []  # (time, type) of all acknowledgements
        for when, link, number, way, data in list(tape):
            if data is None:
                continue
            if link is mqtt:
                self._mqtt(when, number, way, data)
            else:
                self._kafka(link, number, way, data)

    def _kafka(self, link, number, way, data):
        for topic, value in self.kafka[link.port, number].feed(way, data):
            if topic == self.topic:
                self.confirmed.add(value)

    def _mqtt(self, when, number, way, data):
        connection = self.connections.setdefault(number, Connection())
        try:
            packets = connection.wire.feed(way, data)
        except m.Malformed as error:
            self.faults.append(f"connection {number}, {way}: {error}")
            return
        for packet in packets:
            if way == "down":
                self._heard(connection, packet)
            elif packet.type in ANSWER_TO:
                self._said(connection, number, packet)
                self.times.append((when, packet.type))

    def _heard(self, connection, packet):
        if packet.type == m.PUBLISH:
            self.received += 1
            if m.qos(packet):
                kind = m.PUBACK if m.qos(packet) == 1 else m.PUBREC
                connection.due[kind].append((packet.id, packet.payload))
        elif packet.type == m.PUBREL:
            connection.due[m.PUBCOMP].append((packet.id, None))

    def _said(self, connection, number, packet):
        name, due = ANSWER_TO[packet.type], connection.due[packet.type]
        where = f"connection {number}: {name} {packet.id}"
        at = connection.given[packet.type]
        if at >= len(due):
            self.faults.append(f"{where}: nothing is waiting for it")
            return
        wanted, payload = due[at]
        if wanted != packet.id:
            seen = [i for i, _ in due[:at]]
            self.faults.append(f"{where}: {'once more' if packet.id in seen else 'out of line'}, "
                               f"{wanted} is next")
        elif payload is not None and payload not in self.confirmed:
            self.faults.append(f"{where}: before Kafka confirmed {payload[:60]!r}")
        connection.given[packet.type] += 1
        self.acks[packet.type] += 1

    @property
    def unanswered(self):
        """Of the connection that is open, or was the last one."""
        if not self.connections:
            return 0
        last = self.connections[max(self.connections)]
        return sum(len(due) - last.given[kind] for kind, due in last.due.items())

    def acks_between(self, begin, end):
        return [kind for when, kind in self.times if begin <= when <= end]

    @property
    def versions(self):
        return {connection.wire.version for connection in self.connections.values()}

    def __repr__(self):
        return (f"{self.received} messages, {len(self.connections)} connections, "
                f"{ {name: self.acks[kind] for kind, name in ANSWER_TO.items()} }, "
                f"{len(self.confirmed)} confirmed, {len(self.faults)} faults {self.faults[:5]}")

    def require(self):
        assert not self.faults, repr(self)
        return self
