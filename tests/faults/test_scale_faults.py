"""Four tasks on two workers, which are killed and joined by others under load: nothing is lost; a
kill repeats one window of each task that it hits at most; and where filters are dealt out every
device keeps its order. While the number of tasks changes, too."""
import os
import random
import time

import pytest
from support import faults
from support.crew import Crew
from support.lanes import WINDOW
from support.mosquitto import Mosquitto
from support.proxy import Proxy
from support.window import Window

ASSIGNMENTS = ["topics", "shared"]
FILTERS = {"topics": None, "shared": ["+"]}  # one for each device; one for all


class Churn:
    """`hits`: how many times a task has lost its worker."""

    def __init__(self, crew, seed):
        self.crew, self.group, self.dice, self.hits = crew, crew.group, random.Random(seed), 0
        self.seed, self.events = seed, []

    def kill(self):
        """Any worker that has something to do, while it does."""
        tasks = self.group.rest.status(self.crew.name)["tasks"]
        owners = {self.group.by_id(task["worker_id"]) for task in tasks}
        victim = self.dice.choice(sorted((w for w in owners if w.alive), key=lambda w: w.name))
        time.sleep(self.dice.uniform(0, 0.5))  # the random moment
        self.hits += sum(task["worker_id"] == victim.worker_id for task in tasks)
        victim.kill()
        self.events.append("kill")
        return victim

    def add(self):
        self.group.add()
        self.events.append("add")

    def note(self, what, verdict):
        faults.figures.append(
            f"{what}: {' '.join(self.events)}; {verdict.counts['published']} messages, lost 0, "
            f"duplicates {verdict.duplicates} (at most {self.hits * WINDOW + self.crew.window}), "
            f"out of order {len(verdict.disorder)}, seed {self.seed}")
        print(faults.figures[-1])


def seed():
    return int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))


def shaken(cluster, workers, tmp_path, assignment, kills, what):
    """One worker is killed and comes back, another joins, and again."""
    with Mosquitto(tmp_path) as broker, Proxy() as proxy:
        link = proxy.link(broker.port)
        link.shaper = lambda: Window(1000)
        group = workers(2)
        with Crew(cluster, group, broker, assignment, port=link.port, devices=16, rate=1000,
                  filters=FILTERS[assignment]) as crew:
            churn = Churn(crew, seed())
            crew.flow()
            for kill in range(kills):
                victim = churn.kill()
                if kill % 2 == 0:
                    victim.start()
                else:
                    churn.add()
                crew.wait_settled(4)
                crew.flow()
            verdict = crew.judge()
            churn.note(what, verdict)
            assert verdict.duplicates <= churn.hits * WINDOW, verdict
            assert assignment == "shared" or not verdict.disorder, verdict


@pytest.mark.timeout(600)
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_workers_are_killed_and_added(cluster, workers, tmp_path, assignment):
    shaken(cluster, workers, tmp_path, assignment, 8, f"four tasks, {assignment}")


@pytest.mark.fast
@pytest.mark.timeout(180)
def test_a_worker_is_killed_and_another_added(cluster, workers, tmp_path):
    shaken(cluster, workers, tmp_path, "topics", 2, "four tasks, topics, short")


@pytest.mark.timeout(600)
def test_one_filter_is_one_task_that_moves_in_order(cluster, workers, tmp_path):
    with Mosquitto(tmp_path) as broker, Proxy() as proxy:
        link = proxy.link(broker.port)
        link.shaper = lambda: Window(1000)
        with Crew(cluster, workers(2), broker, "topics", port=link.port, rate=1000,
                  filters=["+"]) as crew:
            churn = Churn(crew, seed())
            for _ in range(4):
                crew.flow()
                churn.kill().start()
                crew.wait_settled(1)
            verdict = crew.judge()
            churn.note("one filter, topics", verdict)
            verdict.require(duplicates=churn.hits * WINDOW)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_workers_are_killed_while_the_number_of_tasks_changes(cluster, workers, tmp_path,
                                                              assignment):
    """A moment after the change: while filters change hands, sessions are emptied and ended."""
    with Mosquitto(tmp_path) as broker, Proxy() as proxy:
        link = proxy.link(broker.port)
        link.shaper = lambda: Window(1000)
        with Crew(cluster, workers(2), broker, assignment, port=link.port, devices=16,
                  filters=FILTERS[assignment]) as crew:
            churn = Churn(crew, seed())
            for tasks in (2, 4, 1, 3, 2, 4):
                crew.flow()
                begin = crew.publisher.count()
                crew.config["tasks.max"] = str(tasks)
                crew.group.rest.put_config(crew.name, crew.config)
                time.sleep(churn.dice.uniform(0, 4))  # anywhere in it
                churn.kill().start()
                crew.wait_settled(tasks)
                crew.wait_no_orphans(tasks)
                crew.window += crew.publisher.count() - begin
                churn.events.append(f"→{tasks}")
            verdict = crew.judge()
            churn.note(f"tasks change and workers are killed, {assignment}", verdict)
            assert verdict.duplicates <= churn.hits * WINDOW + crew.window, verdict
            assert not [task for task in range(4, 8) if crew.session_is_left(task)]
