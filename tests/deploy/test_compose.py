"""deploy/ as users have it: the image, compose.yaml, and every command of deploy/README.md, in
containers of an engine of our own; then what becomes of a load while things are killed."""
import json
import re
import time

import images
import paho.mqtt.client as paho
import paho.mqtt.publish as publish
import pytest
from confluent_kafka.admin import AdminClient
from engine import BASE, run
from support import faults
from support.connectors import wait_subscribed
from support.kafka import Judge, count, read_topic, wait_count
from support.mqtt import Publisher
from support.wait import NotYet, wait_for
from town import Town, left_over

PRINTED = images.REPOSITORY / "configs/connectors/camel-mqtt.json"
LOGIN = ("device", "change-me")  # as in .env.example
TOPIC, NAME = "vehicle-data", "vehicles"
RATE = 1000  # messages a second
ROOM = 60_000_000  # bytes that the image may have above its base


@pytest.fixture(scope="module")
def town(engine):
    town = Town(engine)
    yield town
    town.close()


# ---- The image alone --------------------------------------------------------------------------

def test_the_image_is_small_and_not_roots(town, engine):
    size, base = (int(engine.docker("inspect", "--format", "{{.Size}}", name))
                  for name in (images.WEIR, BASE))
    faults.figures.append(f"image: {size / 1e6:.0f} MB, {(size - base) / 1e6:.1f} above {BASE}")
    assert 0 < size - base < ROOM
    config = json.loads(engine.docker("inspect", images.WEIR))[0]["Config"]
    assert config["User"] == "weir" and "8083/tcp" in config["ExposedPorts"]
    assert config["Healthcheck"]["Test"] == ["CMD", "weir", "health", "-"]
    assert config["Cmd"] == ["weir", "worker", "-"] and not config["Entrypoint"]
    assert engine.docker("run", "--rm", "--network", "none", images.WEIR, "id", "-u") == "1000\n"
    assert "mqtt-source.so" in engine.docker("run", "--rm", "--network", "none", images.WEIR, "ls",
                                             "/usr/share/weir/plugins")


# What compose files for Confluent's image have, in this one without effect or with another one.
FOREIGN = {
    "CONNECT_BOOTSTRAP_SERVERS": "kafka:9092",
    "CONNECT_GROUP_ID": "compose-connect-group",
    "CONNECT_CONFIG_STORAGE_TOPIC": "docker-connect-configs",
    "CONNECT_OFFSET_STORAGE_TOPIC": "docker-connect-offsets",
    "CONNECT_STATUS_STORAGE_TOPIC": "docker-connect-status",
    "CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR": "1",
    "CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR": "1",
    "CONNECT_STATUS_STORAGE_REPLICATION_FACTOR": "1",
    "CONNECT_OFFSET_FLUSH_INTERVAL_MS": "10000",
    "CONNECT_KEY_CONVERTER": "org.apache.kafka.connect.storage.StringConverter",
    "CONNECT_VALUE_CONVERTER": "org.apache.kafka.connect.json.JsonConverter",
    "CONNECT_VALUE_CONVERTER_SCHEMAS_ENABLE": "false",
    "CONNECT_INTERNAL_KEY_CONVERTER": "org.apache.kafka.connect.json.JsonConverter",
    "CONNECT_INTERNAL_VALUE_CONVERTER": "org.apache.kafka.connect.json.JsonConverter",
    "CONNECT_REST_ADVERTISED_HOST_NAME": "connect",
    "CONNECT_REST_PORT": "8084",
    "CONNECT_LOG4J_ROOT_LOGLEVEL": "INFO",
    "CONNECT_LOG4J_LOGGERS": "org.apache.kafka.connect.runtime.rest=WARN,org.reflections=ERROR",
    "CONNECT_LOG4J_APPENDER_STDOUT_LAYOUT_CONVERSIONPATTERN": "[%d] %p %m (%c)%n",
    "CONNECT_PLUGIN_PATH": "/usr/share/java,/usr/share/confluent-hub-components",
    "CONNECT_PRODUCER_INTERCEPTOR_CLASSES":
        "io.confluent.monitoring.clients.interceptor.MonitoringProducerInterceptor",
    "CONNECT_CONFLUENT_TOPIC_REPLICATION_FACTOR": "1",
    "CLASSPATH": "/usr/share/java/monitoring-interceptors/monitoring-interceptors.jar",
    "KAFKA_HEAP_OPTS": "-Xms256M -Xmx2G",
    "KAFKA_OPTS": "-Djava.security.auth.login.config=/etc/jaas.conf",
    "KAFKA_JMX_PORT": "9999",
}


