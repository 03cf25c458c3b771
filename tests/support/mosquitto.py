"""A mosquitto of one test's own, whose limits the test chooses.

    with Mosquitto(tmp_path, "max_inflight_messages 0") as broker:
        broker.port, broker.ws_port, broker.tls_port, broker.wss_port
"""
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from . import logs
from .ports import free_port
from .wait import scaled, wait_for

HOST = "127.0.0.1"


class Mosquitto:
    """Takes anyone. Sessions and queues outlive stop() and start(); kill() forgets what came since
    the last save, a second ago at most."""

    def __init__(self, directory, *lines, certificates=None):
        """`lines` come last and beat what stands here. WebSocket has a listener of its own; with
        `certificates` both have another one, with TLS."""
        self.directory = Path(directory) / f"mosquitto-{free_port()}"
        self.directory.mkdir(parents=True)
        self.port, self.ws_port, self.process = free_port(), free_port(), None
        self.tls_port = self.wss_port = None
        self.log = self.directory / "mosquitto.log"
        conf = {"persistence": "true", "autosave_interval": 1, "max_queued_messages": 0,
                "max_inflight_messages": 1000, "set_tcp_nodelay": "true", "log_dest": "stderr",
                "persistence_location": f"{self.directory}/", "allow_anonymous": "true"}
        conf.update(line.split(" ", 1) for line in lines)
        if os.geteuid() == 0:
            conf["user"] = "root"
        text = [f"{key} {value}" for key, value in conf.items()]
        # The plain one last: whoever can connect to it finds all of them.
        text += [f"listener {self.ws_port} {HOST}", "protocol websockets"]
        if certificates:
            files = [f"certfile {certificates.certificate}", f"keyfile {certificates.key}"]
            self.tls_port, self.wss_port = free_port(), free_port()
            text += [f"listener {self.tls_port} {HOST}", *files,
                     f"listener {self.wss_port} {HOST}", "protocol websockets", *files]
        text += [f"listener {self.port} {HOST}"]
        self.conf = self.directory / "mosquitto.conf"
        self.conf.write_text("\n".join(text) + "\n")

    def start(self):
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") +
                               ":/usr/sbin:/usr/local/sbin")
        logs.watch(self.log, "the test's own mosquitto", lines=10)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, "-c", self.conf],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

        def answers():
            assert self.process.poll() is None, logs.tail(self.log)
            socket.create_connection((HOST, self.port), timeout=1).close()
            return True
        wait_for(answers, 20, "mosquitto answering")
        return self

    def _end(self, how):
        self.process.send_signal(how)
        self.process.wait(scaled(30))

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
