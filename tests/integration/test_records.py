"""From an MQTT message to a Kafka record: key, headers, value, partition."""
import json

import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, unique_name
from support.mqtt import Publisher
from support.murmur2 import murmur2, partition
from support.wait import wait_for

import paho.mqtt.publish as publish


def send(cluster, topic, payload, qos=1, retain=False):
    publish.single(topic, payload, qos=qos, retain=retain, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_port)


@pytest.fixture
def flow(cluster, workers):
    """flow(config changes) -> (kafka topic, MQTT prefix, REST), with the subscription standing."""
    def start(partitions=3, **more):
        topic = create_topic(cluster.bootstrap, unique_name("records"), partitions)
        prefix = unique_name("flow")
        group = workers(1)
        group.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#", **more))
        wait_subscribed(group.rest, "c")
        return topic, prefix, group
    return start


def test_java_murmur2_vectors():
    # Signed in the reference (connect-internals.md 1.9); unsigned here.
    assert murmur2(b"status-connector-foo") == -291505995 & 0xFFFFFFFF
    assert murmur2(b"connector-foo") == -1786620917 & 0xFFFFFFFF
    assert murmur2(b"") == 275646681


def test_key_headers_and_json_arrive_as_sent(cluster, flow):
    topic, prefix, _ = flow()
    payload = '{"temp": 21.50, "n": 12345678901234567890, "text": "é / \\u00e9"}'
    send(cluster, f"{prefix}/room/1", payload)
    wait_records(cluster, topic, 1)
    record = read_topic(cluster.bootstrap, topic)[0]
    assert record.key == f"{prefix}/room/1".encode()
    assert record.value == payload.encode()  # verbatim, not base64, not rewritten
    headers = dict(record.headers)
    assert headers["mqtt.topic"] == f"{prefix}/room/1".encode()
    assert headers["mqtt.qos"] == b"1"
    assert headers["mqtt.retained"] == b"false"
    assert record.timestamp > 1_700_000_000_000


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_quality_of_service(cluster, flow, qos):
    topic, prefix, group = flow(mqtt__qos=qos)
    for n in range(20):
        send(cluster, f"{prefix}/x", f"[{n}]", qos=qos)
    wait_records(cluster, topic, 20)
    assert [json.loads(r.value)[0] for r in read_topic(cluster.bootstrap, topic)] == \
        list(range(20))

    def settled():
        plugin = group.rest.status("c")["tasks"][0]["details"]["plugin"]
        return plugin["unacked"] == 0 and plugin
    wait_for(settled, 10, "everything acknowledged")


def test_same_key_same_partition_as_java(cluster, flow):
    topic, prefix, _ = flow(partitions=7)
    for n in range(40):
        send(cluster, f"{prefix}/device-{n}", "{}")
    wait_records(cluster, topic, 40)
    records = read_topic(cluster.bootstrap, topic)
    assert len(records) == 40
    for record in records:
        assert record.partition == partition(record.key, 7), record.key


CONVERTERS = "org.apache.kafka.connect"


@pytest.mark.parametrize("payload_format, converter, schemas, payload, expected", [
    ("bytes", "converters.ByteArrayConverter", None, b"\x00\xff\x01", b"\x00\xff\x01"),
    ("string", "storage.StringConverter", None, "grüße".encode(), "grüße".encode()),
    ("string", "json.JsonConverter", "false", b"a \"b\"", b'"a \\"b\\""'),
    ("bytes", "json.JsonConverter", "false", b"\x00\x01", b'"AAE="'),
    ("json", "json.JsonConverter", "false", b'{"a": [1, 2]}', b'{"a": [1, 2]}'),
    ("string", "json.JsonConverter", "true", b"x",
     b'{"schema":{"type":"string","optional":false},"payload":"x"}'),
    ("auto", "json.JsonConverter", "false", b"not json", b'"not json"'),
])
def test_converters_under_javas_names(cluster, flow, payload_format, converter, schemas, payload,
                                      expected):
    more = {"mqtt__payload__format": payload_format, "value__converter": f"{CONVERTERS}.{converter}"}
    if schemas:
        more["value__converter__schemas__enable"] = schemas
    topic, prefix, group = flow(**more)
    send(cluster, f"{prefix}/x", payload)
    wait_records(cluster, topic, 1)
    assert read_topic(cluster.bootstrap, topic)[0].value == expected


def test_username_and_password(cluster, workers):
    topic = create_topic(cluster.bootstrap, unique_name("login"))
    prefix = unique_name("login")
    group = workers(1)
    group.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#", login=cluster.mqtt_login))
    wait_subscribed(group.rest, "c")
    publish.single(f"{prefix}/a", "1", qos=1, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_login_port,
                   auth=dict(zip(("username", "password"), cluster.mqtt_login)))
    wait_records(cluster, topic, 1)
    group.rest.create("bad", mqtt_source(cluster, topic, "nothing/#", login=("device", "wrong")))

    def says_why():
        details = group.rest.status("bad")["tasks"][0].get("details", {})
        return "not authori" in json.dumps(details).lower()
    wait_for(says_why, 20, "the status saying that the login was refused")
    assert "wrong" not in group[0].log_text()
    assert cluster.mqtt_login[1] not in group[0].log_text()


def test_status_tells_why_and_how_much(cluster, flow):
    topic, prefix, group = flow()
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=5, rate=200,
                   count=300, topic=prefix + "/{device}") as publisher:
        publisher.wait_end()
    wait_records(cluster, topic, 300)

    def complete():
        plugin = group.rest.status("c")["tasks"][0]["details"]["plugin"]
        return sum(plugin["received"].values()) == 300 and plugin["unacked"] == 0 and plugin
    plugin = wait_for(complete, 10, "300 received and acknowledged in details")
    assert plugin["kafka_acked"] == 300
    assert plugin["session_present"] in (True, False)
    assert plugin["broker"].endswith(str(cluster.mqtt_port))
    assert plugin["connected_since"]
