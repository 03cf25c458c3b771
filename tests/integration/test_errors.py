"""Records that cannot get to Kafka: another try, a dead letter, the end of the task; and never an
acknowledgement to the MQTT broker before it is sure what became of them."""
import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import (create_topic, partition_leader, read_topic, set_topic_config, topics,
                           unique_name)
from support.mqtt import Publisher
from support.wait import NotYet, wait_for

import paho.mqtt.publish as publish

CONTEXT = [f"__connect.errors.{name}" for name in (
    "topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name",
    "exception.class.name", "exception.message", "exception.stacktrace")]
NO_PAYLOAD = "__weir.errors.payload.omitted"
POLICIES = ("none", "all", "dlq")

# kind: (what the connector is asked for, settings of the topic, payload, stage)
FAILURES = {
    "conversion": ({}, {}, b"{no json", "TASK_POLL"),
    "topic": ({"kafka.topic": "${topic[9]}"}, {}, b"{}", "TASK_POLL"),
    "too-large": ({}, {"max_message_bytes": 2000}, b'"' + 5000 * b"x" + b'"', "KAFKA_PRODUCE"),
    # A broker that speaks MQTT 5 is told of the limit, and keeps to it.
    "skipped": ({"mqtt.maximum.packet.size": "2000", "mqtt.version": "3.1.1"}, {},
                b'"' + 5000 * b"x" + b'"', "TASK_POLL"),
}
# A converter's refusal is not among them: what MQTT brings always converts. See tests/unit/task.


def send(cluster, topic, payload):
    publish.single(topic, payload, qos=1, hostname=cluster.mqtt_host, port=cluster.mqtt_port)


def details(rest):
    return rest.status("c")["tasks"][0].get("details", {})


def wait_details(rest, what, test, timeout=30):
    def told():
        found = details(rest)
        if not found.get("plugin") or not test(found):
            raise NotYet(found)
        return found
    return wait_for(told, timeout, what)


def wait_acknowledged(rest, errors):
    """Everything is acknowledged; `errors` are the counters that the details must show by then."""
    return wait_details(rest, f"acknowledged, with {errors}", lambda found: (
        found["plugin"]["unacked"] == 0 and found["unsettled"] == 0 and
        all(found["errors"][key] == value for key, value in errors.items())))


def wait_failed(rest):
    def failed():
        task = rest.status("c")["tasks"][0]
        if task["state"] != "FAILED":
            raise NotYet(task)
        return task["trace"]
    return wait_for(failed, 30, "the task FAILED")


def tolerating(policy, dead):
    if policy == "none":
        return {}
    if policy == "all":
        return {"errors.tolerance": "all"}
    return {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": dead,
            "errors.deadletterqueue.topic.replication.factor": "2",
            "errors.deadletterqueue.context.headers.enable": "true"}


class Flow:
    """A connector named "c", with its topic, its dead-letter topic and its MQTT prefix."""

    def __init__(self, cluster, group, settings=None, topic_settings=None):
        self.cluster, self.rest = cluster, group.rest
        self.topic = create_topic(cluster.bootstrap, unique_name("errors"),
                                  **(topic_settings or {}))
        self.dead, self.prefix = unique_name("dead"), unique_name("errors")
        self.config = {**mqtt_source(cluster, self.topic, f"{self.prefix}/#"), **(settings or {})}

    def begin(self, more):
        self.config.update(more)
        self.put()
        self.wait_running()

    def put(self):
        self.rest.put_config("c", self.config)

    def wait_running(self):
        wait_for(lambda: self.rest.states("c") == ("RUNNING", ["RUNNING"]), 30, "the task RUNNING")
        wait_subscribed(self.rest, "c")

    def send(self, payload, device="x"):
        send(self.cluster, f"{self.prefix}/{device}", payload)

    def letters(self, n):
        wait_records(self.cluster, self.dead, n, timeout=60)
        return read_topic(self.cluster.bootstrap, self.dead)


