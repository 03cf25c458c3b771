"""The time of day jumps on a worker: nothing that matters may hang on it."""
import struct

import pytest
from support.lanes import WINDOW, wait_flow

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


@pytest.mark.timeout(180)
def test_an_hour_ahead_and_an_hour_behind(case):
    clocks = Clocks()
    group, lanes = case.flow(prepare=clocks.attach)
    leader, follower = case.leader, case.follower
    case.begin()
    for ahead, behind in ((leader, follower), (follower, leader)):
        clocks.jump(ahead, HOUR)
        clocks.jump(behind, -HOUR)
        wait_flow(lanes)
        leader.rest.pause(lanes[0].name)  # something has to be written and decided meanwhile
        leader.rest.wait_state(lanes[0].name, "PAUSED")
        follower.rest.resume(lanes[0].name)
        leader.rest.wait_state(lanes[0].name, "RUNNING")
    assert case.leader is leader
    for worker in group:
        clocks.jump(worker, 0)
    case.end(duplicates=0)
    case.same_connections(but=[lanes[0]])  # a pause ends the connection


@pytest.mark.timeout(180)
def test_a_death_is_noticed_by_wrong_clocks(case):
    clocks = Clocks()
    group, _ = case.flow(prepare=clocks.attach)
    victim = case.follower
    others = [worker for worker in group if worker is not victim]
    case.begin(victim)
    for worker, ms in zip(others, (HOUR, -HOUR)):
        clocks.jump(worker, ms)
    victim.kill()
    case.end(duplicates=WINDOW)
