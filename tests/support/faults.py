"""One fault under load: its figures, and what has to hold afterwards whatever it was.

    case.flow(3, network=True)       # a group, a lane on each worker
    case.begin(victim)               # settled; from here on gaps and restarts count
    victim.kill()
    case.end(duplicates=WINDOW)      # settled again, nothing lost, the history without a fault

What happens to others than those named in begin() is nobody's business: their tasks must not have
been started again.
"""
import json
import time
from contextlib import ExitStack

from .connectors import follower_of, leader_of
from .history import require_lawful
from .lanes import (LANES, connections, errors_in, flowing, lost_its_producer, settled, starts,
                    wait_flow)
from .network import Network
from .wait import wait_for

figures = []  # one line for each case that came to its end; the run prints them at its own


def longest_gap(records, since_ms):
    """Seconds without a new record, at most, since then. Repeats are nothing new."""
    seen, times = set(), [since_ms]
    for record in sorted(records, key=lambda r: r.timestamp):
        value = json.loads(record.value)
        if (value["device"], value["seq"]) not in seen and record.timestamp >= since_ms:
            times.append(record.timestamp)
        seen.add((value["device"], value["seq"]))
    return max((b - a for a, b in zip(times, times[1:])), default=0) / 1000


class Case:
    def __init__(self, name, cluster, workers, tools):
        self.name, self.cluster, self.workers = name, cluster, workers
        self.tools = tools  # an ExitStack that ends after the workers
        self.load = ExitStack()  # one that ends before
        self.group, self.lanes, self.network = None, [], None
        self.notes = []

    # The scene

    def flow(self, n=LANES, network=False, overrides=None, prepare=None, lanes=None, rate=200):
        """`network`: all connections of all workers go through self.network."""
        if network:
            self.network = self.tools.enter_context(Network(self.cluster))
            prepare = self.network.attach
        self.group = self.workers(n, overrides, prepare=prepare)
        _, self.lanes = self.load.enter_context(
            flowing(self.cluster, self.group, lanes or n, rate))
        return self.group, self.lanes

    @property
    def leader(self):
        return leader_of(self.group, self.cluster.bootstrap)

    @property
    def follower(self):
        return follower_of(self.group, self.cluster.bootstrap)

    def worker(self, role):
        return {"leader": self.leader, "follower": self.follower}[role]

    def owner(self, lane):
        return self.group.owner(lane.name)

    # The fault

    def begin(self, *concerned):
        """`concerned`: workers whose tasks may be started again, anywhere."""
        settled(self.cluster, self.group)
        self.since_ms = time.time() * 1000
        self.unconcerned = [lane for lane in self.lanes if self.owner(lane) not in concerned]
        self.starts = {lane.name: starts(self.group, lane) for lane in self.lanes}
        self.before = wait_for(lambda: connections(self.group, self.lanes), 10, "all details")

    def note(self, text):
        """For the line of figures."""
        self.notes.append(text)

    def restarted(self):
        """Lanes of workers that nothing happened to whose tasks were started again."""
        return [lane.name for lane in self.unconcerned
                if starts(self.group, lane) != self.starts[lane.name]]

    def others_went_on(self):
        """For a worker that was missed and is about to return: until here the others' tasks were
        left alone; from now on any of them may be moved, so that all have as much to do."""
        assert not self.restarted(), self.restarted()
        self.unconcerned = []

    def wait_suspended(self, worker):
        wait_for(lambda: "suspended" in worker.rest.get("/health").json["message"], 20,
                 f"{worker.name} saying that it is suspended")

    def same_connections(self, but=()):
        """Nothing moved, nothing was started again, and no MQTT connection was lost, `but` lanes
        that the test itself has touched."""
        after = wait_for(lambda: connections(self.group, self.lanes), 10, "all details")
        for lane in self.lanes:
            if lane in but or lost_its_producer(self.group, lane):
                after[lane.name].pop(), self.before[lane.name].pop()
        assert after == self.before

    def end(self, duplicates=None, errors=(), timeout=30):
        """`duplicates`: how many one lane may have. `errors`: what is allowed to stand in a line
        of level error."""
        settled(self.cluster, self.group, timeout)
        wait_flow(self.lanes)
        restarted = self.restarted()
        verdicts = [lane.judge() for lane in self.lanes]
        gaps = [longest_gap(lane.found, self.since_ms) for lane in self.lanes]
        repeated = [verdict.duplicates for verdict in verdicts]
        lost = sum(len(verdict.lost) for verdict in verdicts)
        line = (f"{self.name}: gap {' '.join(f'{gap:.2f}' for gap in gaps)} s, "
                f"duplicates {' '.join(map(str, repeated))}, lost {lost}, "
                f"restarted elsewhere {len(restarted)}{''.join(', ' + n for n in self.notes)}")
        figures.append(line)
        print(line)
        settled(self.cluster, self.group, timeout)
        assert not restarted, f"tasks of workers nothing had happened to: {restarted}"
        assert duplicates is None or max(repeated) <= duplicates, line
        for worker in self.group:
            unexpected = [e for e in errors_in(worker) if not any(text in e for text in errors)]
            assert not unexpected, unexpected
        for worker in self.group.alive:
            wait_for(lambda w=worker: w.rest.get("/health").status == 200, 10, "health")
        require_lawful(self.group)
