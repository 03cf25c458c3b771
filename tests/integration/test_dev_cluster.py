"""The brokers that all other tests stand on do what those tests take for granted."""
import signal
import subprocess
from pathlib import Path

import pytest

from support import worker
from support.brokers import WEIR_DEV, Cluster
from support.kafka import (Judge, count, create_topic, produce, read_internal, read_topic, topics,
                           unique_name, wait_count)
from support.mqtt import Publisher, Subscriber
from support.wait import NotYet, wait_for


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_all_brokers_are_there_and_well(cluster):
    run = cluster.command("status")
    assert run.stdout.count("sees brokers [1, 2, 3], 0 partitions under-replicated") == 3
    assert "mqtt" in run.stdout and "answers" in run.stdout
    lines = dict(line.split("=", 1) for line in cluster.command("env").stdout.splitlines())
    assert lines["BOOTSTRAP"] == cluster.bootstrap
    assert lines["MQTT"] == f"127.0.0.1:{cluster.mqtt_port}"


def test_up_again_changes_nothing(cluster):
    before = cluster.state
    cluster.command("up")
    assert cluster.state == before


def test_up_with_another_option_is_refused_rather_than_ignored(cluster):
    run = cluster.command("up", "--initial-rebalance-delay", 3000, ok=(1,))
    assert "exists with another rebalance_delay (0); run down first" in run.stderr


def test_a_topic_made_by_its_first_record_has_three_replicas_and_partitions(cluster):
    topic = unique_name("auto")
    produce(cluster.bootstrap, topic, [b"one", b"two"], key=b"k")
    made = topics(cluster.bootstrap)[topic].partitions
    assert len(made) == 3 and all(len(p.replicas) == 3 for p in made.values())
    records = read_topic(cluster.bootstrap, topic)
    assert [(r.key, r.value) for r in records] == [(b"k", b"one"), (b"k", b"two")]
    assert count(cluster.bootstrap, topic) == 2


def test_an_internal_topic_reads_as_the_last_value_of_each_key(cluster):
    topic = create_topic(cluster.bootstrap, unique_name("internal"), partitions=1,
                         cleanup_policy="compact")
    for key, value in (("a", b'{"n": 1}'), ("b", b"{}"), ("a", b'{"n": 2}'), ("b", None)):
        produce(cluster.bootstrap, topic, [value], key=key)
    assert read_internal(cluster.bootstrap, topic) == {"a": {"n": 2}}


def test_a_killed_broker_is_missed_by_nobody_and_comes_back_alone(cluster):
    topic = create_topic(cluster.bootstrap, unique_name("kill"))
    cluster.kill(2)
    others = {name: pid for name, pid in cluster.pids.items() if name != "broker-2"}
    assert not is_running(cluster.pids["broker-2"]) and all(map(is_running, others.values()))
    produce(cluster.bootstrap, topic, [str(n) for n in range(100)])
    cluster.start(2)
    assert {name: cluster.pids[name] for name in others} == others
    cluster.wait_in_sync()
    assert len(read_topic(cluster.bootstrap, topic)) == 100


def test_mosquitto_keeps_a_session_over_a_restart(cluster):
    with Subscriber(cluster.mqtt_host, cluster.mqtt_port, "keep/#", client_id=unique_name("keep"),
                    clean_session=False) as keeper:
        pass
    for n in range(3):
        subprocess.run(["mosquitto_pub", "-h", cluster.mqtt_host, "-p", str(cluster.mqtt_port),
                        "-q", "1", "-t", f"keep/{n}", "-m", f"m{n}"], check=True)
    cluster.mqtt_restart()
    with keeper:
        assert keeper.wait_count(3) == [(f"keep/{n}", b"m%d" % n) for n in range(3)]


def test_the_second_listener_asks_for_a_password(cluster):
    with Subscriber(cluster.mqtt_host, cluster.mqtt_login_port, login=cluster.mqtt_login):
        pass
    with pytest.raises(AssertionError, match="not authorised"):
        with Subscriber(cluster.mqtt_host, cluster.mqtt_login_port):
            pass


