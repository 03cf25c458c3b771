"""What is in Kafka, seen from outside by a consumer of its own.

Times are the topic's: it is made with message.timestamp.type=LogAppendTime, so each record says
when its Kafka broker took it, whatever happens to the reader here.
"""
import json
import statistics
import threading
import time
from collections import deque

from confluent_kafka import Consumer, TopicPartition

RECENT = 1.0  # seconds over which a rate is taken


class Reading:
    __slots__ = ("device", "partition", "seq", "celsius")

    def __init__(self, partition, value):
        self.partition, self.device = partition, value["device"]
        self.seq, self.celsius = value["seq"], value["celsius"]


class Watch:
    def __init__(self, bootstrap, topic, partitions, run):
        self.run_id = run
        self.distinct = set()  # (device, seq)
        self.devices = {}  # device -> its newest Reading
        self.appended = []  # milliseconds, in the order read
        self.recent = deque()  # (monotonic, seconds from device to Kafka)
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": f"demo-view-{run}", "log_level": 0,
            "enable.auto.commit": False, "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50})
        self.consumer.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.ended.is_set():
            messages = self.consumer.consume(1000, timeout=0.05)
            now = time.monotonic()
            with self.lock:
                for message in messages:
                    if message.error() is None:
                        self.take(message, now)
                while self.recent and now - self.recent[0][0] > RECENT:
                    self.recent.popleft()
        self.consumer.close()

    def take(self, message, now):
        value = json.loads(message.value())
        if value["run"] != self.run_id:
            return
        appended = message.timestamp()[1]
        self.distinct.add((value["device"], value["seq"]))
        self.appended.append(appended)
        self.recent.append((now, appended / 1000 - value["ts"]))
        known = self.devices.get(value["device"])
        if known is None or value["seq"] >= known.seq:
            self.devices[value["device"]] = Reading(message.partition(), value)

    def rate(self):
        with self.lock:
            return len(self.recent) / RECENT

    def latency_ms(self):
        """Median of the last second, from the device's clock to the broker's; None without one."""
        with self.lock:
            late = [seconds for _, seconds in self.recent]
        return 1000 * statistics.median(late) if late else None

    def sample(self):
        with self.lock:
            return [self.devices[name] for name in sorted(self.devices)]

    def silence(self):
        """Seconds since the last record; None before the first one."""
        with self.lock:
            last = self.appended[-1] if self.appended else None
        return None if last is None else max(0.0, time.time() - last / 1000)

    def flows(self, since):
        """Was a record appended to the topic after `since`, in unix seconds?"""
        with self.lock:
            return bool(self.appended) and self.appended[-1] > 1000 * since

    def longest_gap(self, since):
        """The longest time, in seconds, without a record in Kafka from `since` (unix seconds) to
        the newest one; what was under way when the gap began belongs to it."""
        with self.lock:
            times = sorted(t for t in self.appended if t > 1000 * (since - 1))
        return max((b - a for a, b in zip(times, times[1:])), default=0) / 1000

    def close(self):
        self.ended.set()
        self.thread.join(5)
