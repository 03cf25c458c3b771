"""The time of day jumps on a worker: nothing that matters may hang on it."""
import struct

import pytest
from support.lanes import errors_in
from support.wait import wait_for

HOUR = 3_600_000


class Clocks:
    """Preloads clock_shift.so into workers; jump() moves the time of day of one."""

    def __init__(self):
        self.files = {}

    def attach(self, worker):
        worker.directory.mkdir(parents=True, exist_ok=True)
        path = worker.directory / f"{worker.name}.shift"
        path.write_bytes(bytes(8))
        self.files[worker.name] = path
        worker.preload("clock_shift", WEIR_CLOCK_SHIFT=path)

    def jump(self, worker, ms):
        with open(self.files[worker.name], "r+b") as file:
            file.write(struct.pack("=q", ms))


@pytest.mark.fast
def test_an_hour_ahead_and_an_hour_behind(case):
    clocks = Clocks()
    group, lanes = case.flow(prepare=clocks.attach)
    leader = case.leader
    followers = [worker for worker in group if worker is not leader]
    case.begin()
    for ahead, behind in ((leader, followers[0]), (followers[0], leader)):
        clocks.jump(ahead, HOUR)
        clocks.jump(behind, -HOUR)
        for lane in lanes:
            lane.wait_more()
        leader.rest.pause(lanes[0].name)  # something has to be decided meanwhile
        leader.rest.wait_state(lanes[0].name, "PAUSED")
        followers[1].rest.resume(lanes[0].name)
        leader.rest.wait_state(lanes[0].name, "RUNNING")
    assert case.leader is leader
    followers[1].kill()  # and a death is found out
    wait_for(lambda: followers[1].worker_id not in {
        leader.rest.status(lane.name)["tasks"][0]["worker_id"] for lane in lanes}, 20,
        "its task elsewhere")
    for worker in group:
        clocks.jump(worker, 0)
    followers[1].start().wait_rest()
    case.unconcerned = []  # one was killed, one was paused
    case.end()
    for worker in group:
        assert not errors_in(worker)
