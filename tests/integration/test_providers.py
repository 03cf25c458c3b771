"""Config providers: passwords come from the environment, a property file or a directory of the worker
that needs them, and are nowhere else: not in the config topic, in no answer and in no log."""
import subprocess

import paho.mqtt.publish as publish
import pytest
from support.connectors import follower_of, leader_of, wait_records, wait_subscribed
from support.kafka import create_topic, read_topic, unique_name
from support.mosquitto import HOST, Mosquitto
from support.rest import RestError
from support.wait import NotYet, wait_for

PROVIDERS = "org.apache.kafka.common.config.provider"
SECRETS = {"anna": "panthera-onca-1", "bert": "panthera-leo-2", "carl": "panthera-tigris-3"}


def declared(directory):
    return {
        "config.providers": "env,file,dir",
        "config.providers.env.class": f"{PROVIDERS}.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "WEIR_TEST_.*",
        "config.providers.file.class": f"{PROVIDERS}.FileConfigProvider",
        "config.providers.file.param.allowed.paths": directory,
        "config.providers.dir.class": f"{PROVIDERS}.DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": directory,
    }


@pytest.fixture
def mosquitto(tmp_path):
    """A broker that knows the three users."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for user, password in SECRETS.items():
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, password], check=True)
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        yield broker


@pytest.fixture
def secrets(tmp_path):
    directory = tmp_path / "secrets"
    directory.mkdir()
    (directory / "mqtt.properties").write_text(
        f"# of bert\nuser=bert\npassword={SECRETS['bert']}\n")
    (directory / "carl-password").write_text(SECRETS["carl"] + "\n")
    return directory


def connector(broker, topic, user, password, mqtt_topic="p/#"):
    return {"connector.class": "mqtt-source", "tasks.max": "1",
            "mqtt.server.uri": f"tcp://{HOST}:{broker.port}", "mqtt.topics": mqtt_topic,
            "mqtt.client.id": unique_name("providers"), "mqtt.payload.format": "bytes",
            "mqtt.username": user, "mqtt.password": password, "kafka.topic": topic}


def say(broker, topic):
    publish.single(topic, b"said", qos=1, hostname=HOST, port=broker.port,
                   auth={"username": "anna", "password": SECRETS["anna"]})


def wait_flowing(cluster, broker, topic, rest, name):
    """A subscription that stands, and a record through it."""
    wait_subscribed(rest, name)
    say(broker, f"p/{name}")
    wait_records(cluster, topic, 1)


def shown_by(worker, names):
    """All that the REST API tells about these connectors."""
    paths = ["/connectors?expand=status&expand=info", "/admin/cluster"]
    for name in names:
        paths += [f"/connectors/{name}{rest}" for rest in
                  ("", "/config", "/status", "/tasks", "/tasks-config", "/tasks/0/status",
                   "/offsets")]
    return {path: worker.rest.get(path).body for path in paths}


def stored_by(cluster, group):
    """All records of the group's own topics, as they are in Kafka."""
    return {f"{topic} {record.offset}": (record.key or b"") + b" " + (record.value or b"")
            for kind in ("config", "offset", "status")
            for topic in [group.properties[f"{kind}.storage.topic"]]
            for record in read_topic(cluster.bootstrap, topic, "read_uncommitted")}


def expect_no_secret(where, texts):
    for name, text in texts.items():
        for secret in SECRETS.values():
            assert secret.encode() not in text, f"{where}, {name}: {text[:2000]!r}"


