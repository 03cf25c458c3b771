"""Mapping, end to end: rules, keys and times from payloads, headers, and every format through every
converter."""
import base64
import json
import time

import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, unique_name
from support.wait import wait_for

import paho.mqtt.publish as publish

BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"
STRING = "org.apache.kafka.connect.storage.StringConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"


def send(cluster, topic, payload):
    publish.single(topic, payload, qos=1, hostname=cluster.mqtt_host, port=cluster.mqtt_port)


def as_keys(more):
    """kafka__key="x" becomes kafka.key; keys with dots stay as they are."""
    return {key.replace("__", "."): value for key, value in more.items()}


@pytest.fixture
def group(workers):
    return workers(1)


def create(cluster, group, name, topic, prefix, more):
    config = mqtt_source(cluster, topic, f"{prefix}/#")
    config.update(as_keys(more))
    group.rest.create(name, config)
    wait_subscribed(group.rest, name)


def plugin_of(group, name):
    return group.rest.status(name)["tasks"][0]["details"]["plugin"]


def test_rules_keys_times_and_headers(cluster, group):
    rest, alarms, hall = (create_topic(cluster.bootstrap, unique_name(name))
                          for name in ("rest", "alarms", "hall"))
    prefix = unique_name("mapping")
    create(cluster, group, "c", rest, prefix, {
        "kafka.key": "${json:/device/id}",
        "kafka.timestamp": "json:/at:iso",
        "kafka.topic.rules": "alarm,hall",
        "kafka.topic.rules.alarm.match": f"{prefix}/+/alarm",
        "kafka.topic.rules.alarm.topic": alarms,
        "kafka.topic.rules.alarm.key": "none",
        "kafka.topic.rules.hall.regex": ".*/(hall)/([^/]+)",
        "kafka.topic.rules.hall.topic": hall.replace("hall", "${re:1}", 1),
        "kafka.topic.rules.hall.key": "${re:2}-${qos}",
        "kafka.headers.exclude": "mqtt.message.id,mqtt.re*",
        "kafka.headers.static.site": "north",
    })
    now = int(time.time())
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".250Z"
    send(cluster, f"{prefix}/office/x", json.dumps({"device": {"id": "ü-7"}, "at": stamp}))
    send(cluster, f"{prefix}/hall/alarm", '{"at": "soon"}')
    send(cluster, f"{prefix}/hall/y", "{}")
    for topic in (rest, alarms, hall):
        wait_records(cluster, topic, 1)

    record, = read_topic(cluster.bootstrap, rest)
    assert record.key == "ü-7".encode()
    assert record.timestamp == now * 1000 + 250
    assert [name for name, _ in record.headers] == \
        ["mqtt.topic", "mqtt.qos", "mqtt.duplicate", "site"]
    assert dict(record.headers)["site"] == b"north"
    alarm, = read_topic(cluster.bootstrap, alarms)
    assert alarm.key is None
    assert alarm.timestamp >= now * 1000  # "soon" is no time: that of receipt
    other, = read_topic(cluster.bootstrap, hall)
    assert other.key == b"y-1"
    wait_for(lambda: plugin_of(group, "c")["timestamps_replaced"] == 2, 10,
             "two replaced timestamps in the status")


def test_an_envelope_carries_what_the_record_does_not(cluster, group):
    topic = create_topic(cluster.bootstrap, unique_name("envelope"))
    prefix = unique_name("mapping")
    # The converter's own default, schemas on, puts nothing around it.
    create(cluster, group, "c", topic, prefix, {
        "mqtt.payload.format": "envelope", "value.converter": JSON,
        "value.converter.schemas.enable": "true"})
    payloads = [b'{"a": 1}', b"on", b"\xff\x00", b""]
    for payload in payloads:
        send(cluster, f"{prefix}/x", payload)
    wait_records(cluster, topic, len(payloads))
    values = [json.loads(record.value) for record in read_topic(cluster.bootstrap, topic)]
    for value in values:
        assert value["topic"] == f"{prefix}/x"
        assert value["qos"] == 1
        assert value["retain"] is False
        assert abs(value.pop("ts") / 1000 - time.time()) < 600
    assert [value.get("payload", value.get("payload_b64")) for value in values] == \
        [{"a": 1}, "on", base64.b64encode(b"\xff\x00").decode(), ""]
    assert "payload_b64" in values[2]