def check_letter(flow, letter, kind, payload, stage):
    names = [name for name, _ in letter.headers]
    headers = dict(letter.headers)
    left_out = kind == "skipped"
    assert letter.value == (None if left_out else payload)
    assert [name for name in names if name.startswith("__connect")] == CONTEXT
    assert (NO_PAYLOAD in headers) == left_out
    assert headers["mqtt.topic"] == f"{flow.prefix}/x".encode()
    assert headers["mqtt.qos"] == b"1"
    assert headers["__connect.errors.stage"] == stage.encode()
    assert headers["__connect.errors.connector.name"] == b"c"
    assert headers["__connect.errors.task.id"] == b"0"
    assert headers["__connect.errors.offset"] is None
    meant = flow.topic.encode() if stage == "KAFKA_PRODUCE" else None
    assert headers["__connect.errors.topic"] == meant
    assert headers["__connect.errors.exception.message"]


def check_policy(flow, policy, kind, payload, stage, counted):
    """One bad message under one policy; with "none" it is the broker's still, and comes again."""
    flow.begin(tolerating(policy, flow.dead))
    flow.send(payload)
    if policy == "none":
        trace = wait_failed(flow.rest)
        assert "Tolerance exceeded in error handler" in trace and stage in trace, trace
        flow.begin(tolerating("dlq", flow.dead))
    elif policy == "all":
        wait_acknowledged(flow.rest, {"total": 1, "by_kind": {counted: 1}, "dropped": 1})
        flow.begin(tolerating("dlq", flow.dead))  # nothing comes again
        assert wait_acknowledged(flow.rest, {"total": 0})["plugin"]["received"]["qos1"] == 0
    if policy != "all":
        letters = flow.letters(1)
        assert len(letters) == 1
        check_letter(flow, letters[0], kind, payload, stage)
        wait_acknowledged(flow.rest, {"total": 1, "by_kind": {counted: 1}, "dead_lettered": 1,
                                      "dropped": 0})


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", FAILURES)
def test_each_failure_meets_the_users_policy(cluster, workers, kind, policy):
    settings, topic_settings, payload, stage = FAILURES[kind]
    flow = Flow(cluster, workers(1), settings, topic_settings)
    counted = "too-large" if kind == "skipped" else kind
    check_policy(flow, policy, kind, payload, stage, counted)
    if kind != "topic":  # nothing stalls: what is good goes on
        flow.send(b'"good"')
        wait_records(cluster, flow.topic, 1)


def test_a_letter_comes_even_without_tolerance_and_the_message_stays_with_the_broker(cluster,
                                                                                    workers):
    flow = Flow(cluster, workers(1))
    flow.begin({**tolerating("dlq", flow.dead), "errors.tolerance": "none"})
    flow.send(b"{no json")
    trace = wait_failed(flow.rest)
    assert flow.dead in trace and "not acknowledged" in trace
    assert len(flow.letters(1)) == 1
    flow.rest.restart("c", task=0)
    assert len(flow.letters(2)) == 2  # it came again


def test_the_acknowledgement_follows_the_letter(cluster, workers):
    flow = Flow(cluster, workers(1))
    flow.begin(tolerating("dlq", flow.dead))
    flow.send(b"{no json")
    assert len(flow.letters(1)) == 1
    wait_acknowledged(flow.rest, {"dead_lettered": 1})
    cluster.kill_all()
    flow.send(b"{no json either")
    found = wait_details(flow.rest, "rejected", lambda found: found["plugin"]["rejected"] == 2)
    assert (found["plugin"]["unacked"], found["plugin"]["dlq"]) == (1, 1), found
    cluster.start_all()
    wait_acknowledged(flow.rest, {"dead_lettered": 2})
    assert len(flow.letters(2)) == 2


def test_a_letter_that_cannot_be_written_fails_the_task_and_nothing_is_lost(cluster, workers):
    flow = Flow(cluster, workers(1))
    create_topic(cluster.bootstrap, flow.dead, 1, max_message_bytes=100)  # not even for headers
    flow.begin(tolerating("dlq", flow.dead))
    flow.send(b"{no json")
    trace = wait_failed(flow.rest)
    assert f"the dead-letter topic '{flow.dead}' could not be written" in trace
    set_topic_config(cluster.bootstrap, flow.dead, max_message_bytes=100000)
    flow.rest.restart("c", task=0)
    assert [letter.value for letter in flow.letters(1)] == [b"{no json"]
    wait_acknowledged(flow.rest, {"dead_lettered": 1})