def test_passwords_are_resolved_where_they_are_used_and_nowhere_else(
        cluster, workers, mosquitto, secrets):
    group = workers(2, {**declared(secrets), "bootstrap.servers": "${env:WEIR_TEST_KAFKA}"},
                    env={"WEIR_TEST_KAFKA": cluster.bootstrap, "WEIR_TEST_PW": SECRETS["anna"]})
    wait_for(lambda: leader_of(group, cluster.bootstrap), 30, "a leader")
    follower = follower_of(group, cluster.bootstrap)
    topics = {name: create_topic(cluster.bootstrap, unique_name("providers"))
              for name in ("env", "file", "dir")}
    configs = {
        "env": connector(mosquitto, topics["env"], "anna", "${env:WEIR_TEST_PW}"),
        "file": connector(mosquitto, topics["file"], f"${{file:{secrets}/mqtt.properties:user}}",
                          f"${{file:{secrets}/mqtt.properties:password}}"),
    }
    # In other words, which become mqtt-source's own.
    ours = connector(mosquitto, topics["dir"], "carl", f"${{dir:{secrets}:carl-password}}")
    configs["dir"] = {
        "connector.class": ours["connector.class"], "tasks.max": "1",
        "connect.mqtt.hosts": ours["mqtt.server.uri"], "connect.mqtt.username": "carl",
        "connect.mqtt.password": ours["mqtt.password"],
        "connect.mqtt.client.id": ours["mqtt.client.id"], "mqtt.payload.format": "bytes",
        "connect.mqtt.kcql": f"INSERT INTO {topics['dir']} SELECT * FROM `p/#`"}

    for name, config in configs.items():
        answer = follower.rest.request(
            "PUT", "/connector-plugins/mqtt-source/config/validate", {"name": name, **config})
        assert answer.status == 200 and answer.json["error_count"] == 0, answer
        expect_no_secret("validate", {name: answer.body})
        follower.rest.create(name, config)
    for name in configs:
        wait_flowing(cluster, mosquitto, topics[name], group.rest, name)
    owners = {group.owner(name) for name in configs}
    assert owners == set(group), "both workers have a task"

    for name, config in configs.items():
        assert group.rest.config(name) == {"name": name, **config}
    task = group.rest.do("GET", "/connectors/dir/tasks")[0]["config"]
    assert task["mqtt.password"] == ours["mqtt.password"]
    for worker in group:
        shown = shown_by(worker, configs)
        assert configs["env"]["mqtt.password"].encode() in shown["/connectors/env/config"]
        expect_no_secret(f"REST of {worker.name}", shown)
    stored = stored_by(cluster, group)
    assert any(b"${env:WEIR_TEST_PW}" in text for text in stored.values())
    expect_no_secret("a topic", stored)
    expect_no_secret("log", {worker.name: worker.log.read_bytes() for worker in group})
    told = subprocess.run([group[0].process.args[3], "log", group[0].file, "--json"],
                          env=group[0].env, stdout=subprocess.PIPE, check=True).stdout
    assert told
    expect_no_secret("weir log", {"--json": told})


def test_a_changed_file_counts_from_the_next_start_of_the_task_on(
        cluster, workers, mosquitto, secrets):
    group, file = workers(1, declared(secrets)), secrets / "mqtt.properties"
    topic = create_topic(cluster.bootstrap, unique_name("providers"))
    config = connector(mosquitto, topic, f"${{file:{file}:user}}", f"${{file:{file}:password}}")

    def logins(user):
        return sum("New client connected" in line and config["mqtt.client.id"] in line and
                   f"u'{user}'" in line for line in mosquitto.log.read_text().splitlines())

    group.rest.create("c", config)
    wait_flowing(cluster, mosquitto, topic, group.rest, "c")
    assert logins("bert") == 1
    file.write_text(f"user=anna\npassword={SECRETS['anna']}\n")
    before = len(read_topic(cluster.bootstrap, group.properties["config.storage.topic"]))
    group.rest.restart("c", task=0)
    wait_for(lambda: logins("anna"), 30, "a login with what the file says now")
    assert logins("bert") == 1
    config_records = read_topic(cluster.bootstrap, group.properties["config.storage.topic"])
    assert not any(record.key.startswith(b"task-c") for record in config_records[before:])
    expect_no_secret("log", {"worker": group[0].log.read_bytes()})


def errors_of(report, key):
    return next(entry["value"]["errors"] for entry in report["configs"]
                if entry["value"]["name"] == key)


