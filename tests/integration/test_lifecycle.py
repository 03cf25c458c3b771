"""What an operator does to connectors, on the leader and on a follower."""
import pytest
from support.connectors import follower_of, leader_of, mqtt_source, wait_records, wait_subscribed
from support.kafka import count, create_topic, read_internal, unique_name
from support.mqtt import Publisher
from support.rest import RestError
from support.wait import wait_for


@pytest.fixture
def three(cluster, workers):
    group = workers(3)
    wait_for(lambda: leader_of(group, cluster.bootstrap), 30, "a leader")
    return group


@pytest.fixture
def running(cluster, three):
    """A group of three, and connector "c" running with a steady flow of 200 msg/s."""
    topic = create_topic(cluster.bootstrap, unique_name("life"))
    prefix = unique_name("life")
    three.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#"))
    wait_subscribed(three.rest, "c")
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, three.directory, devices=5, rate=200,
                   topic=prefix + "/{device}") as publisher:
        wait_records(cluster, topic, 20)
        three.topic, three.publisher = topic, publisher
        yield three


def via(group, cluster, role):
    return (leader_of if role == "leader" else follower_of)(group, cluster.bootstrap).rest


def flows(cluster, topic):
    before = count(cluster.bootstrap, topic)
    wait_records(cluster, topic, before + 50)


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_pause_resume_restart_stop_delete(cluster, running, role):
    rest = via(running, cluster, role)
    rest.pause("c")
    rest.wait_state("c", "PAUSED", tasks=1)
    still = count(cluster.bootstrap, running.topic)
    rest.resume("c")
    rest.wait_state("c", "RUNNING", tasks=1)
    wait_records(cluster, running.topic, still + 50)

    rest.restart("c", task=0)
    rest.wait_state("c", "RUNNING", tasks=1)
    flows(cluster, running.topic)

    rest.restart("c")
    rest.wait_state("c", "RUNNING", tasks=1)
    answer = rest.request("POST", rest.path("c", "restart"), includeTasks="true")
    assert answer.status == 202, answer
    assert {answer.json["connector"]["state"], answer.json["tasks"][0]["state"]} == {"RESTARTING"}
    rest.wait_state("c", "RUNNING", tasks=1)
    flows(cluster, running.topic)

    rest.stop("c")
    rest.wait_state("c", "STOPPED", tasks=0)
    rest.resume("c")
    rest.wait_state("c", "RUNNING", tasks=1)
    flows(cluster, running.topic)

    rest.delete("c")
    for worker in running:
        worker.rest.wait_gone("c")
        wait_for(lambda w=worker: w.rest.get("/connectors/c/status").status == 404, 20,
                 "no status any more")


def test_create_update_and_patch_on_a_follower(cluster, three):
    rest = follower_of(three, cluster.bootstrap).rest
    topic = create_topic(cluster.bootstrap, unique_name("life"))
    config = mqtt_source(cluster, topic, "nothing/#")
    made = rest.request("POST", "/connectors", {"name": "c", "config": config})
    assert made.status == 201, made
    assert made.json["name"] == "c" and made.json["type"] == "source"
    assert made.json["config"] == {**config, "name": "c"}
    assert made.headers["Location"].endswith("/connectors/c")
    assert rest.request("POST", "/connectors", {"name": "c", "config": config}).status == 409
    rest.wait_running("c")
    assert rest.request("PUT", "/connectors/c/config", {**config, "mqtt.qos": "0"}).status == 200
    assert rest.request("PUT", "/connectors/d/config", config | {
        "mqtt.client.id": "d"}).status == 201
    changed = rest.request("PATCH", "/connectors/c/config", {"mqtt.qos": "2", "extra": None})
    assert changed.status == 200 and changed.json["config"]["mqtt.qos"] == "2"
    for worker in three:
        wait_for(lambda w=worker: w.rest.config("c")["mqtt.qos"] == "2", 5, "the change everywhere")
        wait_for(lambda w=worker: w.rest.connectors() == ["c", "d"], 5, "both everywhere")
    wait_for(lambda: rest.do("GET", "/connectors/c/tasks")[0]["config"]["mqtt.qos"] == "2", 5,
             "the task's config")
    wait_subscribed(rest, "c")


def test_a_bad_config_is_refused_by_name_and_changes_nothing(cluster, three):
    rest = follower_of(three, cluster.bootstrap).rest
    good = mqtt_source(cluster, "t", "nothing/#")
    for change, says in [({"tasks.max": "0"}, "Invalid value 0 for configuration tasks.max"),
                         ({"mqtt.qos": "3"}, "mqtt.qos"),
                         ({"mqtt.server.uri": "gopher://x"}, "mqtt.server.uri"),
                         ({"mqtt.topics": "a/#/b"}, "mqtt.topics"),
                         ({"connector.class": "NoSuchThing"}, "NoSuchThing"),
                         ({"value.converter": "com.example.Nope"}, "com.example.Nope")]:
        with pytest.raises(RestError) as refused:
            rest.create("c", {**good, **change})
        assert refused.value.status == 400, refused.value
        assert says in refused.value.response.json["message"]
        assert rest.connectors() == []
    stored = read_internal(cluster.bootstrap, three.properties["config.storage.topic"])
    assert not [key for key in stored if key.startswith(("connector-", "task-", "commit-"))]


def test_a_failed_task_says_why_and_can_be_restarted(cluster, three):
    """No Kafka topic and none may be made is one thing; a payload that is no JSON another."""
    import paho.mqtt.publish as publish
    topic, prefix = create_topic(cluster.bootstrap, unique_name("life")), unique_name("bad")
    rest = three.rest
    rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#", mqtt__payload__format="json"))
    wait_subscribed(rest, "c")
    publish.single(f"{prefix}/x", "{not json", qos=1, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_port)

    def failed():
        task = rest.status("c")["tasks"][0]
        return task["state"] == "FAILED" and task
    trace = wait_for(failed, 30, "the task to fail")["trace"]
    assert f"{prefix}/x" in trace and "JSON" in trace
    rest.put_config("c", {**rest.config("c"), "mqtt.payload.format": "bytes",
                          "value.converter":
                              "org.apache.kafka.connect.converters.ByteArrayConverter"})
    wait_records(cluster, topic, 1)  # what was not acknowledged came again
    rest.wait_running("c")
