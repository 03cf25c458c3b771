"""GET /metrics of real workers: pages that can be read strictly, and figures that are true."""
import re
import shutil
import subprocess
import time

import paho.mqtt.publish as publish
import pytest
from support.connectors import mqtt_source, wait_subscribed
from support.exposition import parse, scrape
from support.kafka import create_topic, read_topic, unique_name
from support.mqtt import Publisher
from support.ports import free_port
from support.wait import NotYet, wait_for
from support.worker import Worker, group_properties

ODD = 'the "odd" näme'
DELIVERED = "weir_task_records_delivered_total"
# What Strimzi's dashboard for Kafka Connect asks of each worker, but for the JVM's and the
# clients': docs/metrics.md.
DASHBOARD = [f"kafka_connect_worker_{name}" for name in (
    "connector_count", "task_count", "rebalance_rebalancing", "connector_running_task_count",
    "connector_paused_task_count", "connector_failed_task_count",
    "connector_unassigned_task_count", "connector_destroyed_task_count")] + [
    f"kafka_connect_{name}" for name in (
        "coordinator_assigned_connectors", "coordinator_assigned_tasks", "connector_status",
        "connector_connector_class", "connector_connector_type", "connector_connector_version",
        "connector_task_status", "task_error_total_record_failures")]
# Names that are Strimzi's, and that promtool would rather have otherwise.
DISLIKED = re.compile(
    r"kafka_connect_(worker_(connector_|task_|connector_[a-z]+_task_)count|"
    r"source_task_source_record_active_count) non-histogram and non-summary metrics should not "
    r'have "_count" suffix|'
    r"kafka_connect_worker_rebalance_time_since_last_rebalance_ms metric names should not contain "
    r"abbreviated units")


def say(cluster, topic, payload):
    publish.single(topic, payload, qos=1, hostname=cluster.mqtt_host, port=cluster.mqtt_port)


def wait_page(worker, what, test, timeout=30):
    """Scrapes until the test holds; returns that page."""
    def found():
        page = scrape(worker)
        if not test(page):
            raise NotYet(page.text)
        return page
    return wait_for(found, timeout, what)


def counters(page):
    return {(family.name, key): value for family in page.families.values()
            if family.type == "counter" for key, value in family.samples.items()}


def judge_with_promtool(page):
    tool = shutil.which("promtool")
    if not tool:
        print("promtool is not at hand: the page was read by our own parser only")
        return
    run = subprocess.run([tool, "check", "metrics"], input=page.text, capture_output=True,
                         text=True, timeout=60, check=False)
    complaints = (run.stdout + run.stderr).splitlines()
    assert [line for line in complaints if not DISLIKED.fullmatch(line.strip())] == []


