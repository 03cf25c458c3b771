"""Configs as users of other connectors post them: each does what it says there, or is told what it
does not do. Broker and names are a test run's own; everything else stands as people write it."""
import json

import pytest
from support.connectors import wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, topics, unique_name

import paho.mqtt.publish as publish

STRING = "org.apache.kafka.connect.storage.StringConverter"
BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"


def confluent(uri, topic, prefix):
    return {
        "connector.class": "io.confluent.connect.mqtt.MqttSourceConnector",
        "tasks.max": "1",
        "mqtt.server.uri": uri,
        "mqtt.topics": f"{prefix}/temperature",
        "kafka.topic": topic,
        "mqtt.qos": "2",
        "mqtt.username": "",
        "mqtt.password": "",
        "mqtt.ssl.trust.store.path": "",
        "mqtt.ssl.key.store.path": "",
        "mqtt.connect.timeout.seconds": "30",
        "mqtt.keepalive.interval.seconds": "60",
        "max.retry.time.ms": "30000",
        "records.buffer.queue.size": "50000",
        "records.buffer.queue.max.batch.size": "4096",
        "records.buffer.queue.empty.timeout": "100",
        "confluent.topic.bootstrap.servers": "kafka:9092",
        "confluent.topic.replication.factor": "1",
        "confluent.license": "",
        "key.converter": STRING,
        "value.converter": BYTES,
    }


def camel(uri, topic, prefix):
    return {
        "connector.class":
            "org.apache.camel.kafkaconnector.mqttsource.CamelMqttsourceSourceConnector",
        "tasks.max": 1,
        "topics": topic,
        "camel.kamelet.mqtt-source.topic": f"{prefix}/temperature",
        "camel.kamelet.mqtt-source.brokerUrl": uri,
        "camel.kamelet.mqtt-source.clientId": prefix,
        "camel.error.handler": "default",
        "camel.error.handler.max.redeliveries": 3,
        "camel.error.handler.redelivery.delay": 500,
        "camel.aggregation.size": 10,
        "camel.map.headers": True,
        "camel.map.properties": True,
        "key.converter": STRING,
        "value.converter": STRING,
    }


def camel5(uri, topic, prefix):
    return {
        "connector.class":
            "org.apache.camel.kafkaconnector.mqtt5source.CamelMqtt5sourceSourceConnector",
        "tasks.max": 1,
        "topics": topic,
        "camel.kamelet.mqtt5-source.topic": f"{prefix}/temperature",
        "camel.kamelet.mqtt5-source.brokerUrl": uri,
        "camel.kamelet.mqtt5-source.clientId": prefix,
        "key.converter": STRING,
        "value.converter": JSON,
        "value.converter.schemas.enable": False,
    }


def lenses(uri, topic, prefix):
    return {
        "connector.class": "io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector",
        "tasks.max": "1",
        "connect.mqtt.kcql": f"INSERT INTO {topic} SELECT * FROM {prefix}/temperature "
            "WITHCONVERTER=`io.lenses.streamreactor.connect.converters.source.JsonSimpleConverter`",
        "connect.mqtt.client.id": prefix,
        "connect.mqtt.hosts": uri,
        "connect.mqtt.service.quality": "1",
        "connect.mqtt.clean": "true",
        "connect.mqtt.keep.alive": "5000",
        "connect.mqtt.timeout": "3000",
        "connect.mqtt.polling.timeout": "1000",
        "connect.progress.enabled": "true",
        "key.converter": STRING,
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
    }


def simple(uri, topic, prefix):
    return {
        "connector.class": "MqttSourceConnector",
        "tasks.max": "1",
        "kafka.topic": topic,
        "mqtt.server_uris": uri,
        "mqtt.topic": f"{prefix}/temperature",
        "mqtt.client_id": prefix,
        "mqtt.clean_session": "true",
        "mqtt.connection_timeout": "30",
        "mqtt.keep_alive_interval": "60",
        "mqtt.qos": "1",
        "message_processor_class": "com.evokly.kafka.connect.mqtt.sample.StringProcessor",
        "value.converter": STRING,
    }


