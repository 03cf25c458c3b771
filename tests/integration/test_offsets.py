"""Source offsets on real brokers: what a task keeps outlives its worker, a JVM's offsets are found
and written under its keys, the REST API shows and changes them; and what a task that will not come
back has left outside is given up, once."""
import json

import pytest
from support.connectors import follower_of, leader_of
from support.kafka import count, create_topic, produce, read_topic, unique_name, wait_count
from support.wait import NotYet, wait_for
from support.worker import BUILD

FLUSH_MS = 300


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path / "notes")


@pytest.fixture
def two(cluster, workers):
    group = workers(2, {
        "plugin.path": f"{BUILD / 'plugins'},{BUILD / 'tests/plugins/forgets.so'}",
        "offset.flush.interval.ms": FLUSH_MS})
    wait_for(lambda: leader_of(group, cluster.bootstrap), 30, "a leader")
    return group


class Notes:
    """What the tasks of tests/plugins/forgets.c have written: [("start", 0, 5, 40), …]."""

    def __init__(self, file):
        self.file = file

    def config(self, tasks=1, **more):
        return {"connector.class": "forgets", "tasks.max": str(tasks), "forgets.tasks": str(tasks),
                "forgets.file": str(self.file), "errors.log.enable": "true", **more,
                "value.converter": "org.apache.kafka.connect.storage.StringConverter"}

    def read(self, what=""):
        text = self.file.read_text() if self.file.exists() else ""
        found = [(line.split()[0], *map(int, line.split()[1:])) for line in text.splitlines()]
        return [line for line in found if line[0].startswith(what)]

    def wait(self, what, n, timeout=30):
        def enough():
            found = self.read(what)
            if len(found) < n:
                raise NotYet(self.read())
            return found
        return wait_for(enough, timeout, f"{n} lines '{what}'")


def shown(rest, name="c"):
    """{'{"starts": 0}': {"n": 5}}"""
    return {json.dumps(one["partition"]): one["offset"] for one in rest.offsets(name)["offsets"]}


def test_what_is_kept_and_what_is_in_kafka_is_found_by_the_next_owner(cluster, two, notes):
    topic = create_topic(cluster.bootstrap, unique_name("offsets"))
    two.rest.create("c", notes.config(**{"forgets.topic": topic}))
    two.rest.wait_running("c")
    assert notes.wait("start", 1) == [("start", 0, 0, 0)]
    for kills in (1, 2):
        before = count(cluster.bootstrap, topic)
        wait_count(cluster.bootstrap, topic, before + 30)

        def committed():
            offsets = shown(two.rest)
            if (offsets.get('{"starts": 0}') != {"n": kills}
                    or offsets.get('{"records": 0}', {"n": 0})["n"] <= before):
                raise NotYet(offsets)
            return offsets['{"records": 0}']["n"]
        seen = wait_for(committed, 30, "offsets are committed")
        owner = two.owner("c")
        owner.kill()
        again = notes.wait("start", kills + 1)[-1]
        assert again[2] == kills, "what was kept came back"
        assert again[3] >= seen, "and what was committed"
        owner.start()
        owner.wait_rest()
        wait_for(lambda: len([w for w in two.rest.get("/admin/cluster").json["workers"]
                              if w["in_group"]]) == 2, 30, "both in the group")

    two.rest.stop("c")
    numbers = [int(record.value) for record in read_topic(cluster.bootstrap, topic)]
    assert set(numbers) == set(range(1, max(numbers) + 1)), "none is missing"
    assert shown(two.rest)['{"records": 0}'] == {"n": max(numbers)}, "the last commit is at the stop"
    assert not notes.read("forget")


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_offsets_of_a_jvm_are_taken_over_and_changed_through_rest(cluster, two, notes, role):
    rest = (leader_of if role == "leader" else follower_of)(two, cluster.bootstrap).rest
    topic = f"{two.group_id}-offsets"
    produce(cluster.bootstrap, topic, [b'{"n":41}'], key=b'["c", {"starts" : 0}]')
    produce(cluster.bootstrap, topic, [b'{"n":9007199254740993,"d":1.5}'],
            key=b'["c",{"b":1,"a":"x"}]')
    produce(cluster.bootstrap, topic, [b'garbage'], key=b'["c",{"starts":0}')
    rest.create("c", notes.config())
    rest.wait_running("c")
    assert notes.wait("start", 1) == [("start", 0, 41, 0)]

    def kept():
        return shown(rest).get('{"starts": 0}') == {"n": 42}
    wait_for(kept, 30, "what the task keeps in GET")
    body = rest.request("GET", rest.path("c", "offsets")).body.decode()
    assert '{"partition":{"b":1,"a":"x"},"offset":{"n":9007199254740993,"d":1.5}}' in body
    keys = {record.key for record in read_topic(cluster.bootstrap, topic)
            if record.value == b'{"n":42}'}
    assert keys == {b'["c", {"starts" : 0}]'}, "under the key that was there"

    new = {"offsets": [{"partition": {"starts": 0}, "offset": {"n": 7}},
                       {"partition": {"a": "x", "b": 1}, "offset": None}]}
    for method, body in (("PATCH", new), ("DELETE", None)):
        answer = rest.request(method, rest.path("c", "offsets"), body)
        assert answer.status == 400 and "must be in the STOPPED state" in answer.json["message"]
    rest.stop("c")
    answer = rest.request("PATCH", rest.path("c", "offsets"), new)  # waits for the task's end
    assert answer.status == 200, answer
    assert "have been altered successfully" in answer.json["message"]
    for worker in two:
        assert shown(worker.rest) == {'{"starts": 0}': {"n": 7}}
    rest.resume("c")
    assert notes.wait("start", 2)[1] == ("start", 0, 7, 0)
    rest.wait_running("c")

    rest.stop("c")
    for _ in range(2):
        answer = rest.request("DELETE", rest.path("c", "offsets"))
        assert answer.status == 200, answer
        assert "have been reset successfully" in answer.json["message"]
        assert shown(rest) == {}
    assert not notes.read("forget")


def test_who_will_not_come_back_gives_up_what_it_has_outside(cluster, two, notes):
    two.rest.create("c", notes.config(4))
    two.rest.wait_running("c", 4)
    notes.wait("start", 4)

    two.rest.put_config("c", notes.config(2))  # shrunk
    assert sorted(notes.wait("forget", 2)) == [("forget", 2, 1), ("forget", 3, 1)]
    two.rest.wait_running("c", 2)
    wait_for(lambda: set(shown(two.rest)) == {'{"starts": 0}', '{"starts": 1}'}, 30,
             "what the two had kept is gone")

    two.rest.pause("c")
    two.rest.wait_state("c", "PAUSED", 2)
    two.rest.delete("c")  # paused
    assert sorted(task for _, task, _ in notes.wait("forget", 4)[2:]) == [0, 1]

    two.rest.create("c", notes.config(2))
    two.rest.wait_running("c", 2)
    starts = notes.wait("start", 8)
    assert {line[2] for line in starts[-2:]} == {0}, "they begin anew"
    two.rest.stop("c")
    two.rest.wait_state("c", "STOPPED", 0)
    assert len(notes.read("forget")) == 4, "a stop lets nothing go"
    two.rest.delete("c")
    two.rest.create("c", notes.config(2))  # after that is done
    assert sorted(task for _, task, _ in notes.read("forget")[4:]) == [0, 1]
    two.rest.wait_running("c", 2)
    two.rest.delete("c")
    notes.wait("forget", 8)
    two.stop_all()
    assert len(notes.read("forget")) == 8
