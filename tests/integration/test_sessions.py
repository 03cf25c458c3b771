"""The session at the MQTT broker, through a worker and its offset topic: filters that come and go
on a live session, and a session that ends with its connector."""
import paho.mqtt.client as paho
import paho.mqtt.publish as publish
import pytest
from support.connectors import mqtt_source, wait_records
from support.kafka import count, create_topic, read_topic, unique_name
from support.wait import NotYet, wait_for


@pytest.fixture
def one(workers):
    return workers(1)


def say(cluster, topic, payload, retain=False):
    publish.single(topic, payload, qos=1, retain=retain, hostname=cluster.mqtt_host,
                   port=cluster.mqtt_port)


def session_present(cluster, client_id):
    """Is there a session under this id? Looking does not end it; but it makes one."""
    answers = []
    client = paho.Client(client_id, clean_session=False)
    client.on_connect = lambda _client, _data, flags, code: answers.append(
        (code, flags["session present"]))
    client.connect(cluster.mqtt_host, cluster.mqtt_port)
    client.loop_start()
    try:
        wait_for(lambda: answers, 10, "an answer to CONNECT")
    finally:
        client.disconnect()
        client.loop_stop()
    assert answers[0][0] == 0, answers
    return bool(answers[0][1])


def wait_granted(rest, filters):
    def granted():
        task = rest.status("c")["tasks"][0]
        assert task["state"] != "FAILED", task.get("trace")
        plugin = task.get("details", {}).get("plugin", {})
        if plugin.get("state") != "connected" or plugin.get("granted_qos") != filters:
            raise NotYet(task)
        return plugin
    return wait_for(granted, 30, f"{filters} granted")


def wait_kept(rest, filters):
    def kept():
        sessions = [offset["offset"] for offset in rest.offsets("c")["offsets"]
                    if "broker" in offset["partition"]]
        found = [{key: qos for key, qos in session.items() if key.startswith("filter:")}
                 for session in sessions]
        if found != [filters]:
            raise NotYet(sessions)
        return found
    wait_for(kept, 30, f"{filters} are kept")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_filters_come_and_go_and_the_session_ends_with_the_connector(cluster, one, version):
    topic, prefix = create_topic(cluster.bootstrap, unique_name("session")), unique_name("session")
    a, b = f"{prefix}/a/#", f"{prefix}/b/#"
    config = mqtt_source(cluster, topic, a, mqtt__version=version)
    say(cluster, f"{prefix}/a/state", "1", retain=True)
    say(cluster, f"{prefix}/b/state", "2", retain=True)
    try:
        one.rest.create("c", config)
        wait_granted(one.rest, {a: 1})
        wait_records(cluster, topic, 1)

        one.rest.do("PUT", "/connectors/c/config", {**config, "mqtt.topics": f"{a},{b}"})
        plugin = wait_granted(one.rest, {a: 1, b: 1})
        assert plugin["session_present"] and plugin["possible_gap_since"] is None
        wait_records(cluster, topic, 2)

        one.rest.do("PUT", "/connectors/c/config", {**config, "mqtt.topics": b})
        assert wait_granted(one.rest, {b: 1})["session_present"]
        say(cluster, f"{prefix}/a/late", "3")  # nobody asks for it any more
        say(cluster, f"{prefix}/b/late", "4")
        wait_records(cluster, topic, 3)
        values = [record.value for record in read_topic(cluster.bootstrap, topic)]
        assert sorted(values) == [b"1", b"2", b"4"]

        wait_kept(one.rest, {f"filter:{b}": 1})
        assert count(cluster.bootstrap, topic) == 3
        one.rest.delete("c")
        one.rest.wait_gone("c")
        one[0].wait_log(f"the session '{config['mqtt.client.id']}' at")
        assert not session_present(cluster, config["mqtt.client.id"])
    finally:
        say(cluster, f"{prefix}/a/state", "", retain=True)
        say(cluster, f"{prefix}/b/state", "", retain=True)