def test_a_publisher_goes_through_a_restart_and_the_judge_finds_nothing_missing(cluster, tmp_path):
    """The judge is fed by hand here: what a subscriber saw is written to Kafka as it came."""
    topic = unique_name("judged")
    with Subscriber(cluster.mqtt_host, cluster.mqtt_port, f"{topic}/+", client_id=topic,
                    clean_session=False) as seen:
        publisher = Publisher(cluster.mqtt_host, cluster.mqtt_port, tmp_path, devices=5,
                              rate=2000, count=4000, topic=topic + "/{device}")
        with publisher:
            publisher.wait_published(1000)
            cluster.mqtt_restart()
            published = publisher.wait_end()

        def all_seen():
            missing = 4000 - len(set(seen.messages))
            if missing > 0:
                raise NotYet(f"{missing} missing")
            return True
        wait_for(all_seen, 30, "every message at the subscriber")
    assert {device: sorted(numbers) for device, numbers in published.items()} == {
        f"d{d}": list(range(800)) for d in range(5)}
    for device in published:
        produce(cluster.bootstrap, topic, [payload for name, payload in seen.messages
                                           if name.endswith("/" + device)], key=device)
    wait_count(cluster.bootstrap, topic, 4000)
    judge = Judge(published, read_topic(cluster.bootstrap, topic)).require()
    assert judge.counts["published"] == judge.counts["in_kafka"] == 4000


@pytest.mark.parametrize("sequence, fault", [
    ([0, 1, 3], {"lost": 1}),
    ([0, 1, 1, 2, 3, 2, 3], {"duplicates": 3}),
    ([0, 2, 1, 3], {"disorder": 1}),
    ([0, 1, 2, 3, 4], {"unacknowledged": 1}),
])
def test_the_judge_names_the_fault(cluster, sequence, fault):
    topic = create_topic(cluster.bootstrap, unique_name("fault"), partitions=1)
    produce(cluster.bootstrap, topic, ['{"device": "d0", "seq": %d}' % n for n in sequence])
    counts = Judge({"d0": [0, 1, 2, 3]}, read_topic(cluster.bootstrap, topic)).counts
    found = {name: n for name, n in counts.items() if n and name not in ("published", "in_kafka")}
    assert found == fault


FAKE_WEIR = """\
#!/usr/bin/python3
# Stands in for the worker: answers every GET on its listener, dies of SIGTERM.
import http.server, re, sys
port = re.search("(?m)^listeners=http://127.0.0.1:([0-9]+)$", open(sys.argv[2]).read()).group(1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


@pytest.fixture
def fake_weir(tmp_path, monkeypatch):
    program = tmp_path / "weir"
    program.write_text(FAKE_WEIR)
    program.chmod(0o755)
    monkeypatch.setattr(worker, "BUILD", tmp_path)
    return program


def test_a_group_of_workers_starts_loses_one_grows_and_stops(fake_weir, workers):
    group = workers(2)
    assert group.rest.connectors() == [] and group[0].rss_kb() > 1000
    group[0].kill()
    assert group.alive == [group[1]]
    group.add()
    group[0].start().wait_rest()
    assert len(group.alive) == 3
    assert [code for code, _ in group.stop_all()] == [-signal.SIGTERM] * 3
    text = group[2].file.read_text()
    assert f"group.id={group.group_id}\n" in text and "config.storage.replication.factor=3" in text


def test_a_worker_that_ends_while_it_starts_shows_its_log(fake_weir, cluster, tmp_path):
    fake_weir.write_text("#!/bin/sh\necho cannot work like this\nexit 3\n")
    broken = worker.Worker(worker.group_properties(cluster.bootstrap), tmp_path).start()
    with pytest.raises(AssertionError, match=r"worker ended with 3:\s+cannot work like this"):
        broken.wait_rest()


def test_down_leaves_no_process_and_no_file(tmp_path):
    with Cluster("short", tmp_path, "--no-mqtt") as cluster:
        pids = cluster.pids.values()
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids))
    assert not cluster.directory.exists()


def test_a_start_that_fails_shows_the_log_and_leaves_nothing_running(tmp_path):
    cluster = Cluster("broken", tmp_path, "--no-mqtt", "--set", "num.partitions=many")
    try:
        with pytest.raises(RuntimeError, match="Invalid value many for configuration"):
            cluster.up()
        assert not any(map(is_running, cluster.pids.values()))
    finally:
        cluster.down()


def test_a_run_that_is_killed_in_the_middle_of_up_leaves_nothing_running(tmp_path):
    starting = subprocess.Popen([WEIR_DEV, "--dir", tmp_path, "up", "--ports", "free"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    cluster = Cluster("dev", tmp_path)
    try:
        wait_for(lambda: all(cluster.pids.values()), 30, "all processes started")
        starting.terminate()
        assert "interrupted" in starting.communicate()[1]
        assert not any(map(is_running, cluster.pids.values()))
    finally:
        starting.kill()
        cluster.down()


def test_commands_without_a_cluster_say_how_to_make_one(tmp_path):
    run = Cluster("none", tmp_path).command("status", ok=(1,))
    assert "there is no cluster 'none'" in run.stderr and "weir-dev up" in run.stderr
