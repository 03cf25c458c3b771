"""Looking at Kafka from outside, with librdkafka, and judging what arrived there."""
import ctypes
import itertools
import json
import os
import time
from collections import defaultdict, namedtuple

from confluent_kafka import (
    OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from .wait import NotYet, scaled, wait_for

Record = namedtuple("Record", "topic partition offset key value headers timestamp")
"""Key and value are bytes or None, headers a list of (name, bytes), the timestamp milliseconds."""

TOPIC_SOURCE = 1  # of a setting that the topic itself has: DYNAMIC_TOPIC_CONFIG

_numbers = itertools.count(1)


def unique_name(prefix):
    """A name for a topic, group or client that no other test and no other run uses."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


def _admin(bootstrap):
    # Clients that meet a dead broker write to stderr on their own; tests kill brokers on purpose.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def _consumer(bootstrap, isolation="read_committed"):
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": unique_name("reader"), "log_level": 0,
        "enable.auto.commit": False, "enable.partition.eof": True, "isolation.level": isolation,
        "auto.offset.reset": "earliest"})


def topics(bootstrap):
    """Metadata of every topic by name. Asking for all never creates one; asking for one may."""
    return _admin(bootstrap).list_topics(timeout=scaled(10)).topics


def create_topic(bootstrap, name, partitions=3, replicas=3, **config):
    """Creates a topic and waits until each partition has a leader. Dots in the names of `config`
    are written as underscores: cleanup_policy="compact"."""
    topic = NewTopic(name, partitions, replicas,
                     config={key.replace("_", "."): str(value) for key, value in config.items()})
    admin = _admin(bootstrap)  # Must outlive its answer.
    admin.create_topics([topic], operation_timeout=scaled(20))[name].result()

    def has_leaders():
        found = topics(bootstrap).get(name)
        return (found is not None and len(found.partitions) == partitions and
                all(p.leader >= 0 for p in found.partitions.values()))
    wait_for(has_leaders, 20, f"leaders of topic {name}")
    return name


def sweep(bootstrap):
    """Deletes every topic but Kafka's own."""
    admin = _admin(bootstrap)  # Must outlive its answers.
    names = [name for name in admin.list_topics(timeout=scaled(10)).topics
             if not name.startswith("__")]
    if not names:
        return
    for answer in admin.delete_topics(names, operation_timeout=scaled(20)).values():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


def set_topic_config(bootstrap, topic, **config):
    """Changes some of a topic's own settings; None takes one back. Names as in create_topic()."""
    admin, resource = _admin(bootstrap), ConfigResource("topic", topic)
    found = admin.describe_configs([resource], request_timeout=scaled(20))[resource].result()
    own = {entry.name: entry.value for entry in found.values() if entry.source == TOPIC_SOURCE}
    own.update({key.replace("_", "."): value for key, value in config.items()})
    changed = ConfigResource("topic", topic, set_config={
        key: str(value) for key, value in own.items() if value is not None})
    admin.alter_configs([changed], request_timeout=scaled(20))[changed].result()


def partition_leader(bootstrap, topic, partition=0):
    """The id of the broker that leads it, -1 if none."""
    return topics(bootstrap)[topic].partitions[partition].leader


def wait_in_sync(bootstrap, timeout=30):
    """Waits until every replica of every partition is in sync: then any one broker may go."""
    def in_sync():
        lagging = [f"{name}-{p.id}" for name, topic in topics(bootstrap).items()
                   for p in topic.partitions.values() if len(p.isrs) < len(p.replicas)]
        if lagging:
            raise NotYet(f"{len(lagging)} partitions behind: {lagging[:5]}")
        return True
    wait_for(in_sync, timeout, "all replicas in sync")


def produce(bootstrap, topic, values, key=None):
    """Writes `values` (bytes or text) with acks=all and returns when Kafka has them. One request at
    a time: with more, librdkafka may be wrong about the first ones (docs/decisions/0011)."""
    failures = []
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "linger.ms": 5,
                         "enable.idempotence": True, "max.in.flight": 1})
    for value in values:
        producer.produce(topic, value, key,
                         on_delivery=lambda error, _: error and failures.append(error))
    left = producer.flush(scaled(60))
    assert not failures and not left, f"{left} records not written, failures: {failures[:3]}"


def _partitions(consumer, topic):
    found = consumer.list_topics(timeout=scaled(10)).topics.get(topic)
    return [TopicPartition(topic, n, 0) for n in sorted(found.partitions)] if found else []


def _offsets(consumer, partitions, where):
    """One for each partition, OFFSET_BEGINNING or OFFSET_END. get_watermark_offsets() would do, but
    before librdkafka 2.3 it may wait for a dead broker for ever."""
    asked = [TopicPartition(p.topic, p.partition, where) for p in partitions]
    found = consumer.offsets_for_times(asked, timeout=scaled(5))
    for p in found:
        if p.error or p.offset < 0:
            raise KafkaException(p.error or KafkaError(KafkaError._TIMED_OUT))
    return [p.offset for p in found]


