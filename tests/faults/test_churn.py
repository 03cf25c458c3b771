"""200 connectors of five tasks each, and five workers that come and go at random for minutes.

WEIR_SEED repeats a run's dice, WEIR_CHURN_SECONDS its length.
"""
import json
import os
import random
import time
from collections import Counter

import pytest
from support import faults
from support.history import require_lawful
from support.kafka import read_internal, read_topic
from support.lanes import errors_in
from support.wait import NotYet, wait_for
from support.worker import BUILD

SECONDS = float(os.environ.get("WEIR_CHURN_SECONDS", "300"))
CONNECTORS, TASKS, WORKERS = 200, 5, 5


def placed(assignment):
    """(every task that is on a worker, every one that is on none) of an assignment; one that is at
    two places is counted twice."""
    on, off = Counter(), Counter()
    for items in assignment["map"].values():
        for connector, tasks in items.items():
            on.update((connector, task) for task in tasks if task != "c")
    for name in assignment["unassigned"]:
        connector, _, task = name.rpartition("/" if "/" in name else "-")
        if task.isdigit():
            off[connector, int(task)] += 1
    return on, off


def judge_steps(case_topic, cluster, wanted):
    """No decision ever named a task twice, and from the first that has all of them on none lost
    one. Returns (decisions, moves)."""
    decisions, moves, complete, before = 0, 0, False, {}
    for record in read_topic(cluster.bootstrap, case_topic):
        if record.key != b"assignment" or not record.value:
            continue
        assignment = json.loads(record.value)
        on, off = placed(assignment)
        where = f"assignment {assignment['term']}.{assignment['seq']}"
        twice = [task for task, n in (on + off).items() if n > 1]
        assert not twice, f"{where}: {twice[:5]} twice"
        known = set(on) | set(off)
        complete = complete or known >= wanted
        assert not complete or known >= wanted, f"{where}: {sorted(wanted - known)[:5]} forgotten"
        now = {(connector, task): worker for worker, items in assignment["map"].items()
               for connector, tasks in items.items() for task in tasks if task != "c"}
        moves += sum(before.get(task, worker) != worker for task, worker in now.items())
        before.update(now)
        decisions += 1
    return decisions, moves


def wait_balanced(cluster, group, wanted, timeout):
    """All tasks are on the workers that live, in shares that differ by one at most, and run."""
    topic = group.properties["config.storage.topic"]
    live = {worker.worker_id for worker in group.alive}

    def balanced():
        assignment = read_internal(cluster.bootstrap, topic)["assignment"]
        on, _ = placed(assignment)
        shares = {worker: sum(task != "c" for tasks in items.values() for task in tasks)
                  for worker, items in assignment["map"].items()}
        shares = {worker: n for worker, n in shares.items() if n}
        if set(on) != wanted or set(shares) != live or \
                max(shares.values()) - min(shares.values()) > 1:
            raise NotYet((len(on), shares, live))
        return True
    wait_for(balanced, timeout, "balanced shares", interval=1)

    def all_run():
        states = Counter(
            (task["state"], task["worker_id"] in live)
            for entry in group.rest.get("/connectors", expand="status").json.values()
            for task in entry["status"]["tasks"])
        if states != {("RUNNING", True): len(wanted)}:
            raise NotYet(states)
        return True
    wait_for(all_run, timeout, "every task running on a live worker", interval=1)


@pytest.mark.timeout(SECONDS + 600)
def test_workers_come_and_go(request, cluster, workers):
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    dice = random.Random(seed)
    group = workers(WORKERS, {"plugin.path": BUILD / "tests/plugins/good.so"})
    names = [f"c{n:03}" for n in range(CONNECTORS)]
    wanted = {(name, task) for name in names for task in range(TASKS)}
    for n, name in enumerate(names):  # through all of them
        group[n % WORKERS].rest.create(name, {
            "connector.class": "good", "tasks.max": str(TASKS), "good.records": "1",
            "good.topic": "churn"})
    wait_balanced(cluster, group, wanted, 120)

    deeds, until = Counter(), time.monotonic() + SECONDS
    while time.monotonic() < until:
        alive, dead = group.alive, [w for w in group if not w.alive]
        deed = dice.choice(["kill", "stop", "start", "restart", "freeze"])
        if deed in ("kill", "stop") and len(alive) == 1 or deed == "start" and not dead:
            continue
        worker = dice.choice(dead if deed == "start" else alive)
        deeds[deed] += 1
        print(f"{time.strftime('%X')} {deed} {worker.name}")
        if deed in ("kill", "restart"):
            worker.kill()
        elif deed == "stop":
            worker.process.terminate()
            worker.wait_end(60)
        if deed in ("start", "restart"):
            worker.start()
        if deed == "freeze":
            worker.freeze()
            time.sleep(dice.uniform(0.5, 10))
            worker.thaw()
        time.sleep(dice.uniform(0.1, 12))
    for worker in group:
        if not worker.alive:
            worker.start()
    for worker in group:
        worker.wait_rest()
    wait_balanced(cluster, group, wanted, 120)

    topic = group.properties["config.storage.topic"]
    decisions, moves = judge_steps(topic, cluster, wanted)
    line = (f"{request.node.name.removeprefix('test_')}: seed {seed}, {dict(deeds)}, "
            f"{decisions} decisions, {moves} moves of {len(wanted)} tasks")
    faults.figures.append(line)
    print(line)
    for worker in group:
        assert not errors_in(worker), errors_in(worker)[:5]
    require_lawful(group)
