"""`weir log` tells what a real group has done, and finds what a group must never do."""
import json
import signal
import subprocess

from support.connectors import mqtt_source
from support.history import history, require_lawful, weir_log
from support.kafka import create_topic, produce, read_topic, unique_name
from support.ports import free_port
from support.wait import NotYet, scaled, wait_for
from support.worker import BUILD

CONNECTORS = 4


def settled(group):
    """Waits until the newest assignment names exactly who lives and leaves nothing open; returns
    the history up to there."""
    live = {worker.worker_id for worker in group.alive}

    def agreed():
        told = history(group)
        last = [r["value"] for r in told if r["kind"] == "assignment"][-1]
        items = sum(len(tasks) for has in last["map"].values() for tasks in has.values())
        if set(last["workers"]) != live or last["unassigned"] or items != 2 * CONNECTORS:
            raise NotYet(last)
        return told
    return wait_for(agreed, 40, "all in one assignment", interval=0.5)


def as_json(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_history_of_a_group_is_told_and_lawful(cluster, workers):
    group = workers(3)
    for n in range(CONNECTORS):
        group.rest.create(f"c{n}", mqtt_source(cluster, "t", f"nothing/{n}",
                                               mqtt__username="u", mqtt__password="hush-hush"))
    told = settled(group)
    leading = [r["value"]["worker"] for r in told if r["kind"] == "leader"][-1]
    victim = group.by_id(leading)
    victim.kill()
    settled(group)
    group.add()
    group.rest.pause("c0")
    told = settled(group)

    config_topic = group.properties["config.storage.topic"]
    records = read_topic(cluster.bootstrap, config_topic)
    assert [r["offset"] for r in told] == [r.offset for r in records][:len(told)]
    assert [r["time"] for r in told] == [r.timestamp for r in records][:len(told)]
    leaders = [r for r in told if r["kind"] == "leader"]
    assert len(leaders) >= 2 and leaders[0]["value"]["worker"] in {w.worker_id for w in group}
    assert leaders[-1]["value"]["worker"] != victim.worker_id
    terms = [r["value"]["term"] for r in told if r["kind"] == "assignment"]
    assert set(terms) <= {r["offset"] for r in leaders} and terms == sorted(terms)
    assert {r["name"] for r in told if r["kind"] == "presence"} == {w.worker_id for w in group}
    assert {r["name"] for r in told if r["kind"] == "tasks"} == {
        f"c{n}/0" for n in range(CONNECTORS)}
    assert "mqtt.password" in next(r for r in told if r["kind"] == "connector")["value"]["keys"]
    assert not [r for r in told if "problem" in r]

    text = weir_log("--bootstrap", cluster.bootstrap, "--topic", config_topic)
    assert text.returncode == 0 and len(text.stdout.splitlines()) >= len(told)
    assert f"{victim.worker_id} has gone" in text.stdout
    assert "c0 shall be PAUSED" in text.stdout
    assert "hush-hush" not in text.stdout + json.dumps(told) and not text.stderr, text.stderr

    figures = require_lawful(group)
    assert figures["violations"] == figures["void"] == figures["unreadable"] == 0
    assert figures["workers"] == 4 and figures["leaders"] >= 2 and figures["moves"] > 0
    summary = weir_log(group[0].file, "--check")
    assert summary.returncode == 0 and len(summary.stdout.splitlines()) == 1
    assert summary.stdout.endswith("violations 0\n"), summary.stdout


def test_what_must_never_happen_is_found(cluster):
    topic = create_topic(cluster.bootstrap, unique_name("log"), 1, cleanup_policy="compact")

    def write(key, value):
        produce(cluster.bootstrap, topic, [value if isinstance(value, str) else json.dumps(value)],
                key)

    def assign(seq, placed, unassigned=None, term=0):
        write("assignment", {"term": term, "seq": seq, "generation": 1,
                             "workers": {"a": "A", "b": "B"}, "map": placed,
                             "unassigned": unassigned or {}, "held": {}})
    leader = {"worker": "a", "instance": "A", "url": "http://a/", "generation": 1, "reason": "r"}
    write("leader", leader)                                          # 0
    write("connector-c", {"properties": {"name": "c"}})              # 1
    assign(1, {"a": {"c": ["c"]}})                                   # 2
    assign(2, {"b": {"c": ["c"]}})                                   # 3: at once
    assign(3, {"a": {"c": ["c"]}, "b": {"c": ["c"]}})                # 4: twice
    assign(4, {})                                                    # 5: lost
    write("leader", {**leader, "worker": "b", "instance": "B"})      # 6
    assign(5, {"a": {"c": ["c"]}})                                   # 7: deposed
    write("worker/b", "{broken")                                     # 8
    where = "--bootstrap", cluster.bootstrap, "--topic", topic

    found = weir_log(*where, "--check", "--json")
    assert found.returncode == 1, found.stderr
    *violations, figures = as_json(found)
    said = [(v["offset"], v["violation"]) for v in violations]
    for offset, part in ((3, "assignment 0.2: c/c moves from a to b at once"),
                         (4, "assignment 0.3: c/c is on a and on b"),
                         (5, "assignment 0.4: c/c is neither placed nor unassigned"),
                         (7, "assignment 0.5: void: the leader of term 6 has taken over")):
        assert [1 for at, text in said if at == offset and part in text], said
    assert {at for at, _ in said} == {3, 4, 5, 7}
    assert figures["violations"] == len(said) and figures["void"] == figures["unreadable"] == 1
    text = weir_log(*where, "--check")
    assert text.returncode == 1 and "offset 3: assignment 0.2: c/c moves from a to b" in text.stdout
    told = weir_log(*where, "--json")
    assert told.returncode == 0 and as_json(told)[8]["problem"] == "its value is no JSON"


def test_follow_goes_on_until_it_is_interrupted(cluster):
    topic = create_topic(cluster.bootstrap, unique_name("log"), 1, cleanup_policy="compact")
    where = "--bootstrap", cluster.bootstrap, "--topic", topic
    empty = weir_log(*where)
    assert (empty.returncode, empty.stdout, empty.stderr) == (0, "", "")
    produce(cluster.bootstrap, topic, ['{"tasks":1}'], "commit-first")
    reading = subprocess.Popen([BUILD / "weir", "log", *where, "--follow"], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert "first has 1 tasks" in reading.stdout.readline()
        produce(cluster.bootstrap, topic, ['{"tasks":2}'], "commit-second")
        assert "second has 2 tasks" in reading.stdout.readline()
        reading.send_signal(signal.SIGINT)
        assert reading.wait(scaled(10)) == 0
    finally:
        reading.kill()
        reading.wait()


def test_what_cannot_be_read_is_said(cluster, tmp_path):
    def refused(code, part, *words, env=None):
        done = weir_log(*words, env=env)
        assert done.returncode == code and part in done.stderr, (done.returncode, done.stderr)
        assert not done.stdout
    bootstrap = cluster.bootstrap
    refused(2, "there is no topic 'nothing-here'", "--bootstrap", bootstrap, "--topic",
            "nothing-here")
    three = create_topic(bootstrap, unique_name("log"))
    refused(2, "has 3 partitions: it is no config topic", "--bootstrap", bootstrap, "--topic", three)
    refused(2, "no Kafka broker has answered for 10 s", "--bootstrap", f"127.0.0.1:{free_port()}",
            "--topic", "t")
    refused(2, "missing.properties", tmp_path / "missing.properties")
    refused(2, "bootstrap.servers", "-", env={})
    for words in ((), ("--what",), ("--topic", "t"), ("a", "b"), ("a", "--topic", "t"),
                  ("--bootstrap",), ("--bootstrap", "", "--topic", "t")):
        refused(1, "weir log FILE", *words)