def test_the_environment_of_a_jvm_worker_does_on_a_read_only_file_system(engine, town):
    variables = [word for pair in FOREIGN.items() for word in ("--env", "=".join(pair))]
    container = engine.docker("run", "--detach", "--read-only", "--cap-drop", "ALL", "--network",
                              "none", *variables, images.WEIR).strip()

    def log():
        return engine.docker("logs", container)

    def listens():
        running = engine.docker("inspect", "--format", "{{.State.Running}}", container).strip()
        assert running == "true", log()
        return engine.docker("exec", container, "curl", "-sS", "http://localhost:8084/health")
    try:
        wait_for(listens, 30, "the REST API on CONNECT_REST_PORT")
        assert engine.docker("exec", container, "cat", "/proc/1/comm") == "weir\n"
        begin = time.monotonic()
        engine.docker("stop", "--time", "20", container)
        faults.figures.append(f"image: stops in {time.monotonic() - begin:.2f} s, Kafka away")
        assert engine.docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0\n"
        lines = log().splitlines()
        assert "stopped" in lines[-1] and any("worker=connect:8084" in line for line in lines)
        assert any("/usr/share/weir/plugins/mqtt-source.so" in line for line in lines)
        # What has no effect is said once, and what is nobody's business not at all.
        for key in ("internal.key.converter", "internal.value.converter", "/usr/share/java",
                    "confluent.topic.replication.factor", "interceptor.classes", "CONNECT_LOG4J_*"):
            said = [line for line in lines if key in line]
            assert len(said) == 1, (key, said, lines)
        assert not [line for line in lines if "HEAP_OPTS" in line or "level=error" in line], lines
    finally:
        engine.docker("rm", "--force", "--volumes", container)


# ---- The README -------------------------------------------------------------------------------

def silence(times, begin_ms, end_ms):
    """The longest time without a record, in milliseconds, that was over after `begin_ms` and had
    begun before `end_ms`. `times`: the records', in order."""
    return max((after - before for before, after in zip(times, times[1:])
                if after > begin_ms and before < end_ms), default=0)


class Moments:
    """What was done when, and how long nothing came into Kafka then."""

    def __init__(self):
        self.begun = []

    def begin(self, what):
        self.begun.append((what, time.time() * 1000))

    def tell(self, records):
        times = sorted(record.timestamp for record in records)
        ends = [begin for _, begin in self.begun[1:]] + [time.time() * 1000]
        for (what, begin), end in zip(self.begun, ends):
            line = f"{what}: {silence(times, begin, end):.0f} ms without a record"
            faults.figures.append(line)
            print(line, flush=True)


def post(town, text):
    """A posted connector's answer; 201, or the test ends."""
    answer = town.rest.request("POST", "/connectors", text.encode())
    assert answer.status == 201, answer
    return answer


