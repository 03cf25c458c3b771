"""A worker killed and back at once under its name, workers that leave as they should."""
import time

import pytest
from support.lanes import WINDOW, settled
from support.wait import wait_for


@pytest.mark.parametrize("role", ["follower", pytest.param("leader", marks=pytest.mark.fast)])
def test_killed_and_started_at_once(case, role):
    """The others need not notice: none of their tasks is touched."""
    case.flow()
    victim = case.worker(role)
    case.begin(victim)
    victim.kill()
    victim.start().wait_rest()
    case.end(duplicates=WINDOW)


def test_killed_and_started_again_and_again(case):
    """A crash loop: its last life is the one that counts."""
    case.flow()
    victim = case.follower
    case.begin(victim)
    for _ in range(5):
        victim.kill()
        victim.start().wait_rest()
        time.sleep(0.3)  # somewhere in its start
    case.end(duplicates=2 * WINDOW)


@pytest.mark.fast
def test_a_clean_leave(case):
    """A task that is handed over repeats nothing."""
    case.flow()
    leaver = case.follower
    case.begin(leaver)
    code, seconds = leaver.stop()
    assert code == 0
    case.note(f"left within {seconds:.1f} s")
    case.end(duplicates=0)


@pytest.mark.timeout(240)
def test_a_rolling_restart_of_all(case):
    group, lanes = case.flow()
    case.begin(*group)
    for worker in group:
        code, seconds = worker.stop()
        assert code == 0
        case.note(f"left within {seconds:.1f} s")
        settled(case.cluster, group)
        worker.start().wait_rest()
        settled(case.cluster, group)
        wait_for(lambda: len({case.owner(lane).name for lane in lanes}) == len(group), 20,
                 "a task on each worker")
    case.end(duplicates=0)