def in_base64(payload):
    return json.dumps(base64.b64encode(payload).decode()).encode()


TEXT, OBJECT, BINARY = "grün \"1\"".encode(), b'{"a": [1, 2.50]}', b"\x00\xff"


def with_schema(kind, payload):
    return b'{"schema":{"type":"%s","optional":false},"payload":%s}' % (kind, payload)


def quoted(text):
    return json.dumps(text.decode(), ensure_ascii=False).encode()


# (format, converter, schemas.enable): {payload: value}. The reference's table, cell by cell;
# envelope has a test of its own.
CELLS = {
    ("bytes", BYTES, None): {BINARY: BINARY, b"": b""},
    ("bytes", STRING, None): {BINARY: BINARY, b"": b""},
    ("bytes", JSON, "false"): {BINARY: in_base64(BINARY), b"": b'""'},
    ("bytes", JSON, "true"): {BINARY: with_schema(b"bytes", in_base64(BINARY))},
    ("string", BYTES, None): {TEXT: TEXT},
    ("string", STRING, None): {TEXT: TEXT},
    ("string", JSON, "false"): {TEXT: quoted(TEXT), b"": b'""'},
    ("string", JSON, "true"): {TEXT: with_schema(b"string", quoted(TEXT))},
    ("json", BYTES, None): {OBJECT: OBJECT},
    ("json", STRING, None): {OBJECT: OBJECT},
    ("json", JSON, "false"): {OBJECT: OBJECT},
    ("auto", BYTES, None): {OBJECT: OBJECT, TEXT: TEXT, BINARY: BINARY},
    ("auto", STRING, None): {OBJECT: OBJECT, TEXT: TEXT, BINARY: BINARY},
    ("auto", JSON, "false"): {OBJECT: OBJECT, TEXT: quoted(TEXT), BINARY: in_base64(BINARY)},
    ("auto", JSON, "true"): {p: with_schema(b"bytes", in_base64(p))
                             for p in (OBJECT, TEXT, BINARY)},
}


def test_every_format_through_every_converter(cluster, group):
    prefix = unique_name("mapping")
    topics = {}
    for n, (cell, payloads) in enumerate(CELLS.items()):
        payload_format, converter, schemas = cell
        more = {"mqtt.payload.format": payload_format, "value.converter": converter}
        if schemas:
            more["value.converter.schemas.enable"] = schemas
        topics[cell] = create_topic(cluster.bootstrap, unique_name("cell"))
        config = mqtt_source(cluster, topics[cell], f"{prefix}/{n}")
        if not schemas:
            del config["value.converter.schemas.enable"]
        config.update(more)
        group.rest.create(f"c{n}", config)
    for n, (cell, payloads) in enumerate(CELLS.items()):
        wait_subscribed(group.rest, f"c{n}")
        for payload in payloads:
            send(cluster, f"{prefix}/{n}", payload)
    for cell, payloads in CELLS.items():
        wait_records(cluster, topics[cell], len(payloads))
        values = [record.value for record in read_topic(cluster.bootstrap, topics[cell])]
        assert values == list(payloads.values()), cell


def test_json_with_schemas_is_refused_and_so_are_keys_of_no_rule(cluster, group):
    config = mqtt_source(cluster, "anywhere", "a/#", kafka__topic__rules="one")
    config.update({"value.converter.schemas.enable": "true",
                   "kafka.topic.rules.one.match": "a/+",
                   "kafka.topic.rules.two.match": "a/+",
                   "kafka.key": "id-${json:id}"})
    config["name"] = "c"
    body = group.rest.do("PUT", "/connector-plugins/mqtt-source/config/validate", config)
    errors = {entry["value"]["name"]: entry["value"]["errors"] for entry in body["configs"]
              if entry["value"]["errors"]}
    assert set(errors) == {"mqtt.payload.format", "kafka.topic.rules.two.match", "kafka.key"}
    assert "schemas.enable=false" in errors["mqtt.payload.format"][0]
    assert "'${json:id}' at character 4" in errors["kafka.key"][0]
