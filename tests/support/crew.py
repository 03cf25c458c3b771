"""A connector with several tasks at a mosquitto of the test's own, and devices that publish.

    with Mosquitto(tmp_path) as broker, Crew(cluster, workers(2), broker, "topics") as crew:
        crew.change(tasks=2)
        crew.judge()
"""
import paho.mqtt.client as paho

from .connectors import mqtt_source
from .kafka import Judge, count, create_topic, read_topic, unique_name
from .lanes import errors_in
from .mqtt import Publisher
from .wait import NotYet, wait_for


def end_session(port, client_id):
    """True if there was one: it was looked for, and then ended, so that looking leaves none."""
    answers = []
    for clean in (False, True):
        client = paho.Client(client_id, clean_session=clean)
        client.on_connect = lambda _client, _data, flags, code: answers.append(
            (code, flags["session present"]))
        client.connect("127.0.0.1", port)
        client.loop_start()
        try:
            wait_for(lambda seen=1 + clean: len(answers) >= seen, 10, "an answer to CONNECT")
        finally:
            client.disconnect()
            client.loop_stop()
    assert all(code == 0 for code, _ in answers), answers
    return bool(answers[0][1])


class Crew:
    def __init__(self, cluster, group, broker, assignment, tasks=4, devices=8, rate=400, port=None,
                 filters=None, **more):
        """`filters`: of the devices; each has one of its own unless given. `port`: where the tasks
        find the broker, if not at its own."""
        self.cluster, self.group, self.broker = cluster, group, broker
        self.name, self.prefix = unique_name("crew"), unique_name("crew")
        self.topic = create_topic(cluster.bootstrap, unique_name("crew"))
        self.devices, self.window = devices, 0
        self.config = mqtt_source(
            cluster, self.topic, "", mqtt__client__id=self.name + "-${task}",
            mqtt__server__uri=f"tcp://127.0.0.1:{port or broker.port}", tasks__max=tasks,
            mqtt__task__assignment=assignment, mqtt__reconnect__backoff__max__ms=1000, **more)
        self.set_filters(filters or [f"d{n}" for n in range(devices)])
        self.publisher = Publisher("127.0.0.1", broker.port, group.directory, devices=devices,
                                   rate=rate, topic=self.prefix + "/{device}")

    def set_filters(self, filters):
        self.config["mqtt.topics"] = ",".join(f"{self.prefix}/{f}" for f in filters)

    def __enter__(self):
        self.group.rest.create(self.name, self.config)
        self.wait_settled()
        self.publisher.start()
        return self

    def __exit__(self, *details):
        self.publisher.__exit__(*details)

    def plugins(self):
        """What each task's plugin says, in the order of the tasks."""
        tasks = sorted(self.group.rest.status(self.name)["tasks"], key=lambda task: task["id"])
        for task in tasks:
            assert task["state"] != "FAILED", task.get("trace")
        return [(task["state"], task.get("details", {}).get("plugin") or {}) for task in tasks]

    def wait_settled(self, tasks=None, timeout=60):
        """Waits until all that is to be subscribed is, and nothing else; as many tasks, if said."""
        def settled():
            found = self.plugins()
            shared = self.config["mqtt.task.assignment"] == "shared"
            wanted = {f"$share/{self.name}/{f}" if shared else f
                      for f in self.config["mqtt.topics"].split(",")}
            granted = set()
            for state, plugin in found:
                if (state != "RUNNING" or plugin.get("state") != "connected" or
                        plugin["unsubscribe_waits"] or None in plugin["granted_qos"].values()):
                    raise NotYet(found)
                granted |= set(plugin["granted_qos"])
            if granted != wanted or tasks not in (None, len(found)):
                raise NotYet((granted, len(found)))
            return [plugin for _, plugin in found]
        return wait_for(settled, timeout, f"the tasks of {self.name} settled")

    def change(self, tasks=None, wait_tasks=None, filters=None):
        """Another number of tasks, or other filters. While they change hands messages may come
        twice: as many as were published meanwhile are counted into `window`."""
        before = self.publisher.count()
        if tasks:
            self.config["tasks.max"] = str(tasks)
        if filters:
            self.set_filters(filters)
        self.group.rest.put_config(self.name, self.config)
        plugins = self.wait_settled(wait_tasks or tasks)
        self.wait_no_orphans(len(plugins))
        self.window += self.publisher.count() - before
        return plugins

    def orphans(self, tasks):
        """Tasks whose sessions are still on the books, though they are too many."""
        return [o["partition"]["task"] for o in self.group.rest.offsets(self.name)["offsets"]
                if o["partition"].get("task", -1) >= tasks]

    def wait_no_orphans(self, tasks):
        """Waits until the sessions of tasks that are gone are emptied and ended."""
        def gone():
            left = self.orphans(tasks)
            if left:
                raise NotYet(left)
            return True
        wait_for(gone, 90, f"no sessions of {self.name} but those of {tasks} tasks")

    def flow(self, n=400, timeout=60):
        wanted = count(self.cluster.bootstrap, self.topic) + n

        def there():
            found = count(self.cluster.bootstrap, self.topic)
            if found < wanted:
                raise NotYet(f"{found} of {wanted}")
            return found
        return wait_for(there, timeout, f"{n} more records in {self.topic}")

    def judge(self, timeout=120):
        """Ends the load, and waits until nothing is missing. The verdict may say more."""
        published = self.publisher.stop()
        wanted = sum(map(len, published.values()))

        def arrived():
            self.plugins()
            if count(self.cluster.bootstrap, self.topic) < wanted:
                raise NotYet("fewer records than messages")
            verdict = Judge(published, read_topic(self.cluster.bootstrap, self.topic))
            if verdict.lost:
                raise NotYet(verdict)
            return verdict
        verdict = wait_for(arrived, timeout, f"all of {self.name} in Kafka", interval=0.5)
        assert not verdict.lost and not verdict.scattered, verdict
        for worker in self.group:
            assert not errors_in(worker), errors_in(worker)[:5]
        return verdict

    def session_is_left(self, task):
        """Looking for it ends it."""
        return end_session(self.broker.port, f"{self.name}-{task}")
