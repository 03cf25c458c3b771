"""MQTT over TLS, from the broker to Kafka: client certificates, and certificates that end or change."""
from support.certificates import Authority
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, unique_name
from support.mqtt import Publisher, TlsBroker
from support.wait import NotYet, wait_for

PASSWORD = "s3cret-of-a-key"


def source(cluster, broker, topic, ca, **more):
    return mqtt_source(cluster, topic, "weir/#", mqtt__server__uri=f"ssl://localhost:{broker.tls_port}",
                       mqtt__ssl__ca__location=ca, **more)


def wait_error(rest, name, text):
    """Waits until the task says so, and goes on trying."""
    def said():
        task = rest.status(name)["tasks"][0]
        assert task["state"] != "FAILED", task.get("trace")
        error = task.get("details", {}).get("plugin", {}).get("last_error")
        if not error or text not in error:
            raise NotYet(task)
        return error
    return wait_for(said, 30, f"{name} says '{text}'")


def test_messages_reach_kafka_over_tls_with_a_client_certificate(cluster, workers, tmp_path):
    ca = Authority(tmp_path / "ca")
    certificate, key = ca.issue(tmp_path / "broker.pem", tmp_path / "broker.key")
    client, client_key = ca.issue(tmp_path / "client.pem", tmp_path / "client.key", name="weir",
                                  password=PASSWORD)
    topic, name = create_topic(cluster.bootstrap, unique_name("tls")), unique_name("tls")
    group = workers(1)
    with TlsBroker(tmp_path, certificate, key, client_ca=ca.certificate) as broker:
        secret = {"mqtt__ssl__certificate__location": client, "mqtt__ssl__key__location": client_key}
        config = source(cluster, broker, topic, ca.certificate, **secret)
        refused = group.rest.request("POST", "/connectors", {"name": name, "config": config})
        assert refused.status == 400 and "mqtt.ssl.key.password is missing" in refused.json["message"]
        config["mqtt.ssl.key.password"] = PASSWORD
        group.rest.create(name, config)
        wait_subscribed(group.rest, name)
        with Publisher("127.0.0.1", broker.port, tmp_path, count=500) as publisher:
            published = publisher.wait_end()
        wait_records(cluster, topic, sum(map(len, published.values())))
        assert PASSWORD not in str(group.rest.status(name))
        assert PASSWORD not in group[0].log_text()
        group.rest.delete(name)


def test_an_expired_certificate_is_in_the_status_and_a_new_one_is_followed(cluster, workers, tmp_path):
    ca, next_ca = Authority(tmp_path / "ca"), Authority(tmp_path / "next", name="The next CA")
    files = tmp_path / "broker.pem", tmp_path / "broker.key"
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(ca.certificate.read_bytes())
    ca.issue(*files, days=(-9, -1))
    topic, name = create_topic(cluster.bootstrap, unique_name("tls")), unique_name("tls")
    group = workers(1)
    with TlsBroker(tmp_path, *files) as broker:
        group.rest.create(name, source(cluster, broker, topic, trusted,
                                       mqtt__reconnect__backoff__max__ms=500))
        error = wait_error(group.rest, name, "has expired on")
        assert f"ssl://localhost:{broker.tls_port}" in error and "CN=broker" in error

        ca.issue(*files)  # The broker gets a new one …
        broker.stop()
        broker.start()
        wait_subscribed(group.rest, name)
        with Publisher("127.0.0.1", broker.port, tmp_path, count=100) as publisher:
            publisher.wait_end()
        wait_records(cluster, topic, 100)

        next_ca.issue(*files)  # … and later one of a CA that is not believed yet.
        broker.stop()
        broker.start()
        wait_error(group.rest, name, "The next CA")
        with Publisher("127.0.0.1", broker.port, tmp_path, count=100) as publisher:
            publisher.wait_end()  # The session keeps them.
        trusted.write_bytes(ca.certificate.read_bytes() + next_ca.certificate.read_bytes())
        wait_records(cluster, topic, 200)
        assert len(read_topic(cluster.bootstrap, topic)) == 200
        group.rest.delete(name)
