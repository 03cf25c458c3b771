"""Real weir workers for tests: properties file, process, log, and what the process costs.

The binary is build/debug/weir unless WEIR_BUILD names another build folder.
"""
import os
import signal
import subprocess
import time
from pathlib import Path

from . import logs
from .kafka import unique_name
from .ports import free_port
from .rest import Rest
from .wait import scaled, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = (REPOSITORY / os.environ.get("WEIR_BUILD", "build/debug")).resolve()
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                   ": runtime error: ")


def group_properties(bootstrap, group=None):
    """What all workers of a group share. The offset topic has 5 partitions instead of Kafka's 25:
    every test makes one, and every partition is three directories and two followers."""
    group = group or unique_name("weir")
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "config.storage.topic": f"{group}-configs",
        "config.storage.replication.factor": 3,
        "offset.storage.topic": f"{group}-offsets",
        "offset.storage.replication.factor": 3,
        "offset.storage.partitions": 5,
        "status.storage.topic": f"{group}-status",
        "status.storage.replication.factor": 3,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "plugin.path": BUILD / "plugins",
    }


def escaped(value):
    """A value as a properties file wants it, where a backslash would begin an escape."""
    return str(value).replace("\\", "\\\\").replace("\n", "\\n")


class Worker:
    """One worker process. It dies with the test run, even one that is killed: that is tied to the
    thread which called start(), so start workers on the test's own thread."""

    def __init__(self, properties, directory, name="worker", env=None, port=None):
        """`properties`: a dict; a None value leaves the key out of the file. `env`: added to the
        environment, for CONNECT_* variables. Nothing runs before start()."""
        self.name, self.directory = name, Path(directory)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.worker_id = f"127.0.0.1:{self.port}"
        self.rest = Rest(self.url)
        self.env = {**os.environ, **(env or {})}
        self.properties = {"listeners": self.url, "rest.advertised.host.name": "127.0.0.1",
                           **properties}
        self.file = self.directory / f"{name}.properties"
        self.log = self.directory / f"{name}.log"
        self.process = None

    def preload(self, name, **env):
        """From the next start on, with this library of tests/support/ and these variables."""
        libraries = self.env.get("LD_PRELOAD", "").split()
        self.env["LD_PRELOAD"] = " ".join([*libraries, str(BUILD / f"tests/support/{name}.so")])
        # ASan insists on being the first library unless told that these may be.
        self.env["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + self.env.get("ASAN_OPTIONS", "")
        self.env.update({key: str(value) for key, value in env.items()})

    def start(self):
        """Starts the process, again if it ended; does not wait. The log goes on where it was."""
        assert not self.alive, f"{self.name} runs already"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file.write_text("".join(f"{key}={escaped(value)}\n" for key, value
                                     in self.properties.items() if value is not None))
        logs.watch(self.log, f"{self.name} {self.worker_id}")
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", BUILD / "weir", "worker", self.file],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env,
                cwd=self.directory, start_new_session=True)
        return self

    def wait_rest(self, timeout=30):
        """Waits until the worker answers on its REST port."""
        def answers():
            assert self.alive, (f"{self.name} ended with {self.process.returncode}:\n"
                                f"{logs.tail(self.log)}")
            return self.rest.get("/").status == 200
        wait_for(answers, timeout, f"REST of {self.name} on {self.url}")
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def wait_end(self, timeout=30):
        """The return code of a worker that is to end by itself; -9 if it was killed by signal 9."""
        return self.process.wait(scaled(timeout))

    def stop(self, timeout=30):
        """A clean stop: SIGTERM. Returns (return code, seconds it took)."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.wait_stopped(begin, timeout)

    def wait_stopped(self, begin, timeout=30):
        """The rest of stop(), for a worker that was asked at `begin` on time.monotonic()."""
        try:
            code = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {scaled(timeout):g} s of SIGTERM"
                                 f":\n{logs.tail(self.log)}") from None
        return code, time.monotonic() - begin

    def kill(self):
        """SIGKILL, and gone when this returns."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self):
        """SIGSTOP: a worker that hangs, or whose machine does; thaw() lets it go on."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, text, timeout=30):
        wait_for(lambda: text in self.log_text(), timeout, f"{text!r} in the log of {self.name}")

    def rss_kb(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise ProcessLookupError(f"{self.name} has no memory any more")

    def cpu_seconds(self):
        """CPU time of all threads so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sanitizer_report(self):
        """What a sanitizer build wrote, from its first mark on; empty if it had no complaint."""
        text = self.log_text()
        found = [text.index(mark) for mark in SANITIZER_MARKS if mark in text]
        return text[min(found):] if found else ""


class WorkerGroup:
    """Workers with one group id and one set of internal topics, both unique unless given.

        group = WorkerGroup(3, cluster.bootstrap, tmp_path)
        group.rest.create("c", {...})
        group[0].kill()
        group.add()
    """

    def __init__(self, n, bootstrap, directory, overrides=None, env=None, group=None, prepare=None):
        """Starts `n` workers at once and waits for REST on all of them. `prepare` is called with
        each worker before its first start."""
        self.directory = Path(directory)
        self.properties = {**group_properties(bootstrap, group), **(overrides or {})}
        self.env, self.prepare = env, prepare
        self.group_id = self.properties["group.id"]
        self.workers = []
        try:
            for worker in [self._start_one() for _ in range(n)]:
                worker.wait_rest()
        except BaseException:
            self.kill_all()
            raise

    def _start_one(self, overrides=None):
        name = f"{self.group_id}-worker-{len(self.workers) + 1}"
        worker = Worker({**self.properties, **(overrides or {})}, self.directory, name, self.env)
        self.workers.append(worker)
        if self.prepare:
            self.prepare(worker)
        return worker.start()

    def add(self, **overrides):
        """One more worker, ready. Dots in property names are written as underscores."""
        return self._start_one(
            {key.replace("_", "."): value for key, value in overrides.items()}).wait_rest()

    def __getitem__(self, index):
        return self.workers[index]

    def __iter__(self):
        return iter(self.workers)

    def __len__(self):
        return len(self.workers)

    @property
    def alive(self):
        return [worker for worker in self.workers if worker.alive]

    @property
    def rest(self):
        """REST of the first worker that is alive."""
        return self.alive[0].rest

    def by_id(self, worker_id):
        """The worker that a status calls `worker_id`."""
        return next(worker for worker in self.workers if worker.worker_id == worker_id)

    def owner(self, name, task=0):
        """The worker that runs this task now, as the status says."""
        status = self.rest.status(name)
        return self.by_id(next(t["worker_id"] for t in status["tasks"] if t["id"] == task))

    def stop_all(self):
        """A clean stop of all at once; returns what each of Worker.stop() returned."""
        ending, begin = self.alive, time.monotonic()
        for worker in ending:
            worker.process.terminate()
        return [worker.wait_stopped(begin) for worker in ending]

    def kill_all(self):
        for worker in self.workers:
            worker.kill()
