"""Connector configs for tests, and the roles of workers."""
from .kafka import count, unique_name
from .wait import NotYet, wait_for

ROUND = 5  # seconds within which a small thing that needs no failover is done


def mqtt_source(cluster, kafka_topic, mqtt_topic, login=None, **more):
    """The config of an mqtt-source connector. Dots in the names of `more` are written as
    underscores twice: kafka__key="none"."""
    host, port = cluster.mqtt_host, cluster.mqtt_login_port if login else cluster.mqtt_port
    config = {
        "connector.class": "mqtt-source",
        "tasks.max": "1",
        "mqtt.server.uri": f"tcp://{host}:{port}",
        "mqtt.client.id": unique_name("weir-test"),
        "mqtt.topics": mqtt_topic,
        "kafka.topic": kafka_topic,
        "mqtt.payload.format": "json",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    }
    if login:
        config.update({"mqtt.username": login[0], "mqtt.password": login[1]})
    config.update({key.replace("__", "."): str(value) for key, value in more.items()})
    return config


def wait_subscribed(rest, name, timeout=30):
    """Waits until the connector's first task says that its subscription stands."""
    def subscribed():
        task = rest.status(name)["tasks"][0]
        assert task["state"] != "FAILED", task.get("trace")
        granted = task.get("details", {}).get("plugin", {}).get("granted_qos")
        if not granted or None in granted.values():
            raise NotYet(task)
        return task
    return wait_for(subscribed, timeout, f"{name} subscribed")


def wait_records(cluster, topic, n, timeout=30):
    """Waits until `n` records, and returns how many there are."""
    def there():
        found = count(cluster.bootstrap, topic)
        if found < n:
            raise NotYet(f"{found} records")
        return found
    return wait_for(there, timeout, f"{n} records in {topic}")


def leader_of(group, bootstrap):
    """The worker that leads, by the config topic."""
    from .kafka import read_internal
    record = read_internal(bootstrap, group.properties["config.storage.topic"]).get("leader")
    return group.by_id(record["worker"]) if record else None


def follower_of(group, bootstrap):
    leader = leader_of(group, bootstrap)
    return next(worker for worker in group.alive if worker is not leader)
