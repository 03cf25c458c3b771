"""Devices that publish and remember, and a subscriber that collects.

The publisher is a process of its own, so that its pace does not hang on what the test does
meanwhile. It writes every message that the MQTT broker acknowledged into a ledger; a message
counts as published only when it stands there.
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import paho.mqtt.client as paho

if __package__:  # The publisher process runs this file as a script, outside of the package.
    from . import logs
    from .kafka import unique_name
    from .ports import free_port
    from .wait import NotYet, scaled, wait_for

IN_FLIGHT = 1000  # messages without an acknowledgement, mosquitto's window in weir-dev too
TICK = 0.005  # seconds; what is due within one goes out together, which halves the CPU time
LEDGER_EVERY = 0.05  # seconds


class Publisher:
    """Publishes {"device": "d7", "seq": 123, "ts": <unix seconds>} for many devices in turn, each
    with its own topic and its own sequence from 0.

        with Publisher("127.0.0.1", port, tmp_path, devices=50, rate=2000) as publisher:
            ...
        published = publisher.published()
    """

    def __init__(self, host, port, directory, devices=10, rate=500, qos=1, count=None,
                 topic="weir/{device}/data", payload_bytes=0, client_id=None, login=None):
        """`rate`: messages per second over all devices, as fast as acknowledgements allow if 0.
        `count`: ends by itself after so many messages. `payload_bytes`: pads the JSON up to that.
        `login`: (user, password). With QoS 0 "published" only means handed to the socket."""
        self.client_id = client_id or unique_name("publisher")
        self.ledger = Path(directory) / f"{self.client_id}.ledger"
        self.log = Path(directory) / f"{self.client_id}.log"
        self.arguments = {"host": host, "port": port, "devices": devices, "rate": rate, "qos": qos,
                          "count": count, "topic": topic, "payload_bytes": payload_bytes,
                          "client_id": self.client_id, "login": login, "ledger": str(self.ledger)}
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, exception, *_):
        if exception is None and self.process.poll() is None:
            self.stop()
        else:
            self.kill()

    def start(self):
        self.ledger.touch()
        logs.watch(self.log, self.client_id, lines=10)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, __file__,
                 json.dumps(self.arguments)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        return self

    def published(self):
        """device -> sequence numbers acknowledged so far."""
        found = defaultdict(list)
        text = self.ledger.read_text()
        for line in text[:text.rfind("\n") + 1].splitlines():  # The last line may be half written.
            device, seq = line.split()
            found[device].append(int(seq))
        return dict(found)

    def count(self):
        return self.ledger.read_bytes().count(b"\n")

    def wait_published(self, n, timeout=30):
        def enough():
            assert self.process.poll() in (None, 0), f"{self.client_id}:\n{logs.tail(self.log)}"
            found = self.count()
            if found < n:
                raise NotYet(f"{found} published")
            return True
        wait_for(enough, timeout, f"{n} messages acknowledged to {self.client_id}")

    def wait_end(self, timeout=60):
        """For one with a `count`: waits until all of it is acknowledged; returns published()."""
        try:
            code = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            self.kill()
            code = f"no end after {scaled(timeout):g} s"
        assert code == 0, f"{self.client_id} ended with {code}:\n{logs.tail(self.log)}"
        return self.published()

    def stop(self, timeout=30):
        """Publishes nothing new, waits for the acknowledgements still due; returns published()."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_end(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()