def _extent(consumer, topic):
    partitions = _partitions(consumer, topic)
    if not partitions:
        return 0
    return sum(_offsets(consumer, partitions, OFFSET_END)) - \
        sum(_offsets(consumer, partitions, OFFSET_BEGINNING))


def count(bootstrap, topic):
    """How far the ends of the partitions are from their beginnings; 0 without a topic. Cheap. With
    transactions it counts their markers too, and what was aborted."""
    consumer = _consumer(bootstrap)
    try:
        return _extent(consumer, topic)
    finally:
        consumer.close()


def wait_count(bootstrap, topic, n, timeout=30):
    """Waits until the topic has at least `n` records, as count() counts."""
    consumer = _consumer(bootstrap)

    def enough():
        found = _extent(consumer, topic)
        if found < n:
            raise NotYet(f"{found} records")
        return True
    try:
        wait_for(enough, timeout, f"{n} records in {topic}")
    finally:
        consumer.close()


def _headers(message):
    """confluent-kafka 1.7 (Debian 12) gives a header without a value a None that it has not counted,
    and after some thousands of them the interpreter ends: they are counted here."""
    headers = message.headers() or []
    for _, value in headers:
        if value is None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    return headers


def read_topic(bootstrap, topic, isolation="read_committed", timeout=60):
    """Everything in the topic up to its end, partition by partition in the order of offsets; an
    empty list without a topic."""
    consumer = _consumer(bootstrap, isolation)
    try:
        assigned = _partitions(consumer, topic)
        unread = {p.partition for p in assigned}
        if not assigned:
            return []
        consumer.assign(assigned)
        records, limit = [], time.monotonic() + scaled(timeout)
        while unread:
            if time.monotonic() > limit:
                raise TimeoutError(f"{topic}: partitions {sorted(unread)} not read to their end "
                                   f"within {scaled(timeout):g} s, {len(records)} records so far")
            for message in consumer.consume(10000, timeout=0.2):
                error = message.error()
                if error is None:
                    records.append(Record(
                        topic, message.partition(), message.offset(), message.key(),
                        message.value(), _headers(message), message.timestamp()[1]))
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                    raise KafkaException(error)
    finally:
        consumer.close()
    # The partition's end is passed on as it was when it was met, so a live topic may go on past it.
    return sorted(records, key=lambda r: (r.partition, r.offset))


def latest(records):
    """The last value of each key as JSON, without those whose last value is a tombstone."""
    found = {}
    for record in records:
        key = record.key.decode() if record.key is not None else None
        if record.value is None:
            found.pop(key, None)
        else:
            found[key] = json.loads(record.value)
    return found


def read_internal(bootstrap, topic):
    """A compacted topic of a worker as latest() sees it."""
    return latest(read_topic(bootstrap, topic))


class Judge:
    """Compares what devices published (device -> sequence numbers that the MQTT broker
    acknowledged, see mqtt.Publisher) with what is in Kafka. Values are the publisher's JSON.

    lost          acknowledged, and not in Kafka
    duplicates    how many records repeat a (device, seq) that is there already
    disorder      a sequence number that comes for the first time after a higher one of its device
    scattered     devices whose records have more than one key or lie in more than one partition
    unacknowledged  in Kafka, though the publisher never saw an acknowledgement: no fault of anyone
    """

    def __init__(self, published, records):
        self.published = {device: set(numbers) for device, numbers in published.items()}
        self.in_kafka = defaultdict(set)
        self.duplicates, self.disorder = 0, []
        places, highest = defaultdict(set), {}
        for record in sorted(records, key=lambda r: (r.topic, r.partition, r.offset)):
            value = json.loads(record.value)
            device, seq = value["device"], value["seq"]
            places[device].add((record.topic, record.partition, record.key))
            if seq in self.in_kafka[device]:
                self.duplicates += 1
                continue
            self.in_kafka[device].add(seq)
            if seq < highest.get(device, -1):
                self.disorder.append((device, seq, f"after {highest[device]}"))
            highest[device] = max(seq, highest.get(device, -1))
        self.scattered = sorted(device for device, found in places.items() if len(found) > 1)
        self.lost = sorted((device, seq) for device, numbers in self.published.items()
                           for seq in numbers - self.in_kafka[device])
        self.unacknowledged = sorted((device, seq) for device, numbers in self.in_kafka.items()
                                     for seq in numbers - self.published.get(device, set()))

    @property
    def counts(self):
        return {"published": sum(map(len, self.published.values())),
                "in_kafka": sum(map(len, self.in_kafka.values())),
                "lost": len(self.lost), "duplicates": self.duplicates,
                "disorder": len(self.disorder), "scattered": len(self.scattered),
                "unacknowledged": len(self.unacknowledged)}

    def __repr__(self):
        examples = {"lost": self.lost[:5], "disorder": self.disorder[:5],
                    "scattered": self.scattered[:5]}
        return f"{self.counts} e.g. { {k: v for k, v in examples.items() if v} }"

    def require(self, duplicates=None):
        """Nothing lost, every device in order under one key; at most `duplicates`, if given."""
        assert self.published and not (self.lost or self.disorder or self.scattered), repr(self)
        assert duplicates is None or self.duplicates <= duplicates, repr(self)
        return self
