"""The JSON that people run on Camel's connector, posted as it is printed, comments and all."""
import json
import re

import paho.mqtt.publish as publish
from support.connectors import wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, unique_name
from support.worker import REPOSITORY

PRINTED = REPOSITORY / "configs/connectors/camel-mqtt.json"


def test_the_camel_json_posts_as_printed_and_json_arrives_as_json(cluster, workers):
    text = PRINTED.read_text()
    assert re.search(r"^\s*//", text, re.M) or "/*" in text, "the printed file has comments"
    # Only what cannot be shared between test runs is changed: broker, names.
    topic, prefix = create_topic(cluster.bootstrap, unique_name("vehicle-data")), unique_name("mqtt")
    for printed, ours in (("tcp://localhost:1883", f"tcp://127.0.0.1:{cluster.mqtt_port}"),
                          ("/mqtt/test/#", f"/{prefix}/test/#"), ("vehicle-data", topic),
                          ('"mqtt-source"', f'"{prefix}"')):
        assert printed in text, printed
        text = text.replace(printed, ours)
    group = workers(1, {"rest.json.comments": "true"})
    made = group.rest.request("POST", "/connectors", text.encode())
    assert made.status == 201, made
    name = made.json["name"]
    wait_subscribed(group.rest, name)
    publish.single(f"/{prefix}/test/car-1", '{"speed": 88.0}', qos=1, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_port)
    publish.single(f"/{prefix}/test/car-1", "plain text", qos=1, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_port)
    wait_records(cluster, topic, 2)
    records = read_topic(cluster.bootstrap, topic)
    assert {r.value for r in records} == {b'{"speed": 88.0}', b'"plain text"'}
    assert all(r.key is None for r in records)
    headers = dict(records[0].headers)
    assert headers["CamelHeader.CamelMqttTopic"] == f"/{prefix}/test/car-1".encode()
    assert headers["mqtt.topic"] == f"/{prefix}/test/car-1".encode()
    # What was posted is what is shown; what it means is in the task's config.
    posted = group.rest.config(name)
    assert any(key.startswith("camel.kamelet.mqtt") for key in posted)
    task = group.rest.do("GET", f"/connectors/{name}/tasks")[0]["config"]
    assert task["mqtt.payload.format"] == "auto" and task["kafka.key"] == "none"
    assert task["mqtt.qos"] == "1" and task["kafka.headers.style"] == "both"


def test_without_the_setting_comments_are_refused(cluster, workers):
    group = workers(1)
    answer = group.rest.request("POST", "/connectors", PRINTED.read_text().encode())
    assert answer.status == 500 and json.loads(answer.body)["error_code"] == 500
    assert group.rest.connectors() == []
