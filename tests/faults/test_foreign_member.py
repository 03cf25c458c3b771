"""A JVM worker sits on the group id: ours says so, waits, and goes on when it has left."""
import threading

import pytest
from support.connectors import mqtt_source, wait_subscribed
from support.groups import INCONSISTENT_GROUP_PROTOCOL, GroupError, Member
from support.kafka import create_topic, unique_name
from support.wait import wait_for


class Guest(threading.Thread):
    """A member that heartbeats until it is told to leave."""

    def __init__(self, bootstrap, group):
        super().__init__(name="guest", daemon=True)
        self.member = Member(bootstrap, group)
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(1):
            self.member.heartbeat()
        self.member.leave()

    def leave(self):
        self.ending.set()
        self.join(30)
        assert not self.is_alive()


@pytest.mark.fast
def test_a_jvm_group_is_named_and_waited_for(cluster, workers):
    name = unique_name("weir")
    guest = Guest(cluster.bootstrap, name)
    group = workers(1, group=name)
    worker = group[0]
    worker.wait_log("members of another kind")
    wait_for(lambda: worker.rest.get("/health").status == 503 and
             "of another kind" in worker.rest.get("/health").json["message"], 10,
             "health saying what it waits for")
    guest.leave()
    wait_for(lambda: worker.rest.get("/health").status == 200, 30, "health")
    group.rest.create("c", mqtt_source(cluster, create_topic(
        cluster.bootstrap, unique_name("guest")), unique_name("guest") + "/#"))
    wait_subscribed(group.rest, "c")


def test_a_jvm_worker_cannot_join_ours(cluster, workers):
    group = workers(1)
    wait_for(lambda: group[0].rest.get("/health").status == 200, 30, "health")
    with pytest.raises(GroupError) as refused:
        Member(cluster.bootstrap, group.group_id)
    assert refused.value.code == INCONSISTENT_GROUP_PROTOCOL
    assert group[0].rest.get("/health").status == 200
