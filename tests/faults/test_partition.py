"""Cut off from Kafka, from each other, from the MQTT broker; one way and both ways."""
import time

import pytest
from support.lanes import WINDOW, wait_flow
from support.wait import NotYet, wait_for

LONG = 20  # seconds: more than a session, less than TCP's patience


def connects(worker, lane):
    """How often the lane's task has connected to the MQTT broker from this worker."""
    return sum(f"[{lane.name}|" in line and 'msg="connected to' in line
               for line in worker.log_text().splitlines())


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role, ways", [
    ("follower", "both"), ("leader", "both"),
    ("follower", "up"), ("leader", "up"), ("follower", "down"), ("leader", "down")])
def test_cut_off_from_kafka(case, role, ways):
    """It suspends itself, others take over, and it fights nobody for an MQTT session."""
    case.flow(network=True)
    lonely = case.worker(role)
    theirs = [lane for lane in case.lanes if case.owner(lane) is lonely]
    others = [w for w in case.group if w is not lonely]
    case.begin(lonely)
    case.network.to_kafka(lonely).stall(ways)
    heal_at = time.monotonic() + LONG
    case.wait_suspended(lonely)
    wait_for(lambda: case.leader is not lonely, 20, "another leader")
    for lane in theirs:
        wait_for(lambda n=lane.name: others[0].rest.status(n)["tasks"][0]["worker_id"] !=
                 lonely.worker_id, 20, f"{lane.name} on another worker")
        lane.wait_more()
    fought = {lane.name: connects(lonely, lane) for lane in theirs}
    time.sleep(max(0.0, heal_at - time.monotonic()))
    case.others_went_on()
    fights = sum(connects(lonely, lane) - fought[lane.name] for lane in theirs)
    case.note(f"sessions taken back {fights}")
    case.network.heal()
    case.end(duplicates=2 * WINDOW, timeout=60)
    assert fights == 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["stall", "black_hole", "cut"])
@pytest.mark.parametrize("role", ["follower", "leader"])
def test_cut_off_from_the_other_workers(case, role, how):
    """Nobody can tell that from nothing: the group in Kafka goes on as it was."""
    case.flow(network=True)
    lonely = case.worker(role)
    case.begin()
    getattr(case.network.peers(lonely), how)()
    wait_flow(case.lanes)
    time.sleep(LONG / 2)
    case.network.heal()
    case.end(duplicates=0)
    case.same_connections()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", [pytest.param("follower", marks=pytest.mark.fast), "leader"])
def test_a_closed_port_is_a_false_alarm_and_harmless(case, role):
    """A host that refuses connections says that the process is gone. This one lives."""
    case.flow(network=True)
    accused = case.worker(role)
    case.begin(*case.group)
    case.network.peers(accused).refuse()
    wait_flow(case.lanes)
    time.sleep(LONG / 2)
    case.network.heal()
    case.end(duplicates=4 * WINDOW)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["stall", "black_hole", "refuse", "cut"])
def test_cut_off_from_the_mqtt_broker(case, how):
    """That is the task's own trouble: it stays where it is and goes on when the broker is back."""
    case.flow(network=True)
    worker = case.follower
    case.begin()
    getattr(case.network.to_mqtt(worker), how)()
    time.sleep(LONG / 2)
    case.network.heal()
    wait_flow(case.lanes)
    case.end(duplicates=WINDOW)


@pytest.mark.timeout(180)
def test_nobody_hears_kafka_for_a_while(case):
    """All connections of all workers to Kafka stand still, one after the other they are back."""
    group, lanes = case.flow(network=True)
    case.begin()
    for worker in group:
        case.network.to_kafka(worker).stall()
    for worker in group:
        case.wait_suspended(worker)
    for worker in group:
        case.network.to_kafka(worker).heal()
        time.sleep(0.5)
    case.end(timeout=60)


def test_a_slow_network_is_only_slow(case):
    """150 ms each way between everything, for twenty seconds."""
    case.flow(network=True)
    case.begin()
    for worker in case.group:
        case.network.around(worker).delay(150)
    time.sleep(LONG)

    def quick():
        begin = time.monotonic()
        for worker in case.group:
            health = worker.rest.get("/health")
            if health.status != 200:
                raise NotYet(health)
        return time.monotonic() - begin
    wait_for(quick, 10, "health everywhere")
    case.network.heal()
    case.end(duplicates=0)
    case.same_connections()
