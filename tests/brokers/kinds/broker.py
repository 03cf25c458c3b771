"""What all kinds of brokers have in common: processes, ports, a log, and how they come and go."""
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from support import logs
from support import mqtt_wire as m
from support.ports import free_port
from support.wait import scaled, wait_for

HOST = "127.0.0.1"
WEEK = 604800
START = 120  # seconds; the slowest takes ten on an idle machine


def greets(port):
    """Does an MQTT broker answer CONNECT there?"""
    with socket.create_connection((HOST, port), timeout=2) as conn:
        conn.settimeout(5)
        conn.sendall(m.connect("is-it-there", clean=True))
        return conn.recv(4)[:1] == b"\x20"


class Broker:
    """`port`: plain TCP, anyone may come. `tls_port`, `ws_port`, `wss_port`: likewise. Sessions and
    queues outlive stop() and start(), and kill() as far as the settings of this kind provide."""

    # What a kind says about itself:
    NAME = ""  # as the tables have it, with the version
    SETTINGS = ""  # what the guarantee needs, in the words of the broker's own file
    WS_PATH = "/mqtt"
    LEVELS = (4, 5)  # MQTT 3.1.1, MQTT 5
    MAX_QOS = 2
    WINDOW = 1000  # messages without an acknowledgement, with SETTINGS
    DEFAULT_WINDOW = 20
    KEEPS_WINDOW = True
    FILLS_WINDOW = True  # else what is new waits until all that was sent is acknowledged
    RAISED_BY_CLIENT = False  # does a client's larger Receive Maximum count?
    DEFAULT_QUEUE = 1000  # messages for who is away; None: all
    DEFAULT_EXPIRY = WEEK  # what is made of a week, in MQTT 5
    SAVES_AT_ONCE = True  # sessions and queues, as it comes
    NEXT_ID = True  # a new message's is the last one's plus 1; else the lowest that is free
    SAME_IDS = True  # of what is sent again on another connection
    SHARED = "turns"  # of its members, or they have one "queue"; None: granted, and nothing comes
    RETAINED_BY_WILDCARD = True

    def __init__(self, directory, certificates, settings=None):
        """`settings`: instead of SETTINGS; "" is the broker as it comes."""
        self.directory = Path(directory).resolve() / f"{type(self).__name__}-{free_port()}"
        self.directory.mkdir(parents=True)
        self.settings = self.SETTINGS if settings is None else settings
        self.port, self.tls_port = free_port(), free_port()
        self.ws_port, self.wss_port = free_port(), free_port()
        self.log, self.process = self.directory / "broker.log", None
        for name in ("ca", "certificate", "key"):
            shutil.copyfile(getattr(certificates, name), self.file(name + ".pem"))
        self.prepare()

    def file(self, name):
        return self.directory / name

    def spawn(self, command, env=None):
        with open(self.log, "ab") as out:
            return subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **(env or {})}, cwd=self.directory, start_new_session=True)

    def prepare(self):
        """Once, before the first start."""

    def launch(self):
        """-> the broker's process."""
        raise NotImplementedError

    def wait_saved(self):
        """Until all that the broker has taken so far outlives kill()."""

    def start(self):
        logs.watch(self.log, self.NAME, lines=20)
        self.process = self.launch()

        def answers():
            assert self.process.poll() is None, f"{self.NAME} ended:\n{logs.tail(self.log)}"
            for port in (self.tls_port, self.ws_port, self.wss_port):
                socket.create_connection((HOST, port), timeout=2).close()
            return greets(self.port)
        try:
            wait_for(answers, START, f"{self.NAME} answering")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _end(self, how):
        self.process.send_signal(how)
        self.process.wait(scaled(60))

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        logs.forget(self.directory)
