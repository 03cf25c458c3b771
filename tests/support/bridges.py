"""Whatever carries messages from MQTT to Kafka, and is measured while it does: weir, the minimal
bridge of tests/bench, Telegraf.

    bridge = Weir(directory, mosquitto, bootstrap)
    bridge.start(route)
    ... bridge.pid, cpu_seconds(bridge.pid) ...
    bridge.stop()

start() returns when it is subscribed; rest() has it leave the broker, which keeps its session, and
go_on() come back; stop() ends it in order, kill() whatever is left, which may be nothing.
"""
import os
import shutil
import signal
import subprocess
from collections import namedtuple
from pathlib import Path

from . import logs
from .connectors import wait_subscribed
from .kafka import unique_name
from .wait import scaled, wait_for
from .worker import BUILD, Worker, group_properties

TOOLS = BUILD / "tests" / "bench"

Route = namedtuple("Route", "prefix topic window linger")
"""From the MQTT topics below `prefix` to the Kafka topic, at most `window` unacknowledged."""


def words(**options):
    return [f"{name}={value}" for name, value in options.items()]


def spawn(*command, log=None, **options):
    """A process that dies with us, in a session of its own: Linux deals the processors out to
    sessions first. `log`: where its stderr goes, shown when something fails."""
    if log:
        logs.watch(log, Path(command[0]).name, lines=10)
    with open(log or os.devnull, "ab") as out:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stderr=out,
                                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                                   "start_new_session": True, **options})


def end(process, how=signal.SIGTERM, timeout=30):
    """Its return code, which has to come; a process that hangs is killed, and that is an error."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(scaled(timeout))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args} did not end") from None


# ---- What a process costs -----------------------------------------------------------------------

def cpu_seconds(pid):
    """User and system time of all its threads, those that ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_seconds(pid):
    """CPU time of each thread that lives, by its name."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
        found[name] = found.get(name, 0) + seconds
    return found


def memory_mb(pid):
    """Resident now, and the most there ever was."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("VmRSS:", "VmHWM:")):
            found[line[:5]] = int(line.split()[1]) / 1024
    return found["VmRSS"], found["VmHWM"]


# ---- Weir ---------------------------------------------------------------------------------------

def mqtt_source(port, route, **more):
    """The connector as a user would write it; what is not said is as it comes."""
    return {
        "connector.class": "mqtt-source",
        "tasks.max": "1",
        "mqtt.server.uri": f"tcp://127.0.0.1:{port}",
        "mqtt.client.id": unique_name("bench-weir"),
        "mqtt.topics": f"{route.prefix}/#",
        "kafka.topic": route.topic,
        "max.unacked.records": str(route.window),
        "producer.override.linger.ms": str(route.linger),
        **more,
    }


class Weir:
    """A worker, the only one of its group; a process of its own for every start()."""

    name, makes_headers, may_lose = "weir", True, False

    def __init__(self, directory, mosquitto, bootstrap):
        self.port = mosquitto.port
        self.worker = Worker(group_properties(bootstrap), directory, unique_name("bench"))

    def start(self, route):
        self.connector = unique_name("bench")
        self.worker.start().wait_rest()
        self.worker.rest.create(self.connector, mqtt_source(self.port, route))
        wait_subscribed(self.worker.rest, self.connector)

    @property
    def pid(self):
        return self.worker.pid

    def rest(self):
        self.worker.rest.pause(self.connector)
        self.worker.rest.wait_state(self.connector, "PAUSED")

    def go_on(self):
        self.worker.rest.resume(self.connector)

    def stop(self):
        self.worker.rest.delete(self.connector)
        self.worker.rest.wait_gone(self.connector)
        code, _ = self.worker.stop()
        assert code == 0, f"the worker ended with {code}:\n{logs.tail(self.worker.log)}"

    def kill(self):
        self.worker.kill()