def without_comments(text):
    """Of the JSON that is printed, whose strings hold `//` only in URLs."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"(?<!:)//.*", "", text)


def publish_one(town, text, login=LOGIN):
    auth = {"username": login[0], "password": login[1]} if login else None
    publish.single("/mqtt/test/car-0", text, qos=1, hostname="localhost", port=town.mqtt_port,
                   auth=auth)


def try_the_json_without_comments(town):
    text = without_comments(PRINTED.read_text())
    assert json.loads(text) and "//" not in text.replace("://", "")
    config = json.loads(text)
    config["config"].update({
        "camel.kamelet.mqtt-source.brokerUrl": "tcp://mqtt:1884",
        "camel.kamelet.mqtt-source.username": LOGIN[0],
        "camel.kamelet.mqtt-source.password": LOGIN[1]})
    post(town, json.dumps(config))
    wait_subscribed(town.rest, NAME)
    publish_one(town, '{"speed": 1.0}')
    wait_count(town.bootstrap, TOPIC, 1)
    with pytest.raises(paho.MQTTException if hasattr(paho, "MQTTException") else Exception):
        publish_one(town, '{"speed": 2.0}', login=None)
    town.rest.delete(NAME)
    town.rest.wait_gone(NAME)


def try_the_json_untouched(town):
    """localhost is the container: the status says what the matter is."""
    post(town, PRINTED.read_text())

    def explained():
        task = town.rest.status(NAME)["tasks"][0]
        said = json.dumps(task["details"]) + task.get("trace", "")
        if "localhost port 1883" not in said and "localhost:1883" not in said:
            raise NotYet(task)
        return "refused" in said
    wait_for(explained, 30, "a status that says what is wrong with localhost")
    town.rest.delete(NAME)
    town.rest.wait_gone(NAME)


def workers_of(town):
    """Who is in the group; those who have left it are listed for a while."""
    return sorted(worker["worker_id"] for worker in
                  town.rest.do("GET", "/admin/cluster")["workers"] if worker["in_group"])


def wait_workers(town, *numbers):
    names = [f"weir-{n}:8083" for n in numbers]
    def there():
        found = workers_of(town)
        if found != names:
            raise NotYet(found)
        return True
    wait_for(there, 30, f"the workers {names}")


def wait_flow(town, records=2 * RATE, timeout=60):
    """Until so many more are in Kafka. A partition may have a new leader just now that does not yet
    know of it: asking is part of the waiting."""
    first = None

    def came():
        nonlocal first
        found = count(town.bootstrap, TOPIC)
        first = found if first is None else first
        if found < first + records:
            raise NotYet(f"{found - first} more records")
        return True
    wait_for(came, timeout, f"{records} more records in {TOPIC}")


def wait_brokers(town, number):
    """Until Kafka itself counts so many, each partition with one of them as its leader. Before,
    a client that asks the dead one for offsets may wait for ever (librdkafka 2.0)."""
    def counted():
        found = AdminClient({"bootstrap.servers": town.bootstrap, "log_level": 0}).list_topics(
            timeout=10)
        leaders = {part.leader for part in found.topics[TOPIC].partitions.values()}
        if len(found.brokers) != number or not leaders <= set(found.brokers):
            raise NotYet((found.brokers, leaders))
        return True
    wait_for(counted, 60, f"{number} Kafka brokers")


def break_things(town, moments):
    """The middle of the README, under load."""
    moments.begin("worker killed")
    town.follow("kill-worker")
    wait_flow(town)
    assert "RUNNING" in town.follow("after-kill")
    moments.begin("worker back")
    town.follow("start-worker")
    wait_workers(town, 1, 2, 3)
    town.wait_in_sync()
    moments.begin("Kafka broker killed")
    town.follow("kill-broker")
    wait_brokers(town, 2)
    wait_flow(town, 4 * RATE)
    moments.begin("Kafka broker back")
    town.follow("start-broker")
    wait_brokers(town, 3)
    town.wait_in_sync()
    moments.begin("three workers replaced, one after the other")
    town.follow("roll", timeout=120)
    wait_workers(town, 1, 2, 3)
    wait_flow(town)
    moments.begin("five workers")
    town.follow("five", timeout=120)
    wait_workers(town, 1, 2, 3, 4, 5)
    wait_flow(town)
    moments.begin("three again")
    town.follow("three")
    wait_workers(town, 1, 2, 3)
    wait_flow(town)


def judge(town, published, moments):
    sent = sum(map(len, published.values()))
    wait_count(town.bootstrap, TOPIC, sent, 60)

    def complete():
        records = [record for record in read_topic(town.bootstrap, TOPIC)
                   if b'"device"' in record.value]
        found = Judge(published, records)
        if found.lost:
            raise NotYet(found)
        return found, records
    found, records = wait_for(complete, 60, "everything that was published")
    moments.tell(records)
    line = f"1 000 msg/s through all of it: {found.counts}"
    faults.figures.append(line)
    print(line, flush=True)
    found.require()


@pytest.mark.timeout(900)
def test_every_command_of_the_readme(town, engine, tmp_path):
    assert not any(left_over(engine).values()), left_over(engine)
    try:
        follow_the_readme(town, engine, tmp_path)
    except BaseException:
        print(town.logs())
        raise


def require_no_password(town):
    """It is in the workers' environment, and the connector's JSON has its name."""
    shown = [town.rest.do("GET", f"/connectors/{NAME}/{what}")
             for what in ("config", "tasks", "status")]
    assert "${env:MQTT_PASSWORD}" in json.dumps(shown)
    said = json.dumps(shown) + town.compose("logs", "--no-color", "weir-1", "weir-2", "weir-3")
    assert LOGIN[1] not in said, said


def follow_the_readme(town, engine, tmp_path):
    begin = time.monotonic()
    town.follow("up", timeout=300)
    faults.figures.append(f"up: {time.monotonic() - begin:.1f} s, nine containers healthy")
    assert "mqtt-source" in town.follow("look")
    wait_workers(town, 1, 2, 3)
    try_the_json_without_comments(town)
    try_the_json_untouched(town)
    assert '"name": "vehicles"' in town.follow("post")
    wait_subscribed(town.rest, NAME)
    assert "a clean session loses" in town.follow("status")
    require_no_password(town)
    assert "error_code" not in town.follow("keep")
    wait_for(lambda: "a clean session loses" not in json.dumps(town.rest.status(NAME)), 30,
             "a session that is kept")
    wait_subscribed(town.rest, NAME)
    assert '{"speed": ' in town.follow("watch", timeout=120)
    said = town.follow("restart")
    assert "HTTP/1.1 204" in said and "HTTP/1.1 202" in said, said
    wait_subscribed(town.rest, NAME)
    town.rest.wait_running(NAME)
    assert town.follow("metrics").count("kafka_connect_worker_task_count") == 3
    moments = Moments()
    with Publisher("127.0.0.1", town.mqtt_port, tmp_path, devices=20, rate=RATE,
                   topic="/mqtt/test/{device}", login=LOGIN) as publisher:
        publisher.wait_published(3 * RATE)
        break_things(town, moments)
        published = publisher.stop()
    judge(town, published, moments)
    memory = engine.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}")
    faults.figures.extend(f"memory: {line}" for line in sorted(memory.splitlines()))
    assert "HTTP/1.1 204" in town.follow("delete")
    town.rest.wait_gone(NAME)
    town.follow("down", timeout=120)
    left = left_over(engine)
    assert not left["containers"] and not left["networks"] and len(left["volumes"]) == 4, left
    town.follow("forget")
    assert not any(left_over(engine).values()), left_over(engine)
    assert not town.unread, f"nobody ran {town.unread}"


# ---- Overlays ---------------------------------------------------------------------------------

def config_of(town, *files):
    words = [word for file in ("compose.yaml", *files) for word in ("-f", file)]
    return run("docker", "compose", *words, "config", env={**town.env, "MQTT_USERNAME": "u",
               "MQTT_PASSWORD": "p", "EMQX_DASHBOARD_PASSWORD": "d"},
               cwd=town.directory / "deploy")


def test_the_jvm_overlay_changes_images_and_nothing_else(town):
    ours, theirs = (sorted(config_of(town, *files).splitlines())
                    for files in ((), ("compose.jvm-swap.yaml",)))
    gone, come = ([line.strip() for line in some if some.count(line) > others.count(line)]
                  for some, others in ((ours, theirs), (theirs, ours)))
    assert set(gone) == {"image: weir:0.1.0"}, gone
    assert set(come) == {"image: confluentinc/cp-kafka-connect:8.2.0"}, come
    assert len(ours) == len(theirs)


def test_the_emqx_overlay_replaces_the_mqtt_broker(town):
    text = config_of(town, "compose.emqx.yaml")
    assert "emqx/emqx:" in text and "EMQX_MQTT__MAX_MQUEUE_LEN: infinity" in text
    assert "eclipse-mosquitto" not in text and images.STAND_INS["mosquitto"] not in text