# The config, what it comes to, what is said about it (key, words), the key of the record.
CONFIGS = {
    "confluent": (confluent, {
        "mqtt.qos": "2", "mqtt.clean.session.enabled": "false", "max.retry.time.ms": "30000",
    }, [("confluent.license", "no licence"), ("mqtt.clean.session.enabled", "not true"),
        ("records.buffer.queue.empty.timeout", "no effect")], True),
    "camel": (camel, {
        "mqtt.qos": "1", "mqtt.clean.session.enabled": "false", "kafka.key": "none",
        "kafka.headers.style": "both", "errors.retry.timeout": "1500",
        "errors.retry.delay.max.ms": "500",
    }, [("camel.aggregation.size", "without an aggregation bean"), ("mqtt.qos", "Camel's default"),
        ("kafka.key", "no order per device"), ("camel.map.properties", "no effect")], False),
    "camel5": (camel5, {
        "mqtt.version": "5", "kafka.key": "none", "mqtt.payload.format": "auto",
    }, [("mqtt.version", "by the class"), ("value.converter", "base64")], False),
    "lenses": (lenses, {
        "mqtt.payload.format": "json", "mqtt.keepalive.interval.seconds": "5",
        "mqtt.connect.timeout.seconds": "3", "mqtt.clean.session.enabled": "true",
    }, [("connect.mqtt.polling.timeout", "no effect"), ("connect.progress.enabled", "no effect"),
        ("mqtt.clean.session.enabled", "loses")], True),
    "simple": (simple, {
        "mqtt.clean.session.enabled": "true", "mqtt.connect.timeout.seconds": "30",
    }, [("message_processor_class", "JVM")], True),
}


def said(notes, key, words):
    return any(note["key"] == key and words in note["text"] for note in notes)


def all_said(notes, expected):
    missing = [(key, words) for key, words in expected if not said(notes, key, words)]
    assert not missing, f"{missing} not in {json.dumps(notes, indent=1)}"


def uri_of(cluster):
    return f"tcp://{cluster.mqtt_host}:{cluster.mqtt_port}"


def validate(rest, config, **query):
    path = f"/connector-plugins/{config['connector.class']}/config/validate"
    return rest.do("PUT", path, config, **query)


def errors_of(answer):
    values = [entry["value"] for entry in answer["configs"]]
    return {value["name"]: value["errors"] for value in values if value["errors"]}


def test_a_foreign_config_posts_unchanged_and_says_what_became_of_it(cluster, workers):
    rest = workers(1).rest
    running = []
    for name, (make, meaning, notes, keyed) in CONFIGS.items():
        topic = create_topic(cluster.bootstrap, unique_name(name))
        prefix = unique_name(name)
        config = make(uri_of(cluster), topic, prefix)
        answer = validate(rest, dict(config, name=name))
        assert answer["error_count"] == 0, (name, errors_of(answer))
        all_said(answer["notes"], notes)
        rest.create(name, config)
        running.append((name, topic, prefix, config, meaning, notes, keyed))
    for name, topic, prefix, config, meaning, notes, keyed in running:
        details = wait_subscribed(rest, name)["details"]
        effective = details["config"]
        wrong = {key: effective.get(key) for key in meaning if effective.get(key) != meaning[key]}
        assert not wrong, (name, wrong)
        assert effective["mqtt.topics"] == f"{prefix}/temperature" and effective["kafka.topic"] == topic
        all_said(details["notes"], notes)
        posted = rest.config(name)
        assert posted == {"name": name, **{key: as_text(value) for key, value in config.items()}}
        publish.single(f"{prefix}/temperature", '{"celsius": 21.5}', qos=1,
                       hostname=cluster.mqtt_host, port=cluster.mqtt_port)
        wait_records(cluster, topic, 1)
        record = read_topic(cluster.bootstrap, topic)[0]
        assert record.value == b'{"celsius": 21.5}', name
        assert (record.key is not None) == keyed, name


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


REFUSED = [
    ({"connector.class": "CONNECTOR CLASS"}, 500, "available connectors are: "),
    ({"connector.class": "CONNECTOR CLASS"}, 500, "CamelMqtt5sourceSourceConnector"),
    ({"camel.beans.aggregate": "#class:a.b.C"}, 200, "needs a JVM"),
    ({"camel.kamelet.mqtt-source.topic": "a", "mqtt.topics": "b"}, 200, "contradicts mqtt.topics"),
    ({"connect.mqtt.kcql": "INSERT INTO a SELECT * FROM b; INSERT INTO c SELECT * FROM d"}, 200,
     "several targets"),
    ({"mqtt.server.uri": "ssl://h", "mqtt.ssl.trust.store.path": "JKS"}, 200,
     "-deststoretype PKCS12"),
    ({"config.unknown.keys": "error", "mqtt.topcis": "a"}, 200, "was 'mqtt.topics' meant?"),
    ({"mqtt.client.id": "me-${uuid}"}, 200, "another client at each start"),
    ({"mqtt.proxy.uri": "http://proxy:3128"}, 200, "not yet supported"),
    ({"kafka.topic": "a", "errors.deadletterqueue.topic.name": "a"}, 200, "a topic of their own"),
]