class Lone:
    """tests/bench/lone_task: weir's task without the worker around it."""

    name, makes_headers, may_lose = "lone task", True, False

    def __init__(self, directory, mosquitto, bootstrap):
        self.mosquitto, self.bootstrap = mosquitto, bootstrap
        self.log = Path(directory) / "lone_task.log"
        self.process = None

    def start(self, route):
        """mosquitto's log says when it has subscribed (log_type subscribe)."""
        self.config = {**mqtt_source(self.mosquitto.port, route),
                       "bootstrap.servers": self.bootstrap}
        self.go_on()
        line = f"{self.config['mqtt.client.id']} 1 {route.prefix}/#"
        wait_for(lambda: line in self.mosquitto.log.read_text(), 30, "lone_task subscribed")

    @property
    def pid(self):
        return self.process.pid

    def rest(self):
        assert end(self.process) == 0, logs.tail(self.log)

    def go_on(self):
        self.process = spawn(TOOLS / "lone_task", BUILD / "plugins" / "mqtt-source.so",
                             *(f"{key}={value}" for key, value in self.config.items()),
                             log=self.log)

    def stop(self):
        self.rest()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# ---- The minimal bridge -------------------------------------------------------------------------

class Bare:
    """tests/bench/minimal_bridge. It takes librdkafka at its word that a record is in Kafka, and so
    it may lose the first ones (docs/decisions/0011)."""

    name, makes_headers, may_lose = "bridge", True, True

    def __init__(self, directory, mosquitto, bootstrap):
        self.port, self.bootstrap = mosquitto.port, bootstrap
        self.log = Path(directory) / "minimal_bridge.log"
        self.process = None

    def start(self, route):
        self.route, self.client = route, unique_name("bench-bridge")
        self.go_on()

    @property
    def pid(self):
        return self.process.pid

    def rest(self):
        assert end(self.process) == 0, logs.tail(self.log)

    def go_on(self):
        route = self.route
        self.process = spawn(TOOLS / "minimal_bridge", *words(
            port=self.port, filter=f"{route.prefix}/#", client=self.client, window=route.window,
            bootstrap=self.bootstrap, topic=route.topic, linger=route.linger), log=self.log,
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"subscribed\n", logs.tail(self.log)

    def stop(self):
        self.rest()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# ---- Telegraf -----------------------------------------------------------------------------------

TELEGRAF = """\
[agent]
  flush_interval = "1s"
  metric_batch_size = 1000
  metric_buffer_limit = 100000
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{route.prefix}/#"]
  qos = 1
  persistent_session = true
  client_id = "{client}"
  max_undelivered_messages = {route.window}
  data_format = "value"
  data_type = "string"
[[outputs.kafka]]
  brokers = [{brokers}]
  topic = "{route.topic}"
  routing_tag = "topic"
  required_acks = -1
  idempotent_writes = true
  data_format = "template"
  template = '{{{{ .Field "value" }}}}'
"""


class Telegraf:
    """The telegraf on PATH. The value and the key are the same, and there are no headers; it hands
    on when max_undelivered_messages or a second is full, so linger.ms has no counterpart."""

    name, makes_headers, may_lose = "telegraf", False, False

    def __init__(self, directory, mosquitto, bootstrap):
        self.directory, self.mosquitto, self.bootstrap = Path(directory), mosquitto, bootstrap
        self.log = self.directory / "telegraf.log"
        self.process = None

    @staticmethod
    def is_there():
        return shutil.which("telegraf") is not None

    def start(self, route):
        """mosquitto's log says when it has subscribed (log_type subscribe); its own does not."""
        client = unique_name("bench-telegraf")
        self.file = self.directory / f"{client}.conf"
        self.file.write_text(TELEGRAF.format(
            port=self.mosquitto.port, route=route, client=client,
            brokers=", ".join(f'"{broker}"' for broker in self.bootstrap.split(","))))
        self.go_on()
        wait_for(lambda: f"{client} 1 {route.prefix}/#" in self.mosquitto.log.read_text(), 30,
                 "telegraf subscribed")

    @property
    def pid(self):
        return self.process.pid

    def rest(self):
        end(self.process)

    def go_on(self):
        size = self.log.stat().st_size if self.log.exists() else 0
        self.process = spawn("telegraf", "--config", self.file, log=self.log)

        def connected():
            assert self.process.poll() is None, logs.tail(self.log)
            return b"Connected [tcp" in self.log.read_bytes()[size:]
        wait_for(connected, 30, "telegraf connected")

    def stop(self):
        self.rest()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
