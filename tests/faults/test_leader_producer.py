"""The leader's transactional producer dies under it: timed out by the broker, fenced by somebody
who does not lead. It leads again, or another does."""
import threading
import time

import pytest
from confluent_kafka import Producer
from support.kafka import read_internal, read_topic
from support.rest import Rest
from support.wait import NotYet, wait_for
from support.worker import BUILD

END_TXN = b"\x00\x1a\x00"  # at byte 4 of a request: API 26, a version below 256
TRANSACTION = 10  # seconds: transaction.timeout.ms of the leader


def terms(case):
    topic = case.group.properties["config.storage.topic"]
    return [r.offset for r in read_topic(case.cluster.bootstrap, topic) if r.key == b"leader"]


def wait_new_term(case, before, timeout=40):
    """Somebody leads with a term of its own, and writes are done again."""
    def led():
        found = terms(case)
        if found[-1] <= before:
            raise NotYet(found)
        return found[-1]
    wait_for(led, timeout, "a new term")


@pytest.mark.fast
def test_fenced_by_somebody_who_writes_no_leader_record(case):
    """As after a time-out by the broker: without a newer leader in the log it leads again."""
    group, lanes = case.flow()
    leader = case.leader
    before = terms(case)[-1]
    case.begin()
    stranger = Producer({"bootstrap.servers": case.cluster.bootstrap, "log_level": 0,
                         "transactional.id": f"connect-cluster-{group.group_id}"})
    stranger.init_transactions(30)
    begin = time.monotonic()
    # Only a write finds it out.
    for name in (lanes[0].name, lanes[1].name):
        leader.rest.do("PUT", leader.rest.path(name, "config"),
                       {**leader.rest.config(name), "extra": "1"})
    case.note(f"write done after {time.monotonic() - begin:.1f} s")
    wait_new_term(case, before)
    assert case.leader is leader
    case.unconcerned = [lane for lane in lanes if lane is lanes[2]]  # a new config starts a task
    case.end()


@pytest.mark.timeout(240)
def test_its_transaction_is_timed_out_by_the_broker(case):
    """The commit of a write never reaches the broker, which ends the transaction by itself."""
    group, lanes = case.flow(network=True, overrides={
        "plugin.path": f"{BUILD / 'plugins'},{BUILD / 'tests/plugins/good.so'}"})
    leader = case.leader
    before = terms(case)[-1]
    case.begin()
    links = case.network.to_kafka(leader)
    links.trap(lambda data: data[4:7] == END_TXN)
    answers = []

    def write():
        rest = Rest(leader.url, timeout=120)
        answers.append(rest.request("PUT", "/connectors/late/config", {
            "connector.class": "good", "tasks.max": "1", "good.records": "1",
            "good.topic": lanes[0].topic + "-late"}))
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    wait_for(lambda: sum(link.trapped for link in links), 10, "a commit in the trap")
    time.sleep(3 * TRANSACTION)  # the broker looks every 10 s for what is over its time
    links.heal()
    healed = time.monotonic()
    wait_new_term(case, before)
    case.note(f"new term {time.monotonic() - healed:.1f} s after the network healed")
    writer.join(120)
    assert answers, "no answer"
    state = read_internal(case.cluster.bootstrap, group.properties["config.storage.topic"])
    there = "connector-late" in state
    case.note(f"the write was answered {answers[0].status} and is {'' if there else 'not '}there")
    assert not (answers[0].status in (200, 201) and not there), answers
    assert not (answers[0].status in (409, 503) and there), answers
    if there:
        group.rest.delete("late")
    case.end(timeout=60, errors=["nothing could be committed to topic"])