def test_what_cannot_be_resolved_is_said_and_changes_nothing(cluster, workers, mosquitto, secrets):
    group = workers(1, declared(secrets), env={"WEIR_TEST_PW": SECRETS["anna"], "OTHER": "other"})
    rest, topic = group.rest, create_topic(cluster.bootstrap, unique_name("providers"))
    good = connector(mosquitto, topic, "anna", "${env:WEIR_TEST_PW}")
    rest.create("c", good)
    wait_flowing(cluster, mosquitto, topic, rest, "c")
    offset = len(read_topic(cluster.bootstrap, group.properties["config.storage.topic"]))

    def refused(password, status, why):
        """By POST, PUT and the validation call."""
        bad = {**good, "mqtt.password": password}
        for method, path, body in (("POST", "/connectors", {"name": "new", "config": bad}),
                                   ("PUT", "/connectors/c/config", bad)):
            answer = rest.request(method, path, body)
            assert (answer.status, answer.json["error_code"]) == (status, status), answer
            assert password in answer.json["message"] and why in answer.json["message"], answer
        answer = rest.request("PUT", "/connector-plugins/mqtt-source/config/validate",
                              {"name": "new", **bad})
        if status == 400:
            assert answer.status == 200
            assert why in errors_of(answer.json, "mqtt.password")[0]
        else:
            assert answer.status == status and why in answer.json["message"], answer

    # As in Kafka: a file that cannot be read is the worker's trouble.
    refused(f"${{file:{secrets}/nowhere:password}}", 500,
            f"Could not read properties from file {secrets}/nowhere")
    refused("${env:/path:WEIR_TEST_PW}", 500, "Path is not supported for EnvVarConfigProvider")
    # Unlike in Kafka, which would send the variable to the broker as a password.
    refused("${env:WEIR_TEST_GONE}", 400, "there is no environment variable 'WEIR_TEST_GONE'")
    refused("${env:OTHER}", 400, "allowlist.pattern does not let 'OTHER' out")
    refused(f"${{file:{secrets}/mqtt.properties:gone}}", 400, "there is no key 'gone'")
    refused(f"${{file:{secrets}/../passwords:anna}}", 400, "allowed.paths do not contain")
    refused(f"${{dir:{secrets}:gone}}", 400, "there is no file 'gone'")
    assert rest.connectors() == ["c"] and rest.config("c") == {"name": "c", **good}
    assert len(read_topic(cluster.bootstrap,
                          group.properties["config.storage.topic"])) == offset

    # Anywhere else it stays as it is written, as in Kafka, and is warned of.
    answer = rest.do("PUT", "/connector-plugins/mqtt-source/config/validate",
                     {"name": "new", **good, "mqtt.username": "${env:WEIR_TEST_GONE}"})
    assert answer["error_count"] == 0
    assert any(note["key"] == "mqtt.username" and "${env:WEIR_TEST_GONE}" in note["text"]
               for note in answer["notes"]), answer["notes"]
    with pytest.raises(RestError):
        rest.config("new")


def test_a_worker_without_the_variable_fails_the_task_and_says_why(
        cluster, workers, mosquitto, secrets):
    group = workers(1, declared(secrets), env={"WEIR_TEST_PW": SECRETS["anna"]})
    topic = create_topic(cluster.bootstrap, unique_name("providers"))
    group.rest.create("c", connector(mosquitto, topic, "anna", "${env:WEIR_TEST_PW}"))
    wait_flowing(cluster, mosquitto, topic, group.rest, "c")
    group.env = {}
    other = group.add()
    group[0].stop()

    def failed():
        task = other.rest.status("c")["tasks"][0]
        if task["state"] != "FAILED":
            raise NotYet(task)
        return task
    task = wait_for(failed, 30, "the task FAILED")
    assert task["trace"].startswith("mqtt.password: ${env:WEIR_TEST_PW}: provider 'env': there is "
                                    "no environment variable 'WEIR_TEST_PW'"), task
    assert task["worker_id"] == other.worker_id


def test_a_provider_that_does_not_exist_stops_the_start(cluster, workers, secrets, tmp_path):
    group = workers(1)
    worker = group.workers[0]
    worker.stop()
    worker.properties.update({**declared(secrets),
                              "config.providers.env.class": "com.example.VaultConfigProvider"})
    worker.start()
    assert worker.wait_end() == 3
    worker.wait_log("Invalid value com.example.VaultConfigProvider for configuration "
                    "config.providers.env.class: there is no such config provider; there are: "
                    f"{PROVIDERS}.EnvVarConfigProvider")
