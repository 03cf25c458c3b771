"""kill -9 under load: followers, leaders, two at once, one together with a broker."""
import pytest
from support.groups import coordinator
from support.kafka import read_internal
from support.lanes import WINDOW, settled


def test_kill_a_follower(case):
    case.flow()
    victim = case.follower
    case.begin(victim)
    victim.kill()
    case.end(duplicates=WINDOW)


def test_kill_the_leader(case):
    case.flow()
    victim = case.leader
    case.begin(victim)
    victim.kill()
    case.end(duplicates=WINDOW)


def next_in_line(case):
    """The worker that takes the lead when the leader dies: the first of the others by member id."""
    state = read_internal(case.cluster.bootstrap, case.group.properties["config.storage.topic"])
    others = [w for w in case.group if w.worker_id != state["leader"]["worker"]]
    return min(others, key=lambda w: state[f"worker/{w.worker_id}"]["member"])


@pytest.mark.fast
def test_kill_the_leader_and_the_next_in_line(case):
    case.flow()
    victims = [case.leader, next_in_line(case)]
    case.begin(*victims)
    for victim in victims:
        victim.process.kill()
    for victim in victims:
        victim.kill()
    case.end(duplicates=WINDOW)


@pytest.mark.timeout(180)
def test_kill_the_leader_and_the_coordinator(case):
    """The group's broker takes its knowledge of the members with it."""
    case.flow()
    victim = case.leader
    broker, _, _ = coordinator(case.cluster.bootstrap, case.group.group_id)
    case.begin(victim)
    victim.process.kill()
    case.cluster.kill(broker)
    victim.kill()
    settled(case.cluster, case.group, 60)
    case.cluster.start(broker)
    case.end(timeout=60)
