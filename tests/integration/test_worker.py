"""The program: its options, bad configs, signals, broken plugins."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import create_topic, topics, unique_name
from support.ports import free_port
from support.wait import NotYet, wait_for
from support.worker import BUILD, REPOSITORY, Worker, group_properties


def weir(*words):
    return subprocess.run([BUILD / "weir", *words], capture_output=True, text=True, timeout=20)


def test_help_version_and_config():
    assert "weir worker FILE" in weir("--help").stdout
    assert weir("--version").stdout.startswith("weir ")
    assert weir("bogus").returncode == 1
    keys = weir("config").stdout
    for key in ("group.id", "config.storage.topic", "session.timeout.ms", "rest.json.comments",
                "tasks.max", "mqtt.topics"):
        assert key in keys
    assert weir("config", "--markdown").stdout.startswith("# ")
    assert "mqtt.topics" not in weir("config", "/nowhere").stdout
    assert weir("config", "--bogus").returncode == 1


@pytest.mark.parametrize("change, says", [
    ({"group.id": None}, ["group.id"]),
    ({"bootstrap.servers": None}, ["bootstrap.servers"]),
    ({"session.timeout.ms": "soon"}, ["session.timeout.ms", "soon"]),
    ({"heartbeat.interval.ms": "60000"}, ["heartbeat.interval.ms"]),
    ({"log.format": "xml"}, ["log.format", "xml", "logfmt"]),
    ({"listeners": "ftp://x"}, ["listeners"]),
    ({"key.converter": "com.example.Nope"}, ["key.converter", "com.example.Nope"]),
    ({"sasl.jaas.config": "com.example.Login required;"}, ["sasl.jaas.config"]),
    ({"ssl.truststore.location": "/x/trust.jks"}, ["ssl.truststore.location", "PEM"]),
])
def test_a_bad_value_stops_the_start_and_is_named(tmp_path, change, says):
    worker = Worker({**group_properties("127.0.0.1:1"), **change}, tmp_path).start()
    try:
        assert worker.wait_end(10) == 3
        errors = [line for line in worker.log_text().splitlines() if "level=error" in line]
        assert errors, worker.log_text()
        for word in says:
            assert word in errors[-1]
    finally:
        worker.kill()


def test_unknown_keys_warn_and_secrets_stay_out_of_the_log(tmp_path):
    worker = Worker({**group_properties("127.0.0.1:1"), "no.such.key": "7",
                     "sasl.mechanism": "PLAIN", "security.protocol": "SASL_PLAINTEXT",
                     "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule "
                                         "required username=\"bob\" password=\"hush-hush\";",
                     "log.level": "debug", "log.format": "json"}, tmp_path,
                    env={"CONNECT_LOG_LEVEL": "info"}).start()
    try:
        worker.wait_rest(10)
        worker.wait_log("no.such.key")
        assert "hush-hush" not in worker.log_text()
        assert worker.log_text().startswith('{"ts":')
        assert '"level":"debug"' not in worker.log_text(), "the environment comes on top"
        assert worker.stop()[0] == 0
    finally:
        worker.kill()


def test_a_second_sigterm_ends_at_once(cluster, workers):
    group = workers(1, {"plugin.path": BUILD / "tests/plugins",
                        "task.shutdown.graceful.timeout.ms": "20000"})
    group.rest.create("stuck", {"connector.class": "endless-poll", "tasks.max": "1"})
    wait_for(lambda: group.rest.states("stuck") == ("RUNNING", ["RUNNING"]), 20, "running")
    group[0].process.send_signal(signal.SIGTERM)
    group[0].wait_log("stopping, as asked")
    began = time.monotonic()
    group[0].process.send_signal(signal.SIGTERM)
    assert group[0].wait_end(5) == 2
    assert time.monotonic() - began < 2


def test_a_taken_port_is_named(tmp_path):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = Worker(group_properties("127.0.0.1:1"), tmp_path, port=port).start()
        try:
            assert worker.wait_end(10) == 3
            assert str(port) in worker.log_text()
        finally:
            worker.kill()


def test_internal_topics_are_made_as_asked_and_wrong_ones_refused(cluster, workers, tmp_path):
    group = workers(1)
    wait_for(lambda: group.rest.get("/health").status == 200, 30, "health")
    found = topics(cluster.bootstrap)
    assert len(found[group.properties["config.storage.topic"]].partitions) == 1
    assert len(found[group.properties["status.storage.topic"]].partitions) == 5
    assert len(found[group.properties["offset.storage.topic"]].partitions) == 5

    wrong = create_topic(cluster.bootstrap, unique_name("wrong"), 1, cleanup_policy="delete")
    worker = Worker({**group_properties(cluster.bootstrap), "status.storage.topic": wrong},
                    tmp_path, "wrong").start()
    assert worker.wait_end(30) == 2
    assert "cleanup.policy" in worker.log_text() and wrong in worker.log_text()

    worker = Worker({**group_properties(cluster.bootstrap),
                     "config.storage.replication.factor": "5"}, tmp_path, "five").start()
    assert worker.wait_end(60) == 2
    assert "replication" in worker.log_text()


@pytest.mark.timeout(180)
def test_broken_plugins_end_in_a_clear_status_not_in_a_dead_worker(cluster, workers):
    group = workers(1, {"plugin.path": f"{BUILD / 'tests/plugins'},{BUILD / 'plugins'}",
                        "task.shutdown.graceful.timeout.ms": "1000"})
    log, rest = group[0].log_text(), group.rest
    for file in ("no_entry.so", "other_abi.so"):
        assert any(file in line and "level=error" in line for line in log.splitlines()), file

    refused = rest.request("POST", "/connectors", {"name": "bad-plan", "config": {
        "connector.class": "bad-plan", "tasks.max": "1", "bad.plan": "null key"}})
    assert refused.status in (400, 500) and "bad-plan" in refused.json["message"]
    endless = rest.request("PUT", "/connectors/endless-plan/config", {
        "connector.class": "endless-plan", "tasks.max": "1"})
    assert endless.status in (400, 500) and "endless-plan" in endless.json["message"]
    assert rest.connectors() == []

    rest.create("stuck", {"connector.class": "endless-poll", "tasks.max": "1"})

    def says_stuck():
        task = rest.status("stuck")["tasks"][0]
        if task.get("details", {}).get("stuck_in") != "poll":
            raise NotYet(task)
        return True
    wait_for(says_stuck, 30, "the status saying where it hangs")
    rest.create("sad", {"connector.class": "fails-start", "tasks.max": "1"})
    wait_for(lambda: rest.states("sad")[1] == ["FAILED"], 20, "a start that fails")
    assert "fails-start" in rest.status("sad")["tasks"][0]["trace"] or \
        "sad" in rest.status("sad")["tasks"][0]["trace"]
    # Other work goes on, and a stuck task can be deleted.
    topic = create_topic(cluster.bootstrap, unique_name("good"))
    rest.create("good", mqtt_source(cluster, topic, "nothing/#"))
    wait_subscribed(rest, "good")
    rest.delete("stuck")
    wait_for(lambda: rest.get("/connectors/stuck/status").status == 404, 20, "the stuck one gone")
    assert group[0].alive and group[0].stop()[0] == 0


@pytest.mark.timeout(300)
def test_a_host_without_java_builds_and_runs_all_but_the_dev_kafka(cluster, workers, tmp_path):
    """A PATH that has every program of this host but Java's builds the worker and its plugins, and
    what was built takes records into Kafka."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            link = tools / program.name
            if program.name not in ("java", "javac", "mvn") and not link.exists():
                link.symlink_to(program)
    env = {**os.environ, "PATH": str(tools), "JAVA_HOME": "/nonexistent"}
    assert shutil.which("java", path=env["PATH"]) is None
    subprocess.run(["make", "-s", "-j2", "MODE=debug", f"BUILD_ROOT={tmp_path}/build", "build"],
                   cwd=REPOSITORY, env=env, check=True, timeout=200)
    group = group_properties(cluster.bootstrap)
    worker = Worker({**group, "plugin.path": tmp_path / "build/debug/plugins"}, tmp_path, env=env)
    import support.worker as module
    built, module.BUILD = module.BUILD, tmp_path / "build/debug"
    try:
        worker.start().wait_rest()
    finally:
        module.BUILD = built
    try:
        topic, prefix = create_topic(cluster.bootstrap, unique_name("nojava")), unique_name("nj")
        worker.rest.create("c", mqtt_source(cluster, topic, f"{prefix}/#"))
        wait_subscribed(worker.rest, "c")
        import paho.mqtt.publish as publish
        publish.single(f"{prefix}/a", "{}", qos=1, hostname=cluster.mqtt_host,
                       port=cluster.mqtt_port)
        wait_records(cluster, topic, 1)
    finally:
        worker.kill()