def test_a_payload_that_is_too_large_for_the_letter_is_left_out(cluster, workers):
    flow = Flow(cluster, workers(1))
    create_topic(cluster.bootstrap, flow.dead, 1, max_message_bytes=4000)
    flow.begin(tolerating("dlq", flow.dead))
    flow.send(b"{no json" + 8000 * b"x")
    letter = flow.letters(1)[0]
    assert letter.value is None
    assert dict(letter.headers)[NO_PAYLOAD].startswith(b"8008 bytes")
    wait_acknowledged(flow.rest, {"dead_lettered": 1})


def test_a_thousand_bad_messages_in_a_row(cluster, workers):
    group = workers(1)
    flow = Flow(cluster, group, {"mqtt.payload.format": "string"})
    flow.begin(tolerating("dlq", flow.dead))
    flow.begin({"kafka.topic": "${topic[9]}"})
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=10, rate=0,
                   count=1000, topic=flow.prefix + "/{device}") as publisher:
        publisher.wait_end()
    letters = flow.letters(1000)
    wait_acknowledged(flow.rest, {"dead_lettered": 1000, "by_kind": {"topic": 1000}})
    assert len(letters) == 1000
    flow.begin({"kafka.topic": flow.topic})
    flow.send(b"good")
    wait_records(cluster, flow.topic, 1)


def test_the_dead_letter_topic_is_created_as_it_was_asked_for(cluster, workers):
    flow = Flow(cluster, workers(1))
    flow.begin(tolerating("dlq", flow.dead))
    made = topics(cluster.bootstrap)[flow.dead].partitions
    assert [len(partition.replicas) for partition in made.values()] == [2]
    flow.config.update({"errors.deadletterqueue.topic.name": flow.dead + "-more",
                        "errors.deadletterqueue.topic.replication.factor": "9"})
    flow.rest.put_config("c", flow.config)
    trace = wait_failed(flow.rest)
    assert "errors.deadletterqueue.topic.replication.factor=9" in trace
    assert "lower the factor" in trace
    assert flow.dead + "-more" not in topics(cluster.bootstrap)


def test_the_target_cannot_be_the_dead_letter_topic(cluster, workers):
    group = workers(1)
    config = {**mqtt_source(cluster, "same", "x/#"), "errors.deadletterqueue.topic.name": "same"}
    answer = group.rest.request("PUT", "/connectors/c/config", config)
    assert answer.status == 400 and "'same' is the topic that the connector writes to" in \
        answer.json["message"]


class Unreachable(Flow):
    """The only replica of the topic goes with its broker; what is for it fails after a second."""

    def __init__(self, cluster, group):
        super().__init__(cluster, group, {"producer.override.delivery.timeout.ms": "1000"},
                         {"partitions": 1, "replicas": 1})
        # Not every broker has heard of the topic at once. Ids begin with 1.
        self.leader = wait_for(lambda: partition_leader(cluster.bootstrap, self.topic), 20,
                               "the topic's leader")
        self.gone = False

    def put(self):  # a leader whose broker has just died may say that it could not write
        wait_for(lambda: self.rest.put_config("c", self.config), 30, "the config written")

    def begin(self, more):
        if "errors.deadletterqueue.topic.name" in more:  # two of three do, two of two do not
            more = {**more, "errors.deadletterqueue.topic.replication.factor": "3"}
        super().begin(more)
        if not self.gone:
            self.cluster.kill(self.leader)
            self.gone = True


@pytest.mark.timeout(240)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_topic_whose_broker_is_dead(cluster, workers, policy):
    flow = Unreachable(cluster, workers(1))
    check_policy(flow, policy, "timeout", b'"late"', "KAFKA_PRODUCE", "timeout")


@pytest.mark.timeout(240)
def test_another_try_heals_and_nothing_is_acknowledged_meanwhile(cluster, workers):
    flow = Unreachable(cluster, workers(1))
    flow.begin({"errors.retry.timeout": "-1", "errors.retry.delay.max.ms": "2000"})
    flow.send(b'"held"')
    found = wait_details(flow.rest, "three tries", lambda found: found["errors"]["retries"] >= 3,
                         timeout=90)
    assert found["errors"]["total"] == 0 and found["plugin"]["pubacks"] == 0
    assert flow.rest.status("c")["tasks"][0]["state"] == "RUNNING"
    cluster.start(flow.leader)
    wait_records(cluster, flow.topic, 1, timeout=60)
    wait_acknowledged(flow.rest, {"total": 0})
    values = {record.value for record in read_topic(cluster.bootstrap, flow.topic)}
    assert values == {b'"held"'}
