"""Rights on a topic, given and taken on Kafka's wire: the client library of the tests cannot.

For a cluster with GUARDED among its options, where everybody may do what no rule speaks about.
"""
import socket
import struct

from .wait import scaled

GUARDED = ("--set",
           "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
           "--set", "allow.everyone.if.no.acl.found=true")
CREATE, DELETE = 30, 31  # api keys
TOPIC, LITERAL, ALL, WRITE, DENY, ALLOW = 2, 3, 2, 4, 2, 3
EVERYBODY = "User:ANONYMOUS"


def _text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def _rule(topic, operation, permission):
    return (struct.pack(">b", TOPIC) + _text(topic) + struct.pack(">b", LITERAL) +
            _text(EVERYBODY) + _text("*") + struct.pack(">bb", operation, permission))


def _read(conn, size):
    data = b""
    while len(data) < size:
        part = conn.recv(size - len(data))
        assert part, "the broker hung up"
        data += part
    return data


def _ask(bootstrap, api_key, rules):
    """One request, version 1; the error of each rule's answer must be 0."""
    host, port = bootstrap.split(",")[0].rsplit(":", 1)
    body = (struct.pack(">hhi", api_key, 1, 7) + _text("acls") + struct.pack(">i", len(rules)) +
            b"".join(rules))
    with socket.create_connection((host, int(port)), timeout=scaled(20)) as conn:
        conn.sendall(struct.pack(">i", len(body)) + body)
        answer = _read(conn, struct.unpack(">i", _read(conn, 4))[0])
    correlation, _, count, error = struct.unpack_from(">iiih", answer)
    assert (correlation, count, error) == (7, len(rules), 0), answer


def deny_writing(bootstrap, topic):
    """Nobody may write to the topic; everything else stays allowed."""
    _ask(bootstrap, CREATE, [_rule(topic, ALL, ALLOW)])
    _ask(bootstrap, CREATE, [_rule(topic, WRITE, DENY)])


def allow_writing(bootstrap, topic):
    _ask(bootstrap, DELETE, [_rule(topic, WRITE, DENY)])
