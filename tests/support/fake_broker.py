"""An MQTT broker that says what a test wants, also what no real one would.

    with FakeBroker() as broker:                # broker.port
        broker.wait_subscribed()
        broker.say(publish(b"t", b"x", 1, 7, dup=True))
        broker.wait_heard(PUBACK, 7)
"""
import socket
import threading

from . import mqtt_wire as m
from .wait import NotYet, wait_for


class FakeBroker:
    """Takes everybody, grants everything, answers pings; one connection counts, the last one."""

    def __init__(self, session_present=False):
        self.session_present = session_present
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heard, self.connections, self.version, self.sock = [], 0, None, None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        wire = m.Conversation()
        try:
            while data := sock.recv(65536):
                for packet in wire.feed("up", data):
                    self._answer(sock, wire.version, packet)
        except (OSError, m.Malformed) as error:
            self.heard.append(error)
        sock.close()

    def _answer(self, sock, version, packet):
        if packet.type == m.CONNECT:
            sock.sendall(m.connack(self.session_present, 0, version))
            self.sock, self.version = sock, version
            self.connections += 1
        elif packet.type == m.SUBSCRIBE:
            filters, granted = m.Reader(packet.payload), b""
            while not filters.empty:
                filters.bytes()
                granted += bytes([filters.number("B") & 3])
            body = packet.id.to_bytes(2, "big") + (b"\0" if version == 5 else b"") + granted
            sock.sendall(m.packet(m.SUBACK, 0, body))
        elif packet.type == m.PINGREQ:
            sock.sendall(m.packet(m.PINGRESP, 0, b""))
        self.heard.append(packet)

    def say(self, *packets):
        self.sock.sendall(b"".join(packets))

    def publish(self, *args, **kwargs):
        self.say(m.publish(*args, version=self.version, **kwargs))

    def count(self, kind, packet_id=None):
        return sum(isinstance(p, m.Packet) and p.type == kind and packet_id in (None, p.id)
                   for p in list(self.heard))

    def wait_heard(self, kind, packet_id=None, n=1, timeout=20):
        def enough():
            if self.count(kind, packet_id) < n:
                raise NotYet(self.heard[-5:])
            return True
        wait_for(enough, timeout, f"{n} packets of type {kind}, id {packet_id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        if self.sock:
            self.sock.close()
