"""The leader dies in the middle of a move: taken from one worker, not given to another yet."""
import json
import re

import pytest
from support.kafka import read_internal
from support.wait import NotYet, wait_for
from support.worker import BUILD

SLOW = "slow/0"


def times_of(worker, pattern):
    """When the worker has logged such lines; the times sort as text."""
    return re.findall(rf"^ts=(\S+) .*(?:{pattern})", worker.log_text(), re.M)


@pytest.mark.fast
def test_the_leader_dies_between_the_two_phases(case):
    """A task that takes its time to stop keeps the move open while the leader is killed."""
    group, lanes = case.flow(overrides={
        "plugin.path": f"{BUILD / 'plugins'},{BUILD / 'tests/plugins/endless_stop.so'}"})
    group.rest.create("slow", {"connector.class": "endless-stop", "tasks.max": "1"})
    wait_for(lambda: group.rest.status("slow")["tasks"][0]["state"] == "RUNNING", 30, "the task")
    if group.owner("slow") is case.leader:  # the leader is to die, and another one to be left
        leader = case.leader
        code, _ = leader.stop()
        assert code == 0
        leader.start().wait_rest()
    leaver = wait_for(lambda: group.owner("slow"), 30, "an owner")
    leader = case.leader
    assert leaver is not leader
    case.begin(leaver, leader)
    topic = group.properties["config.storage.topic"]
    before = read_internal(case.cluster.bootstrap, topic)["assignment"]["term"]
    leaver.process.terminate()

    def moving():
        assignment = read_internal(case.cluster.bootstrap, topic)["assignment"]
        if assignment["unassigned"].get(SLOW, {}).get("reason") != "moving":
            raise NotYet(json.dumps(assignment))
        assert assignment["term"] == before
        return assignment
    assert wait_for(moving, 10, "the first phase")["unassigned"][SLOW]["from"] == leaver.worker_id
    leader.kill()
    assert not times_of(leaver, f"abandon.*{SLOW}|{SLOW}.*abandon"), "it had let go already"
    leaver.wait_end()

    heir = next(w for w in group if w is not leaver and w is not leader)
    started = wait_for(lambda: times_of(heir, f"starting task {SLOW}"), 30, "the second phase")
    assert len(started) == 1
    last_word = re.findall(r"^ts=(\S+)", leaver.log_text(), re.M)[-1]
    let_go = times_of(leaver, f"abandon.*{SLOW}|{SLOW}.*abandon")
    assert started[0] >= min(let_go + [last_word]), (started, let_go, last_word)
    group.rest.delete("slow")
    case.others_went_on()
    leader.start().wait_rest()
    leaver.start().wait_rest()
    case.end(errors=[SLOW, "slow|task-0"])
