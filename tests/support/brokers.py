"""A cluster of real brokers for tests: deploy/dev/weir-dev, driven as a user would drive it.

    with Cluster("mine", directory) as cluster:
        cluster.kill(2)
        cluster.start(2)
"""
import json
import subprocess
from pathlib import Path

from . import logs
from .kafka import wait_in_sync
from .wait import scaled

REPOSITORY = Path(__file__).resolve().parents[2]
WEIR_DEV = REPOSITORY / "deploy" / "dev" / "weir-dev"


class Cluster:
    """Three Kafka brokers, numbered 1 to 3, and mosquitto, all on free ports of 127.0.0.1."""

    def __init__(self, name, directory, *up_options):
        """`up_options` go to `weir-dev up`: "--no-kafka", or "--set", "message.max.bytes=1000"."""
        self.name, self.root = name, Path(directory)
        self.up_options = up_options
        self.directory = self.root / name

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def command(self, *words, ok=(0,)):
        """Runs weir-dev; returns the finished process, raises with its words when it fails."""
        run = subprocess.run(
            [WEIR_DEV, "--dir", self.root, "--name", self.name, *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=scaled(600))
        if run.returncode not in ok:
            raise RuntimeError(f"weir-dev {' '.join(map(str, words))}: {run.stdout}{run.stderr}")
        return run

    # The whole

    def up(self):
        """Starts what does not run; a running cluster is left as it is."""
        self.command("up", "--ports", "free", "--warm", *self.up_options)
        for broker in self.state["kafka"]:
            logs.watch(self.directory / f"broker-{broker['id']}.log",
                       f"Kafka broker {broker['id']}", lines=8, only=r" (WARN|ERROR|FATAL) ")
        if self.state["mqtt"]:
            logs.watch(self.directory / "mosquitto.log", "mosquitto", lines=15)

    def down(self):
        logs.forget(self.directory)
        self.command("down")

    def status(self):
        return self.command("status", ok=(0, 3)).stdout

    @property
    def state(self):
        return json.loads((self.directory / "state.json").read_text())

    @property
    def pids(self):
        """All processes of the cluster by name: "broker-1", ..., "mosquitto"."""
        found = {f"broker-{b['id']}": b["pid"] for b in self.state["kafka"]}
        if self.state["mqtt"]:
            found["mosquitto"] = self.state["mqtt"]["pid"]
        return found

    # Kafka

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{b['port']}" for b in self.state["kafka"])

    @property
    def broker_ids(self):
        return [b["id"] for b in self.state["kafka"]]

    def kill(self, *ids):
        """SIGKILL. Kafka misses a killed broker after 9 s, its session timeout."""
        self.command("kill", *ids)

    def stop(self, *ids):
        """A clean shutdown: the broker hands its partitions over first."""
        self.command("stop", *ids)

    def start(self, *ids):
        """Returns when the brokers are back and, if all run, their replicas have caught up. A
        killed broker is let in again only when its old session is over, up to 10 s after."""
        self.command("start", *ids)

    def kill_all(self):
        self.kill(*self.broker_ids)

    def stop_all(self):
        self.stop(*self.broker_ids)

    def start_all(self):
        self.start(*self.broker_ids)

    def wait_in_sync(self, timeout=30):
        wait_in_sync(self.bootstrap, timeout)

    # MQTT

    mqtt_host = "127.0.0.1"
    mqtt_login = ("device", "secret")

    @property
    def mqtt_port(self):
        """Takes anyone; `mqtt_login_port` asks for `mqtt_login`."""
        return self.state["mqtt"]["port"]

    @property
    def mqtt_login_port(self):
        return self.state["mqtt"]["login_port"]

    def mqtt_kill(self):
        """SIGKILL: mosquitto forgets what it took since its last save, up to a second ago."""
        self.command("mqtt-kill")

    def mqtt_stop(self):
        """SIGTERM: sessions and queues are saved."""
        self.command("mqtt-stop")

    def mqtt_start(self):
        self.command("mqtt-start")

    def mqtt_restart(self):
        self.command("mqtt-restart")
