"""Workers that leave as they should, and come back."""
import pytest
from support.lanes import settled
from support.wait import wait_for


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