def test_every_worker_tells_the_truth_about_itself(cluster, workers, tmp_path):
    group = workers(3)
    topic, prefix = create_topic(cluster.bootstrap, unique_name("metrics")), unique_name("metrics")
    group.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#"))
    group.rest.create(ODD, mqtt_source(cluster, unique_name("idle"), f"{prefix}-idle"))
    wait_subscribed(group.rest, "c")
    wait_subscribed(group.rest, ODD)

    # While records flow nothing counts backwards.
    before = {}
    with Publisher(cluster.mqtt_host, cluster.mqtt_port, tmp_path, devices=5, rate=400, count=800,
                   topic=prefix + "/{device}") as publisher:
        publisher.wait_end()
        owner = group.owner("c")
        while True:
            for worker in group:
                now = counters(scrape(worker))
                for key, value in before.get(worker, {}).items():
                    assert now[key] >= value, key
                before[worker] = now
            if scrape(owner).value(DELIVERED, connector="c", task="0") >= 800:
                break
            time.sleep(0.2)  # the pace of the scrapes; the test's own time limit ends it

    owner = group.owner("c")
    wait_page(owner, "all settled", lambda page: page.value(
        "weir_task_unsettled_records", connector="c") == 0)
    pages = {worker: scrape(worker) for worker in group}
    page = pages[owner]
    records = read_topic(cluster.bootstrap, topic)
    assert len(records) == 800

    def figure(name, **labels):
        return page.value(name, connector="c", task="0", **labels)

    size = sum(len(record.key or b"") + len(record.value) for record in records)
    assert figure(DELIVERED) == figure("weir_task_records_emitted_total") == 800
    assert figure("kafka_connect_source_task_source_record_write_total") == 800
    assert figure("kafka_connect_source_task_source_record_poll_total") == 800
    assert figure("weir_task_bytes_delivered_total") == size
    assert figure("weir_task_bytes_emitted_total") == size
    assert figure("weir_task_oldest_unsettled_seconds") == 0
    assert figure("weir_task_delivery_seconds", suffix="_count") == 800
    assert 0 < figure("weir_task_delivery_seconds", suffix="_sum") < 800 * 60
    assert figure("kafka_connect_task_error_total_record_failures") == 0
    assert figure("weir_mqtt_source_connected") == 1
    assert figure("weir_mqtt_source_link_state", state="connected") == 1
    assert figure("weir_mqtt_source_link_state", state="waiting") == 0
    assert figure("weir_mqtt_source_received_total", qos="qos1") == 800
    assert figure("weir_mqtt_source_acks_total") == 800
    assert figure("weir_mqtt_source_granted_qos", filter=f"{prefix}/#") == 1
    assert page.label("kafka_connect_connector_task_status", "status", connector="c") == "running"

    # What a dashboard joins is there once in the whole cluster.
    for name in DASHBOARD:
        assert any(name in page for page in pages.values()), name
    for connector in ("c", ODD):
        for what, says in (("status", "running"), ("connector_class", "mqtt-source"),
                           ("connector_type", "source"), ("connector_version", "1.0.0")):
            name = f"kafka_connect_connector_{what}"
            found = [sample for page in pages.values()
                     for sample in page.samples(name, connector=connector)]
            assert found == [({"connector": connector, what: says}, 1)]
        assert sum(len(page.samples(DELIVERED, connector=connector))
                   for page in pages.values()) == 1
        assert sum(value for page in pages.values() for _, value in page.samples(
            "kafka_connect_worker_connector_running_task_count", connector=connector)) == 1
    for name in ("worker_connector_count", "worker_task_count", "coordinator_assigned_tasks",
                 "coordinator_assigned_connectors"):
        assert sum(page.value(f"kafka_connect_{name}") for page in pages.values()) == 2, name

    # The group, as /admin/cluster has it.
    admin = group.rest.do("GET", "/admin/cluster")
    for worker, page in pages.items():
        leads = worker.worker_id == admin["leader"]["worker_id"]
        assert page.value("weir_group_is_leader") == leads
        assert page.value("weir_group_term") == admin["leader"]["term"]
        assert page.value("weir_group_generation") == admin["generation"]
        assert page.value("weir_group_workers") == 3
        assert page.value("weir_group_member") == page.value("weir_kafka_up") == 1
        assert page.value("weir_group_suspended") == 0
        assert 0 < page.value("weir_group_lease_seconds") < 60
        assert page.value("kafka_connect_worker_rebalance_rebalancing") == 0
        assert page.label("kafka_connect_worker_rebalance_leader_name",
                          "leader_name") == admin["leader"]["url"]
        assert {labels["log"]: value for labels, value in page.samples("weir_log_caught_up")} == {
            "config": 1, "offset": 1, "status": 1}
        assert page.value("process_resident_memory_bytes") > 1 << 20
        assert page.value("process_open_fds") < page.value("process_max_fds")
        assert time.time() - 3600 < page.value("process_start_time_seconds") < time.time() + 5
        judge_with_promtool(page)


