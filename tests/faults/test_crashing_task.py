"""A plugin that crashes its worker takes two workers along, not three."""
import signal

import pytest
from support.lanes import WINDOW, settled
from support.wait import wait_for
from support.worker import BUILD


@pytest.mark.fast
def test_a_task_that_crashes_its_worker_is_stopped_after_the_second(case, tmp_path):
    spared_by = tmp_path / "spared"
    group, _ = case.flow(overrides={
        "plugin.path": f"{BUILD / 'plugins'},{BUILD / 'tests/plugins/crashes.so'}"})
    case.begin(*group)
    group.rest.create("bomb", {"connector.class": "crashes", "tasks.max": "1",
                               "crashes.spared.by": str(spared_by)})

    dead = wait_for(lambda: len(group.alive) == 1 and [w for w in group if not w.alive], 30,
                    "the death of two workers")
    assert {worker.wait_end() for worker in dead} == {-signal.SIGSEGV}

    def failed():
        task = group.rest.status("bomb")["tasks"][0]
        return task["state"] == "FAILED" and task
    task = wait_for(failed, 30, "the task FAILED")
    assert f"signal {signal.SIGSEGV.value}" in task["trace"], task
    assert any(worker.worker_id in task["trace"] for worker in dead), task
    wait_for(lambda: group.rest.get("/admin/cluster").json["unassigned"]["bomb/0"]["reason"]
             in task["trace"], 10, "the reason in /admin/cluster")

    # Who comes back is not given it either.
    for worker in dead:
        worker.start()
        worker.wait_rest()
    wait_for(lambda: len([w for w in group.rest.get("/admin/cluster").json["workers"]
                          if w["in_group"]]) == 3, 30, "all three in the group")
    assert group.rest.status("bomb")["tasks"][0]["state"] == "FAILED"

    spared_by.touch()
    dead[0].rest.restart("bomb", 0)
    wait_for(lambda: group.rest.status("bomb")["tasks"][0]["state"] == "RUNNING", 30,
             "the task RUNNING once it was restarted")
    case.end(duplicates=2 * WINDOW)
