"""MQTT 3.1.1 and 5 as bytes, both ways: a parser and a few packets, for tests that judge a wire.

    wire = Conversation()
    wire.feed("up", data)       # -> packets of the client
    wire.feed("down", data)     # -> packets of the broker

What is no MQTT raises Malformed: for a judge of others that is a finding like any other.
"""
import struct
from collections import namedtuple

(CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE,
 UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH) = range(1, 16)

Packet = namedtuple("Packet", "type flags id topic payload code properties",
                    defaults=(0, None, None, 0, ()))
"""`id` is 0 without one, `code` what CONNACK, an acknowledgement or DISCONNECT says: 0 is well.
`properties` are (number, value) in their order, of MQTT 5."""

# MQTT 5, 2.2.2.2: how the value of each property is written.
PROPERTIES = {
    1: "B", 2: "I", 3: "text", 8: "text", 9: "bytes", 11: "varint", 17: "I", 18: "text", 19: "H",
    21: "text", 22: "bytes", 23: "B", 24: "I", 25: "B", 26: "text", 28: "text", 31: "text",
    33: "H", 34: "H", 35: "H", 36: "B", 37: "B", 38: "pair", 39: "I", 40: "B", 41: "B", 42: "B"}


class Malformed(Exception):
    pass


def qos(packet):
    return packet.flags >> 1 & 3


def is_dup(packet):
    return bool(packet.flags & 8)


class Reader:
    """Takes values off the front of `data`."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Malformed(f"{size} bytes wanted, {len(self.data) - self.at} left")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def bytes(self):
        return bytes(self.take(self.number("H")))

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError as error:
            raise Malformed(str(error)) from None

    def varint(self):
        value = 0
        for shift in (0, 7, 14, 21):
            digit = self.number("B")
            value |= (digit & 127) << shift
            if digit < 128:
                return value
        raise Malformed("a fifth length byte")

    def properties(self):
        inner, found = Reader(self.take(self.varint())), []
        while not inner.empty:
            number = inner.varint()
            form = PROPERTIES.get(number)
            if form is None:
                raise Malformed(f"property {number}")
            if form == "pair":
                value = (inner.text(), inner.text())
            elif form in ("text", "bytes", "varint"):
                value = getattr(inner, form)()
            else:
                value = inner.number(form)
            found.append((number, value))
        return tuple(found)

    @property
    def empty(self):
        return self.at == len(self.data)

    def rest(self):
        return bytes(self.take(len(self.data) - self.at))


def frames(buffer):
    """Takes whole packets off the front of a bytearray -> (packet, where its body begins)."""
    while len(buffer) > 1:
        size, at = 0, 1
        while True:
            if at == len(buffer):
                return
            size |= (buffer[at] & 127) << 7 * (at - 1)
            at += 1
            if buffer[at - 1] < 128:
                break
            if at > 4:
                raise Malformed("a fifth length byte")
        if len(buffer) < at + size:
            return
        packet = bytes(buffer[:at + size])
        del buffer[:at + size]
        yield packet, at


class Conversation:
    """One connection. The client's CONNECT says which version is spoken."""

    def __init__(self, version=None):
        self.version, self.buffers = version, {"up": bytearray(), "down": bytearray()}

    def feed(self, way, data):
        self.buffers[way] += data
        return [self._packet(packet[0] >> 4, packet[0] & 15, Reader(packet[at:]))
                for packet, at in frames(self.buffers[way])]

    def _packet(self, kind, flags, body):
        v5 = self.version == 5
        if kind == CONNECT:
            if body.bytes() != b"MQTT":
                raise Malformed("CONNECT of another protocol")
            self.version = body.number("B")
            return Packet(kind, flags, payload=body.rest())
        if self.version not in (4, 5):
            raise Malformed(f"packet of type {kind} with protocol level {self.version}")
        if kind == PUBLISH:
            topic, packet_id = body.bytes(), 0
            if flags >> 1 & 3 == 3:
                raise Malformed("PUBLISH with QoS 3")
            if flags & 6:
                packet_id = self._id(body)
            properties = body.properties() if v5 else ()
            return Packet(kind, flags, packet_id, topic, body.rest(), 0, properties)
        if kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            if flags != (2 if kind == PUBREL else 0):
                raise Malformed(f"type {kind} with flags {flags}")
            packet_id = self._id(body)
            code = body.number("B") if v5 and not body.empty else 0
            properties = body.properties() if v5 and not body.empty else ()
            self._end(kind, body)
            return Packet(kind, flags, packet_id, code=code, properties=properties)
        if kind == CONNACK:
            present, code = body.number("B"), body.number("B")
            properties = body.properties() if v5 else ()
            self._end(kind, body)
            return Packet(kind, present, code=code, properties=properties)
        if kind == DISCONNECT or kind == AUTH and v5:
            code = body.number("B") if v5 and not body.empty else 0
            properties = body.properties() if v5 and not body.empty else ()
            self._end(kind, body)
            return Packet(kind, flags, code=code, properties=properties)
        if kind in (SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK):
            packet_id = self._id(body)
            properties = body.properties() if v5 else ()
            return Packet(kind, flags, packet_id, payload=body.rest(), properties=properties)
        if kind in (PINGREQ, PINGRESP):
            self._end(kind, body)
            return Packet(kind, flags)
        raise Malformed(f"type {kind}")

    @staticmethod
    def _id(body):
        packet_id = body.number("H")
        if not packet_id:
            raise Malformed("packet id 0")
        return packet_id

    @staticmethod
    def _end(kind, body):
        if not body.empty:
            raise Malformed(f"type {kind} goes on behind its end")


# ---- Writing: what a judge's own test, or a client that is rude on purpose, has to say -----------


def varint(value):
    digits = bytearray()
    while True:
        digits.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(digits)


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def string(data):
    return struct.pack(">H", len(data)) + data


def connect(client_id, version=4, clean=False, keepalive=60, properties=b""):
    head = string(b"MQTT") + struct.pack(">BBH", version, 2 if clean else 0, keepalive)
    if version == 5:
        head += varint(len(properties)) + properties
    return packet(CONNECT, 0, head + string(client_id.encode()))


def connack(present=False, code=0, version=4):
    return packet(CONNACK, 0, bytes([present, code]) + (b"\0" if version == 5 else b""))


def publish(topic, payload, qos=0, packet_id=0, dup=False, retain=False, version=4,
            properties=b""):
    body = string(topic) + (struct.pack(">H", packet_id) if qos else b"")
    if version == 5:
        body += varint(len(properties)) + properties
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | retain, body + payload)


def ack(kind, packet_id, code=None):
    body = struct.pack(">H", packet_id) + (b"" if code is None else bytes([code]))
    return packet(kind, 2 if kind == PUBREL else 0, body)
