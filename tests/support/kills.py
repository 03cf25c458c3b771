"""A worker that is killed with -9 at random moments while messages flow, and the verdict.

    kills = Kills(cluster, group, broker.port, dice, qos=1, rate=1500, mqtt__server__uri=...)
    with kills.publisher:
        kills.one()
        verdict = kills.end()
"""
import time

from .connectors import mqtt_source, wait_subscribed
from .kafka import Judge, count, create_topic, read_topic, unique_name
from .lanes import WINDOW
from .mqtt import Publisher
from .wait import NotYet, wait_for


class Kills:
    """One connector, one topic, one publisher; the worker that has the task dies."""

    def __init__(self, cluster, group, port, dice, qos, rate, **config):
        """`port`: where the devices publish. `config`: of the connector, beside the rest."""
        self.cluster, self.group, self.dice = cluster, group, dice
        self.topic = create_topic(cluster.bootstrap, unique_name("kills"))
        self.name, prefix = unique_name("kills"), unique_name("kills")
        group.rest.create(self.name, mqtt_source(
            cluster, self.topic, prefix + "/#", mqtt__qos=qos,
            mqtt__reconnect__backoff__max__ms=1000, **config))
        wait_subscribed(group.rest, self.name)
        self.publisher = Publisher("127.0.0.1", port, group.directory, devices=50, rate=rate,
                                   qos=qos, topic=prefix + "/{device}")

    def owner(self):
        """The worker that the status names, while it lives; else any that does."""
        def found():
            task = self.group.rest.status(self.name)["tasks"][0]
            worker = self.group.by_id(task["worker_id"])
            return worker if worker.alive else self.dice.choice(self.group.alive)
        return wait_for(found, 30, "a worker to kill")

    def flow(self):
        before = count(self.cluster.bootstrap, self.topic)

        def grown():
            now = count(self.cluster.bootstrap, self.topic)
            if now < before + 100:
                raise NotYet(now - before)
            return True
        wait_for(grown, 90, "records flowing")

    def one(self):
        """Most kills hit a flow, some the middle of what the last one began."""
        if self.dice.random() < 0.8:
            self.flow()
        time.sleep(self.dice.uniform(0, 0.8))  # the random moment
        victim = self.owner()
        victim.kill()
        victim.start()

    def end(self, kills=None):
        """The verdict on this connector, which is gone afterwards. `kills`: None sets no bound."""
        for worker in self.group:
            worker.wait_rest()
        self.flow()
        published = self.publisher.stop(60)
        wanted = sum(map(len, published.values()))

        def arrived():
            assert self.group.rest.status(self.name)["tasks"][0]["state"] != "FAILED"
            if count(self.cluster.bootstrap, self.topic) < wanted:
                raise NotYet("fewer records than messages")
            verdict = Judge(published, read_topic(self.cluster.bootstrap, self.topic))
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        verdict = wait_for(arrived, 120, "everything in Kafka", interval=1)
        self.group.rest.do("DELETE", f"/connectors/{self.name}")
        return verdict.require(duplicates=kills and kills * WINDOW)