class PublisherProcess:
    """The other side: one thread for everything. After a reconnect paho sends again, in their
    order, all messages without an acknowledgement; only when that is done comes the next new one,
    so a device's order on the wire is the order of its numbers, repeats aside."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.connected, self.stopping = False, False
        self.due = {}  # packet id -> its line in the ledger, until it is acknowledged
        self.lines, self.ledger, self.written = [], open(arguments["ledger"], "a"), 0.0
        self.client = paho.Client(arguments["client_id"], clean_session=False)
        if arguments["login"]:
            self.client.username_pw_set(*arguments["login"])
        self.client.max_inflight_messages_set(0)
        self.client.max_queued_messages_set(0)
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_publish = self.on_publish

    def on_connect(self, _client, _data, _flags, code):
        self.connected = code == 0
        print("connected" if self.connected else paho.connack_string(code), flush=True)

    def on_disconnect(self, _client, _data, code):
        self.connected = False
        print(f"disconnected: {paho.error_string(code)}", flush=True)

    def on_publish(self, _client, _data, packet_id):
        line = self.due.pop(packet_id, None)
        if line:
            self.lines.append(line)

    def write_ledger(self, at_once=False):
        now = time.monotonic()
        if self.lines and (at_once or now - self.written > LEDGER_EVERY):
            self.ledger.write("".join(self.lines))
            self.ledger.flush()
            self.lines, self.written = [], now

    def reconnect(self):
        try:
            self.client.reconnect()
        except OSError as error:
            print(f"cannot connect: {error}", flush=True)
            select.select([], [], [], 0.1)

    def publish(self, number):
        wanted = self.arguments
        device, seq = f"d{number % wanted['devices']}", number // wanted["devices"]
        payload = {"device": device, "seq": seq, "ts": time.time()}
        text = json.dumps(payload)
        missing = wanted["payload_bytes"] - len(text) - len(', "pad": ""')
        if missing > 0:
            text = json.dumps({**payload, "pad": "x" * missing})
        sent = self.client.publish(wanted["topic"].format(device=device), text, wanted["qos"])
        line = f"{device} {seq}\n"
        if wanted["qos"]:
            self.due[sent.mid] = line
        else:
            self.lines.append(line)

    def serve(self, seconds):
        """Lets paho read and write; an outage begins and ends in here."""
        self.write_ledger()
        if self.client.loop(seconds) != paho.MQTT_ERR_SUCCESS:
            self.connected = False
            self.reconnect()

    def run(self):
        rate, count = self.arguments["rate"], self.arguments["count"]
        batch = max(1, round(rate * TICK)) if rate else 20
        interval = batch / rate if rate else 0
        self.client.connect_async(self.arguments["host"], self.arguments["port"], keepalive=30)
        self.reconnect()
        number, next_at = 0, time.monotonic()
        while not self.stopping and number != count:
            now = time.monotonic()
            # What an outage held up is not made good in one burst: devices keep their pace.
            next_at = max(next_at, now - 0.05)
            if self.connected and len(self.due) < IN_FLIGHT and next_at <= now:
                end = number + batch if count is None else min(number + batch, count)
                while number < end:
                    self.publish(number)
                    number += 1
                next_at += interval
            self.serve(min(0.05, max(0.0, next_at - now)))
        while self.due:
            self.serve(0.01)
        self.write_ledger(at_once=True)
        self.client.disconnect()

    def stop(self, *_):
        self.stopping = True


class Subscriber:
    """Collects what matches `topic` as (topic, payload) pairs in `messages`.

    With clean_session=False the broker keeps the subscription and what comes meanwhile; entering
    again with the same client id takes up the session."""

    def __init__(self, host, port, topic="#", qos=1, client_id=None, clean_session=True,
                 login=None):
        self.host, self.port, self.topic, self.qos = host, port, topic, qos
        self.messages, self.subscribed, self.refused = [], False, None
        self.client = paho.Client(client_id or unique_name("subscriber"), clean_session)
        if login:
            self.client.username_pw_set(*login)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message

    def _on_connect(self, client, _data, _flags, code):
        self.refused = paho.connack_string(code) if code else None
        client.subscribe(self.topic, self.qos)

    def _on_subscribe(self, *_):
        self.subscribed = True

    def _on_message(self, _client, _data, message):
        self.messages.append((message.topic, message.payload))

    def __enter__(self):
        self.subscribed = False
        self.client.connect(self.host, self.port)
        self.client.loop_start()
        try:
            wait_for(self._ready, 10, f"a subscription to {self.topic}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _ready(self):
        assert not self.refused, self.refused
        return self.subscribed

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def wait_count(self, n, timeout=30):
        def enough():
            if len(self.messages) < n:
                raise NotYet(f"{len(self.messages)} messages")
            return self.messages
        return wait_for(enough, timeout, f"{n} messages on {self.topic}")


class TlsBroker:
    """A mosquitto of the test's own: `port` without TLS, `tls_port` with it. What is in its files
    counts from the next start() on."""

    def __init__(self, directory, certificate, key, client_ca=None):
        """`client_ca`: clients on the port with TLS have to show a certificate signed by it."""
        self.directory = Path(directory)
        self.port, self.tls_port, self.process = free_port(), free_port(), None
        self.log = self.directory / "mosquitto.log"
        self.config = self.directory / "mosquitto.conf"
        demand = f"cafile {client_ca}\nrequire_certificate true\n" if client_ca else ""
        self.config.write_text(
            f"listener {self.tls_port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n{demand}"
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {self.directory}/\nmax_queued_messages 0\n")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "mosquitto", "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={**os.environ, "PATH": path})
        logs.watch(self.log, "mosquitto with TLS", lines=15)
        wait_for(self._listens, 10, f"mosquitto on port {self.port}")
        return self

    def _listens(self):
        assert self.process.poll() is None, f"mosquitto ended:\n{logs.tail(self.log)}"
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def stop(self):
        """It saves its sessions."""
        self.process.terminate()
        self.process.wait(scaled(30))


if __name__ == "__main__":
    publisher = PublisherProcess(json.loads(sys.argv[1]))
    signal.signal(signal.SIGTERM, publisher.stop)
    publisher.run()
