"""Simulated devices: they publish readings with sequence numbers, and remember each one that the
MQTT broker has acknowledged. A process of its own, so that nothing the demo does holds it up.

  devices.py PORT DEVICES PER_SECOND RUN LEDGER      until SIGTERM; then waits for what is due

Device sensor-03 publishes to devices/sensor-03/reading:
  {"device": "sensor-03", "seq": 17, "run": "...", "ts": <unix seconds>, "celsius": 21.4}
"""
import json
import math
import signal
import sys
import time

import paho.mqtt.client as paho

TICK = 0.01  # seconds: what is due within one goes out together
IN_FLIGHT = 1000  # readings without an acknowledgement, as many as weir-dev's mosquitto allows


class Devices:
    def __init__(self, port, count, per_second, run, ledger):
        self.port, self.count, self.per_second, self.run_id = port, count, per_second, run
        self.ledger = open(ledger, "a")
        self.due = {}  # packet id -> "device seq", until the broker has acknowledged it
        self.connected, self.stopping = False, False
        self.client = paho.Client(f"devices-{run}", clean_session=False)
        self.client.max_inflight_messages_set(0)
        self.client.max_queued_messages_set(0)
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_publish = self.on_publish

    def on_connect(self, _client, _data, _flags, code):
        self.connected = code == 0

    def on_disconnect(self, *_):
        self.connected = False

    def on_publish(self, _client, _data, packet_id):
        line = self.due.pop(packet_id, None)
        if line:
            self.ledger.write(line + "\n")

    def publish(self, number):
        place, seq = number % self.count, number // self.count
        device, now = f"sensor-{place + 1:02}", time.time()
        reading = {"device": device, "seq": seq, "run": self.run_id, "ts": round(now, 6),
                   "celsius": round(20 + place / 4 + 2 * math.sin(now / 5 + place), 1)}
        sent = self.client.publish(f"devices/{device}/reading", json.dumps(reading), qos=1)
        self.due[sent.mid] = f"{device} {seq}"

    def serve(self, seconds):
        if self.client.loop(seconds) != paho.MQTT_ERR_SUCCESS:
            self.connected = False
            try:
                self.client.reconnect()
            except OSError:
                time.sleep(0.1)
        self.ledger.flush()

    def run(self):
        self.client.connect("127.0.0.1", self.port, keepalive=30)
        begin, number = None, 0
        while not self.stopping:
            begin = begin or (time.monotonic() if self.connected else None)
            wanted = int((time.monotonic() - begin) * self.per_second) if begin else 0
            while number < wanted and len(self.due) < IN_FLIGHT:
                self.publish(number)
                number += 1
            self.serve(TICK)
        while self.due:
            self.serve(TICK)
        self.client.disconnect()


if __name__ == "__main__":
    port, count, per_second, run, ledger = sys.argv[1:]
    devices = Devices(int(port), int(count), float(per_second), run, ledger)
    signal.signal(signal.SIGTERM, lambda *_: setattr(devices, "stopping", True))
    devices.run()
