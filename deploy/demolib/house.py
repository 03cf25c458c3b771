"""The processes of the demo: started, found again, ended, each by its pid and nothing else.

.dev/demo/state.json knows them, so that `deploy/demo down` ends what KEEP=1, or a demo that was
killed itself, has left behind.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".dev" / "demo"
WEIR_DEV = "deploy/dev/weir-dev"
LINE = 300  # characters of a log line that are shown


class Failure(Exception):
    """What the user is told, without a traceback."""


def start_time(pid):
    """Ticks since boot at which the process began; None when there is none: pids come again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Process:
    def __init__(self, name, pid, started):
        self.name, self.pid, self.started = name, pid, started

    @property
    def runs(self):
        return self.started is not None and start_time(self.pid) == self.started

    @property
    def log(self):
        return HOME / f"{self.name}.log"

    def tail(self, lines=15):
        try:
            text = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError as error:
            text = [f"(no log: {error})"]
        return "\n".join("| " + line[:LINE] for line in text)

    def signal(self, number):
        if self.runs:
            os.kill(self.pid, number)


def end(processes, seconds=15):
    """SIGTERM, and SIGKILL for what is still there after `seconds`."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
        for process in processes:
            process.signal(number)
        limit = time.monotonic() + patience
        while any(p.runs for p in processes) and time.monotonic() < limit:
            time.sleep(0.02)


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class House:
    """Everything the demo has started, in the order of starting."""

    def __init__(self):
        self.processes = []
        self.cluster_end = []  # what weir-dev is told at the end: nothing if it was up before
        self.children = []  # Popen objects, so that what ended is reaped
        self.demo = None  # the demo itself, while it is under way

    # State on disk

    def under_way(self):
        """We are the demo; from here on `deploy/demo down` asks us to end."""
        self.demo = Process("demo", os.getpid(), start_time(os.getpid()))
        self.save()

    def left_alone(self):
        """The demo ends and leaves everything running."""
        self.demo = None
        self.save()

    @classmethod
    def left_behind(cls):
        """What an earlier demo has left; None when it tidied up."""
        try:
            state = json.loads((HOME / "state.json").read_text())
        except OSError:
            return None
        house = cls()
        house.cluster_end = state["cluster_end"]
        house.processes = [Process(*one) for one in state["processes"]]
        house.demo = Process(*state["demo"]) if state["demo"] else None
        return house

    def save(self):
        HOME.mkdir(parents=True, exist_ok=True)
        partial = HOME / "state.new"
        partial.write_text(json.dumps({
            "demo": self.demo and (self.demo.name, self.demo.pid, self.demo.started),
            "cluster_end": self.cluster_end,
            "processes": [(p.name, p.pid, p.started) for p in self.processes]}))
        partial.rename(HOME / "state.json")

    # Processes

    def start(self, name, command, env=None):
        """A process that outlives us unless it is ended: in a session of its own."""
        HOME.mkdir(parents=True, exist_ok=True)
        with open(HOME / f"{name}.log", "ab") as out:
            child = subprocess.Popen(
                [str(word) for word in command], cwd=REPOSITORY, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **(env or {})})
        self.children.append(child)
        process = Process(name, child.pid, start_time(child.pid))
        self.processes = [p for p in self.processes if p.name != name] + [process]
        self.save()
        return process

    def find(self, name):
        return next(p for p in self.processes if p.name == name)

    def reap(self):
        for child in self.children:
            child.poll()

    def workers(self):
        return [p for p in self.processes if p.name.startswith("worker-")]

    # The cluster

    @staticmethod
    def weir_dev(*words):
        return subprocess.run([REPOSITORY / WEIR_DEV, *words], text=True, cwd=REPOSITORY,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)

    def before_cluster(self):
        """How the cluster is to be left in the end: as it is found now."""
        if self.weir_dev("env").returncode:
            self.cluster_end = ["down"]
        elif self.weir_dev("status").returncode:
            self.cluster_end = ["down", "--keep"]
        self.save()

    def addresses(self):
        """BOOTSTRAP and MQTT of the cluster."""
        return dict(line.split("=", 1) for line in self.weir_dev("env").stdout.split())

    # The end

    def down(self):
        """Ends all of it, newest first; what was there before the demo stays."""
        end(self.processes[::-1])
        self.reap()
        if self.cluster_end:
            self.weir_dev(*self.cluster_end)
        (HOME / "state.json").unlink(missing_ok=True)

    @staticmethod
    def forget_logs():
        shutil.rmtree(HOME, ignore_errors=True)
