"""Kafka's group protocol in bare bytes, for what no client library does: a member of another kind.

Versions: the lowest that Kafka 4 still takes.
"""
import socket
import struct

FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT, LEAVE_GROUP, SYNC_GROUP = 10, 11, 12, 13, 14
REBALANCE_IN_PROGRESS, INCONSISTENT_GROUP_PROTOCOL = 27, 23


def _text(text):
    return struct.pack(">h", len(text)) + text.encode()


def _bytes(data):
    return struct.pack(">i", len(data)) + data


class _Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        value, = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return value

    def text(self):
        size = self.take("h")
        return None if size < 0 else self.take(f"{size}s").decode()

    def bytes(self):
        size = self.take("i")
        return self.take(f"{size}s")


class Broker:
    """One connection; one request at a time."""

    def __init__(self, host, port, timeout=70):
        self.socket = socket.create_connection((host, port), timeout=timeout)

    def ask(self, api, version, body):
        head = struct.pack(">hhi", api, version, 1) + _text("weir-test")
        self.socket.sendall(_bytes(head + body))
        fields = _Fields(self._receive(struct.unpack(">i", self._receive(4))[0]))
        fields.take("i")  # the correlation id
        return fields

    def _receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("closed by the broker")
            data += part
        return data

    def close(self):
        self.socket.close()


class GroupError(Exception):
    def __init__(self, what, code):
        super().__init__(f"{what}: error {code}")
        self.code = code


def coordinator(bootstrap, key, kind=0):
    """(id, host, port) of the broker that looks after a group, or with kind=1 after a
    transactional id."""
    broker = None
    for address in bootstrap.split(","):
        host, port = address.split(":")
        try:
            broker = Broker(host, int(port), 10)
            break
        except OSError:
            continue
    try:
        answer = broker.ask(FIND_COORDINATOR, 1, _text(key) + struct.pack(">b", kind))
    finally:
        broker.close()
    answer.take("i")
    error = answer.take("h")
    if error:
        raise GroupError("coordinator", error)
    answer.text()
    return answer.take("i"), answer.text(), answer.take("i")


class Member:
    """A group member of protocol type "connect", as a JVM worker is one. It has joined when it is
    made; it stays while heartbeat() is called within 6 s, until leave()."""

    def __init__(self, bootstrap, group, protocol_type="connect"):
        _, host, port = coordinator(bootstrap, group)
        self.broker, self.group = Broker(host, port), group
        self.kind = protocol_type
        self.member = ""
        self.join()

    def _check(self, what, error):
        if error:
            raise GroupError(what, error)

    def join(self):
        answer = self.broker.ask(
            JOIN_GROUP, 2, _text(self.group) + struct.pack(">ii", 6000, 10000) +
            _text(self.member) + _text(self.kind) +
            struct.pack(">i", 1) + _text("sessioned") + _bytes(b"\0\0"))
        answer.take("i")
        self._check("join", answer.take("h"))
        self.generation = answer.take("i")
        answer.text(), answer.text()
        self.member = answer.text()
        answer = self.broker.ask(
            SYNC_GROUP, 1, _text(self.group) + struct.pack(">i", self.generation) +
            _text(self.member) + struct.pack(">i", 1) + _text(self.member) + _bytes(b"\0\0"))
        answer.take("i")
        self._check("sync", answer.take("h"))

    def heartbeat(self):
        answer = self.broker.ask(HEARTBEAT, 1, _text(self.group) +
                                 struct.pack(">i", self.generation) + _text(self.member))
        answer.take("i")
        error = answer.take("h")
        if error == REBALANCE_IN_PROGRESS:
            return self.join()
        self._check("heartbeat", error)
        return None

    def leave(self):
        answer = self.broker.ask(LEAVE_GROUP, 1, _text(self.group) + _text(self.member))
        answer.take("i")
        self._check("leave", answer.take("h"))
        self.broker.close()