def test_what_cannot_be_done_is_refused_in_words(workers, tmp_path):
    rest = workers(1).rest
    store = tmp_path / "trust.jks"
    store.write_bytes(b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00")  # as such files begin
    for more, status, words in REFUSED:
        more = {key: str(store) if value == "JKS" else value for key, value in more.items()}
        config = {"name": "c", "connector.class": "mqtt-source", "mqtt.server.uri": "tcp://h",
                  "mqtt.topics": "t", **more}
        if "connect.mqtt.kcql" in more:
            del config["mqtt.topics"]
        path = f"/connector-plugins/{config['connector.class'].split()[-1]}/config/validate"
        answer = rest.request("PUT", path, config)
        assert answer.status == status and words in answer.body.decode(), (more, answer)
        created = rest.request("POST", "/connectors", {"name": "c", "config": config})
        assert created.status == 400 and words in created.body.decode(), (more, created)
    assert rest.connectors() == []


def test_a_client_id_belongs_to_one_connector(cluster, workers):
    group = workers(2)
    config = {"connector.class": "mqtt-source", "mqtt.server.uri": uri_of(cluster),
              "mqtt.topics": "nothing/here", "mqtt.client.id": unique_name("mine")}
    group.rest.create("one", config)
    refused = group.rest.request("POST", "/connectors", {"name": "two", "config": config})
    assert refused.status == 400 and "connector 'one' is '" in refused.json["message"], refused
    group.rest.put_config("one", dict(config, **{"mqtt.qos": "2"}))  # itself is nobody's rival
    group.rest.create("two", dict(config, **{"mqtt.client.id": unique_name("other")}))


def test_a_probe_asks_the_broker_and_disturbs_nobody(cluster, workers):
    rest = workers(1).rest
    topic, prefix = create_topic(cluster.bootstrap, unique_name("probe")), unique_name("probe")
    config = {"name": "c", "connector.class": "mqtt-source", "mqtt.server.uri": uri_of(cluster),
              "mqtt.topics": f"{prefix}/#,$share/g/{prefix}/x", "kafka.topic": topic,
              "mqtt.client.id": prefix}
    rest.create("c", config)
    before = wait_subscribed(rest, "c")["details"]["plugin"]

    good = validate(rest, config, probe="true")
    assert good["error_count"] == 0, errors_of(good)
    all_said(good["notes"], [("mqtt.server.uri", "accepts the connection"),
                             ("mqtt.topics", "without $share"),
                             ("kafka.topic", f"topic '{topic}' exists, with 3 partitions")])
    unasked = validate(rest, config)
    assert not said(unasked.get("notes", []), "mqtt.server.uri", "accepts")

    closed = validate(rest, dict(config, **{"mqtt.server.uri": "tcp://127.0.0.1:1"}), probe="true")
    assert "refused" in errors_of(closed)["mqtt.server.uri"][0]
    stranger = dict(config, **{
        "mqtt.server.uri": f"tcp://{cluster.mqtt_host}:{cluster.mqtt_login_port}",
        "mqtt.username": "nobody", "mqtt.password": "tell-no-one"})
    refused = validate(rest, stranger, probe="true")
    assert "mqtt.password" in errors_of(refused), refused
    assert "tell-no-one" not in json.dumps(refused)

    missing = unique_name("missing")
    fresh = validate(rest, dict(config, **{"kafka.topic": missing}), probe="true")
    all_said(fresh["notes"], [("kafka.topic", "creates it at the first record")])
    assert missing not in topics(cluster.bootstrap), "the probe has created it"
    several = validate(rest, dict(config, **{"kafka.topic": "a-${topic[1]}"}), probe="true")
    all_said(several["notes"], [("kafka.topic", "no name of one topic")])

    after = rest.status("c")["tasks"][0]["details"]["plugin"]
    assert after["connects"] == before["connects"] and after["disconnects"] == before["disconnects"]
    assert after["connected_since"] == before["connected_since"]


@pytest.mark.parametrize("shown", ["true", "false"])
def test_notes_can_be_left_out_for_clients_that_refuse_unknown_fields(workers, shown):
    rest = workers(1, {"rest.status.details": shown}).rest
    answer = validate(rest, {"name": "c", "connector.class": "mqtt-source", "topics": "a",
                             "mqtt.server.uri": "tcp://h", "mqtt.topics": "t"})
    assert ("notes" in answer) == (shown == "true")
    if shown == "true":
        assert said(answer["notes"], "topics", "was 'mqtt.topics' meant?")
