"""Kafka away, the MQTT broker restarted: nothing is lost, and the worker says what it waits for."""
import time

import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, count, create_topic, read_topic, unique_name, wait_count
from support.mqtt import Publisher
from support.ports import free_port
from support.wait import NotYet, wait_for
from support.worker import Worker, group_properties


def flowing(cluster, group, **more):
    topic, prefix = create_topic(cluster.bootstrap, unique_name("away")), unique_name("away")
    group.rest.create("c", mqtt_source(cluster, topic, prefix + "/#", **more))
    wait_subscribed(group.rest, "c")
    return topic, prefix


def judge(cluster, topic, published, duplicates=None):
    def arrived():
        verdict = Judge(published, read_topic(cluster.bootstrap, topic))
        return not verdict.lost and verdict
    return wait_for(arrived, 60, "everything in Kafka", interval=1).require(duplicates)


def plugin_details(rest):
    return rest.status("c")["tasks"][0]["details"]["plugin"]


@pytest.mark.timeout(240)
def test_kafka_stopped_for_20_seconds_loses_nothing_and_keeps_the_mqtt_connection(cluster, workers):
    group = workers(1)
    topic, prefix = flowing(cluster, group, mqtt__keepalive__interval__seconds=5)
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=20, rate=500,
                   topic=prefix + "/{device}") as publisher:
        wait_records(cluster, topic, 500)
        since = plugin_details(group.rest)["connected_since"]
        cluster.kill_all()
        began = time.monotonic()
        while time.monotonic() - began < 20:  # the REST port answers all the time
            assert group.rest.get("/").status == 200
            assert group.rest.connectors() == ["c"]
            assert group.rest.status("c")["tasks"][0]["state"] == "RUNNING"
            time.sleep(0.5)
        assert plugin_details(group.rest)["unacked"] > 0
        cluster.start_all()
        before = count(cluster.bootstrap, topic)
        wait_records(cluster, topic, before + 1000, timeout=60)
        published = publisher.stop()
    judge(cluster, topic, published)
    assert plugin_details(group.rest)["connected_since"] == since, "the MQTT connection was lost"
    assert group.rest.status("c")["tasks"][0]["state"] == "RUNNING"


@pytest.mark.timeout(180)
def test_a_broker_of_three_dies_and_nothing_is_lost(cluster, workers):
    group = workers(2)
    topic, prefix = flowing(cluster, group)
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=20, rate=500,
                   topic=prefix + "/{device}") as publisher:
        wait_records(cluster, topic, 500)
        cluster.kill(cluster.broker_ids[0])
        before = publisher.count()

        def goes_on():  # the worker's word: a client that counts offsets stumbles over the dead one
            acked = plugin_details(group.rest)["kafka_acked"]
            if acked < before + 2000:
                raise NotYet(acked)
            return True
        wait_for(goes_on, 60, "2000 more records in Kafka")
        published = publisher.stop()
    cluster.start_all()
    judge(cluster, topic, published)


@pytest.mark.timeout(180)
def test_mosquitto_restarted_loses_nothing(cluster, workers):
    group = workers(1)
    topic, prefix = flowing(cluster, group)
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, group.directory, devices=20, rate=500,
                   topic=prefix + "/{device}") as publisher:
        wait_records(cluster, topic, 500)
        cluster.mqtt_restart()
        before = count(cluster.bootstrap, topic)
        wait_records(cluster, topic, before + 1000, timeout=60)
        published = publisher.stop()
    judge(cluster, topic, published)
    details = plugin_details(group.rest)
    assert details["session_present"] is True


def test_a_worker_without_kafka_answers_and_says_what_it_waits_for(tmp_path):
    nowhere = f"127.0.0.1:{free_port()}"
    worker = Worker(group_properties(nowhere), tmp_path).start()
    try:
        worker.wait_rest(10)
        health = wait_for(lambda: "Kafka" in worker.rest.get("/health").json["message"] and
                          worker.rest.get("/health"), 20, "health naming Kafka")
        assert health.status == 503 and health.json["status"] == "starting"
        assert nowhere in health.json["message"]
        assert worker.rest.get("/").json["kafka_cluster_id"] is None
        assert worker.rest.get("/connectors").json == []
        answer = worker.rest.request("PUT", "/connectors/c/config", {"connector.class": "x"})
        assert answer.status == 503 and nowhere in answer.json["message"]
        assert nowhere in worker.log_text()
        code, seconds = worker.stop()
        assert code == 0 and seconds < 8
    finally:
        worker.kill()


def test_kafka_that_comes_later_is_found(cluster, workers, tmp_path):
    cluster.stop_all()
    worker = Worker(group_properties(cluster.bootstrap), tmp_path).start()
    try:
        worker.wait_rest(10)
        wait_for(lambda: worker.rest.get("/health").status == 503, 10, "starting")
        cluster.start_all()
        wait_for(lambda: worker.rest.get("/health").status == 200, 60, "health")
        assert worker.stop()[0] == 0
    finally:
        worker.kill()