def test_a_failed_task_keeps_its_figures_until_it_is_restarted(cluster, workers):
    one = workers(1)
    topic, prefix = create_topic(cluster.bootstrap, unique_name("metrics")), unique_name("metrics")
    one.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#",
                                     mqtt__clean__session__enabled="true"))
    wait_subscribed(one.rest, "c")
    for number in range(5):
        say(cluster, f"{prefix}/a", str(number))
    page = wait_page(one[0], "five delivered",
                     lambda page: page.value(DELIVERED, connector="c") == 5)
    starts = page.value("kafka_connect_worker_task_startup_attempts_total")
    assert starts == page.value("kafka_connect_worker_task_startup_success_total")

    say(cluster, f"{prefix}/a", "{no json")
    page = wait_page(one[0], "failed", lambda page: page.label(
        "kafka_connect_connector_task_status", "status", connector="c") == "failed")
    assert page.value(DELIVERED, connector="c", task="0") == 5
    assert page.value("weir_task_errors_total", connector="c", kind="conversion") == 1
    assert page.value("kafka_connect_task_error_total_record_errors", connector="c") == 1
    assert page.value("kafka_connect_task_error_last_error_timestamp",
                      connector="c") > (time.time() - 600) * 1000
    assert page.value("kafka_connect_worker_connector_failed_task_count", connector="c") == 1
    assert page.value("kafka_connect_worker_connector_running_task_count", connector="c") == 0
    assert page.value("kafka_connect_worker_task_count") == 1
    # The bad one was not taken: it is still in the socket for the connector.
    assert page.value("weir_mqtt_source_received_total", connector="c", qos="qos1") == 5
    assert page.value("weir_mqtt_source_connected", connector="c") == 0
    assert {value for _, value in page.samples("weir_mqtt_source_link_state")} == {0}

    one.rest.do("POST", "/connectors/c/tasks/0/restart")
    page = wait_page(one[0], "subscribed again, and counted anew", lambda page: page.samples(
        "weir_mqtt_source_granted_qos") and page.value(DELIVERED, connector="c") == 0)
    assert page.label("kafka_connect_connector_task_status", "status", connector="c") == "running"
    assert page.samples("weir_task_errors_total") == []
    assert page.value("kafka_connect_worker_task_startup_attempts_total") == starts + 1
    say(cluster, f"{prefix}/a", "5")
    wait_page(one[0], "one delivered", lambda page: page.value(DELIVERED, connector="c") == 1)

    one.rest.delete("c")
    page = wait_page(one[0], "nothing is left", lambda page: DELIVERED not in page)
    assert page.value("kafka_connect_worker_task_count") == 0
    assert not any('connector="c"' in line for line in page.text.splitlines())


def test_without_kafka_there_is_a_page_and_it_says_so(tmp_path):
    worker = Worker(group_properties(f"127.0.0.1:{free_port()}"), tmp_path).start()
    try:
        worker.wait_rest()
        page = scrape(worker)
        assert page.value("weir_herder_up") == 1
        assert page.value("weir_kafka_up") == page.value("weir_group_member") == 0
        assert page.value("weir_group_term") == page.value("weir_group_generation") == -1
        assert page.value("kafka_connect_worker_rebalance_time_since_last_rebalance_ms") == \
            float("inf")
        assert {value for _, value in page.samples("weir_log_caught_up")} == {0}
        assert page.value("process_threads") > 1
        judge_with_promtool(page)
    finally:
        worker.kill()


GOOD = "# HELP a Help.\n# TYPE a gauge\n"


@pytest.mark.parametrize("text", [
    "a 1\n", GOOD + "a 1", GOOD + "b 1\n", GOOD + "a 1\na 1\n", GOOD + "a{x=\"1\"} 1\na{x=\"1\"} 2\n",
    GOOD + "a 1\n" + GOOD + "a 2\n", "# TYPE a gauge\na 1\n", "# HELP a Help.\na 1\n",
    GOOD + "a one\n", GOOD + "a{x=1} 1\n", GOOD + "a{x=\"1\",} 1\n", GOOD + "a{x=\"1\"\n",
    GOOD + "a{x=\"\\t\"} 1\n", GOOD + "a{x=\"1\",x=\"2\"} 1\n", GOOD + "a_sum 1\n", GOOD + "a  1\n",
    GOOD + "\na 1\n", "# HELP a Help.\n# TYPE a counter\na -1\n", GOOD.replace("gauge", "gouge"),
    GOOD + "# HELP b Help.\n# TYPE b gauge\nb 1\na 1\n"])
def test_the_parser_lets_nothing_pass(text):
    with pytest.raises((AssertionError, AttributeError)):
        parse(text)
