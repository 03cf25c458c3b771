"""An MQTT client that does what a test says and nothing by itself: it acknowledges when told to.

    with Client(port, "me", receive_maximum=10) as client:     # MQTT 5; level=4 is 3.1.1
        client.subscribe("a/#", 1)                             # -> what was granted
        first = client.received(10)                            # PUBLISH packets, in their order
        client.ack(*first)
"""
import itertools
import socket
import time
from collections import deque

from support import mqtt_wire as m
from support.kafka import unique_name
from support.wait import scaled

HOST = "127.0.0.1"
SESSION_EXPIRY, RECEIVE_MAXIMUM = 17, 33  # properties, MQTT 5, 2.2.2.2
WEEK = 604800
AT_ONCE = 10  # messages on their way while publishing; HiveMQ allows no more


class Refused(Exception):
    """The broker's answer to CONNECT; `code` None: it closed the connection instead."""

    def __init__(self, code):
        super().__init__(f"CONNACK {code}")
        self.code = code


class Client:
    def __init__(self, port, client_id=None, level=5, clean=False, receive_maximum=None,
                 expiry=WEEK):
        self.client_id, self.level = client_id or unique_name("probe"), level
        self.wire, self.heard = m.Conversation(level), deque()
        self.ids = itertools.cycle(range(1, 65536))
        properties = bytes([SESSION_EXPIRY]) + expiry.to_bytes(4, "big")
        if receive_maximum:
            properties += bytes([RECEIVE_MAXIMUM]) + receive_maximum.to_bytes(2, "big")
        self.sock = socket.create_connection((HOST, port), timeout=scaled(10))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(m.connect(self.client_id, level, clean, 300, properties))
        try:
            answer = self.next(m.CONNACK)
        except ConnectionError:
            raise Refused(None) from None
        if answer.code:
            raise Refused(answer.code)
        self.session_present, self.limits = bool(answer.flags & 1), dict(answer.properties)

    def send(self, *packets):
        self.sock.sendall(b"".join(packets))

    def _read(self, seconds):
        """One read; False if nothing came in time."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            data = self.sock.recv(1 << 16)
        except socket.timeout:
            return False
        if not data:
            raise ConnectionError("closed by the broker")
        self.heard.extend(self.wire.feed("down", data))
        return True

    def _take(self, kind):
        for packet in self.heard:
            if packet.type == kind:
                self.heard.remove(packet)
                return packet
        return None

    def next(self, kind, timeout=30):
        """The next packet of this kind; others stay, in their order."""
        limit = time.monotonic() + scaled(timeout)
        while not (found := self._take(kind)):
            if not self._read(limit - time.monotonic()) and time.monotonic() > limit:
                raise TimeoutError(f"no packet of type {kind}, but {list(self.heard)[:5]}")
        return found

    def _body(self, *parts):
        """After a packet id: in MQTT 5 there are properties, none of ours."""
        return next(self.ids).to_bytes(2, "big") + b"\0" * (self.level == 5) + b"".join(parts)

    def subscribe(self, topic, qos):
        """-> the code of SUBACK: the QoS, or 0x80 and above."""
        self.send(m.packet(m.SUBSCRIBE, 2, self._body(m.string(topic.encode()), bytes([qos]))))
        return self.next(m.SUBACK).payload[0]

    def publish(self, topic, payloads, qos=1, retain=False):
        """Returns when the broker has answered for all of them."""
        payloads = list(payloads)
        for first in range(0, len(payloads), AT_ONCE):
            part = payloads[first:first + AT_ONCE]
            self.send(*[m.publish(topic.encode(), payload, qos, next(self.ids) if qos else 0,
                                  retain=retain, version=self.level) for payload in part])
            for _ in part if qos else ():
                answer = self.next(m.PUBACK if qos == 1 else m.PUBREC)
                assert answer.code < 0x80, f"the broker refused a message: {answer}"
                if qos == 2:
                    self.send(m.ack(m.PUBREL, answer.id))
                    self.next(m.PUBCOMP)

    def received(self, n, timeout=30):
        """The next `n` messages."""
        return [self.next(m.PUBLISH, timeout) for _ in range(n)]

    def all_received(self, silence=1.5):
        """What comes until nothing has come for so long."""
        while self._read(scaled(silence)):
            pass
        return self._messages()

    def _messages(self):
        found = [packet for packet in self.heard if packet.type == m.PUBLISH]
        self.heard = deque(packet for packet in self.heard if packet.type != m.PUBLISH)
        return found

    def ack(self, *packets):
        """PUBACK, or the whole of QoS 2."""
        self.send(*[m.ack(m.PUBACK, p.id) for p in packets if m.qos(p) == 1])
        for packet in packets:
            if m.qos(packet) == 2:
                self.send(m.ack(m.PUBREC, packet.id))
                self.next(m.PUBREL)
                self.send(m.ack(m.PUBCOMP, packet.id))

    def all_acked(self, silence=1.5):
        """Everything that comes, acknowledged as it comes."""
        found = []
        while self.heard or self._read(scaled(silence)):
            part = self._messages()
            self.ack(*part)
            found += part
            self.heard.clear()
        return found

    def drop(self):
        """Gone without a word."""
        self.sock.close()

    def leave(self):
        self.send(m.packet(m.DISCONNECT, 0, b""))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
