"""SIGSTOP and SIGCONT: a worker whose machine stood still does no harm when it comes back."""
import time

import pytest
from support.lanes import WINDOW
from support.wait import wait_for

SESSION = 6  # seconds: session.timeout.ms


def others_run_it(case, frozen):
    """Every task, and the lead, are in the hands of those who live."""
    others = [w for w in case.group if w is not frozen]
    wait_for(lambda: case.leader is not frozen, 20, "another leader")
    for lane in case.lanes:
        wait_for(lambda n=lane.name: others[0].rest.status(n)["tasks"][0]["worker_id"] !=
                 frozen.worker_id, 20, f"{lane.name} on another worker")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role, seconds", [
    pytest.param("follower", 3, marks=pytest.mark.fast), ("leader", 3),
    ("follower", 15), ("leader", 15),
    ("follower", 40), ("leader", 40)])
def test_freeze(case, role, seconds):
    case.flow()
    frozen = case.worker(role)
    case.begin(frozen)
    frozen.freeze()
    thaw_at = time.monotonic() + seconds
    try:
        if seconds > 2 * SESSION:
            others_run_it(case, frozen)
            case.others_went_on()
        time.sleep(max(0.0, thaw_at - time.monotonic()))
    finally:
        frozen.thaw()
    case.end(duplicates=2 * WINDOW)
    if seconds < SESSION - 1:
        case.same_connections()
