"""The Debian package: what is in it, what systemd thinks of its service, and what becomes of a
machine on which it is installed, started, broken, stopped and purged."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from engine import run
from machine import Machine, image
from support.connectors import mqtt_source, wait_records, wait_subscribed
from support.kafka import Judge, create_topic, read_topic, unique_name
from support.mqtt import Publisher
from support.ports import free_port
from support.rest import Rest
from support.wait import wait_for
from support.worker import REPOSITORY

WORST_EXPOSURE = 20  # tenths of what `systemd-analyze security` gives; a bare service has 96
VERSION = (REPOSITORY / "VERSION").read_text().strip()

CONTENTS = {
    "/etc/default/weir", "/etc/weir/worker.properties", "/usr/bin/weir",
    "/usr/include/weir_plugin.h", "/usr/lib/weir/plugins/mqtt-source.so",
    "/usr/share/man/man1/weir.1.gz", "/usr/share/doc/weir/copyright",
    "/usr/share/doc/weir/changelog.gz", "/usr/share/doc/weir/README.md.gz",
    "/usr/share/doc/weir/examples/connectors/mqtt-source.json",
}


@pytest.fixture(scope="session")
def deb():
    """The package, made by `make deb`, which fails when lintian has an error or a warning."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = run("make", "-s", "deb", cwd=REPOSITORY, env=env, timeout=1800)
    return Path(made.split()[-1])


@pytest.fixture(scope="session")
def unpacked(deb, tmp_path_factory):
    root = tmp_path_factory.mktemp("deb")
    run("dpkg-deb", "--extract", deb, root)
    return root


@pytest.fixture(scope="session")
def machine_image(engine, deb):
    return image(engine, run("dpkg-deb", "--field", deb, "Depends"))


# ---- The package ------------------------------------------------------------------------------

@pytest.mark.timeout(1800)
def test_the_package_has_what_belongs_to_a_worker(deb, unpacked):
    assert run("dpkg-deb", "--field", deb, "Version").strip() == VERSION
    assert f"weir {VERSION} (commit " in run(unpacked / "usr/bin/weir", "--version")
    files = {f"/{path.relative_to(unpacked)}" for path in unpacked.rglob("*") if path.is_file()}
    assert CONTENTS <= files
    others = [file for file in files - CONTENTS if not file.startswith("/usr/share/doc/weir/")]
    assert len(others) == 1 and others[0].endswith("/systemd/system/weir.service")
    conffiles = run("dpkg-deb", "--info", deb, "conffiles").split()
    assert conffiles == ["/etc/default/weir", "/etc/weir/worker.properties"]
    properties = (unpacked / "etc/weir/worker.properties").read_text()
    assert "\nplugin.path=/usr/lib/weir/plugins\n" in properties


@pytest.mark.timeout(1800)
def test_the_manual_page_knows_each_command_and_option(unpacked):
    page = subprocess.run(["gzip", "-dc", unpacked / "usr/share/man/man1/weir.1.gz"], check=True,
                          capture_output=True, text=True).stdout
    text = re.sub(r"^\.[A-Z]{1,2} |[\"\\]", "", page, flags=re.M)
    usage = run(unpacked / "usr/bin/weir", "--help")
    commands = set(re.findall(r"^  weir ([a-z]+)", usage, re.M))
    options = set(re.findall(r"--[a-z]+", usage))
    assert {"worker", "config", "log"} <= commands and "--follow" in options
    for word in commands:
        assert f"weir {word}" in text, word
        assert re.search(rf"^{word} ", text, re.M), word
    for word in options:
        assert word in text, word


# ---- The unit, on paper -----------------------------------------------------------------------

def verify(unpacked, directory, change=lambda text: text):
    """What `systemd-analyze verify` says to the unit. The binary it names has to be there."""
    unit = next(unpacked.rglob("weir.service"))
    text = unit.read_text().replace("ExecStart=/usr/bin/", f"ExecStart={unpacked}/usr/bin/")
    copy = directory / "weir.service"
    copy.write_text(change(text))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(1800)
def test_systemd_understands_every_line_of_the_unit(unpacked, tmp_path):
    assert verify(unpacked, tmp_path) == (0, "")
    _, said = verify(unpacked, tmp_path, lambda text: text.replace("KillMode=", "KillMood="))
    assert "KillMood" in said, "verify is asked in vain"


@pytest.mark.timeout(1800)
def test_the_service_may_do_little(unpacked):
    unit = next(unpacked.rglob("weir.service"))
    said = run("systemd-analyze", "security", "--offline=true", f"--threshold={WORST_EXPOSURE}",
               unit)
    print("\n" + said.strip().splitlines()[-1])


# ---- The life of a package --------------------------------------------------------------------

def curl(machine, path):
    return json.loads(machine.sh(f"curl --silent --show-error localhost:8083{path}"))


def wait_status(machine, words):
    return wait_for(lambda: words in machine.show("weir", "StatusText"), 30,
                    f"{words!r} in systemd's status of weir")


def end_and_be_back(machine, how):
    """Ends the service's process by `how`, and waits until systemd has started another one."""
    before = machine.show("weir", "MainPID")
    machine.sh(f"kill -{how} {before}")

    def back():
        now = machine.show("weir", "ActiveState", "MainPID")
        return now["ActiveState"] == "active" and now["MainPID"] not in ("0", before)
    wait_for(back, 60, f"weir back after SIG{how}")


def installs_and_waits_for_kafka(machine):
    print(f"\ninstalled and started in {machine.timed('apt-get install -y -q /root/weir.deb'):.1f} s")
    now = machine.show("weir", "ActiveState", "SubState", "UnitFileState", "User", "LimitNOFILE",
                       "Result", "NRestarts")
    assert now == {"ActiveState": "active", "SubState": "running", "UnitFileState": "enabled",
                   "User": "weir", "LimitNOFILE": "65536", "Result": "success", "NRestarts": "0"}
    assert curl(machine, "/")["kafka_cluster_id"] is None
    assert curl(machine, "/connector-plugins")[0]["class"] == "mqtt-source"
    wait_status(machine, "It waits for Kafka: no Kafka broker answered at localhost:9092")
    assert "It waits for Kafka" in curl(machine, "/health")["message"]
    assert "waiting for Kafka: no Kafka broker answered at localhost:9092" in \
        machine.journal("weir")
    assert machine.sh("systemd-analyze verify --man=no weir.service") == ""
    assert machine.sh("stat -c '%A %U %G' /etc/weir") == "drwxr-x--- root weir\n"
    assert machine.sh("find / -xdev -user weir -not -path '/proc/*'") == ""


def comes_back_by_itself(machine):
    end_and_be_back(machine, "KILL")
    machine.sh("mkdir -p /run/systemd/system/weir.service.d; printf '[Service]\\nWatchdogSec=3s\\n'"
               " >/run/systemd/system/weir.service.d/quick.conf; systemctl daemon-reload;"
               " systemctl restart weir")
    end_and_be_back(machine, "STOP")
    assert "Watchdog timeout" in machine.journal("weir")
    machine.sh("rm -r /run/systemd/system/weir.service.d; systemctl daemon-reload;"
               " systemctl restart weir")


def keeps_what_the_administrator_wrote(machine):
    machine.sh("echo 'log.level=debug' >>/etc/weir/worker.properties; chmod 0550 /etc/weir")
    before = machine.show("weir", "MainPID")
    machine.install("/root/weir.deb", "--reinstall")
    assert machine.sh("tail -n 1 /etc/weir/worker.properties") == "log.level=debug\n"
    assert machine.sh("stat -c %a /etc/weir") == "550\n"
    assert machine.show("weir", "ActiveState") == "active"
    assert machine.show("weir", "MainPID") != before, "what runs is what is installed"


def stops_cleanly(machine):
    print(f"stopped in {machine.timed('systemctl stop weir'):.1f} s")
    assert machine.show("weir", "ActiveState", "Result", "ExecMainCode", "ExecMainStatus") == {
        "ActiveState": "inactive", "Result": "success", "ExecMainCode": "1",  # it exited by itself
        "ExecMainStatus": "0"}
    assert any("msg=stopped" in line for line in machine.journal("weir").splitlines()[-5:])


def is_gone(machine):
    machine.sh("systemctl start weir; apt-get remove -y -q weir")
    assert "log.level=debug" in machine.sh("cat /etc/weir/worker.properties"), "removed, not purged"
    machine.sh("apt-get purge -y -q weir")
    left = machine.sh("find / -xdev -name '*weir*' -not -name weir.deb -not -path '/proc/*';"
                      " getent passwd weir || true; getent group weir || true;"
                      " systemctl list-unit-files --no-legend 'weir*' || true;"
                      " grep -lx weir /proc/[0-9]*/comm || true; dpkg-query -W weir 2>/dev/null || true")
    assert left == ""


@pytest.mark.timeout(2400)
def test_installed_started_broken_stopped_and_purged(engine, machine_image, deb):
    with Machine(engine, "package") as machine:
        machine.copy(deb, "/root/weir.deb")
        installs_and_waits_for_kafka(machine)
        comes_back_by_itself(machine)
        keeps_what_the_administrator_wrote(machine)
        stops_cleanly(machine)
        is_gone(machine)


@pytest.mark.timeout(2400)
def test_the_confined_service_moves_mqtt_into_kafka(cluster, engine, machine_image, deb, tmp_path):
    """What the unit forbids is nothing that a task needs. Which Kafka, is in /etc/default/weir,
    which was there before the package and stays as it is."""
    port, name = free_port(), unique_name("package")
    environment = tmp_path / "weir"
    environment.write_text("".join(f"CONNECT_{key}={value}\n" for key, value in {
        "BOOTSTRAP_SERVERS": cluster.bootstrap, "GROUP_ID": name,
        "CONFIG_STORAGE_TOPIC": f"{name}-configs", "OFFSET_STORAGE_TOPIC": f"{name}-offsets",
        "STATUS_STORAGE_TOPIC": f"{name}-status", "OFFSET_STORAGE_PARTITIONS": 5,
        "LISTENERS": f"http://127.0.0.1:{port}"}.items()))
    with Machine(engine, "confined", network="host") as machine:
        machine.copy(deb, "/root/weir.deb")
        machine.copy(environment, "/etc/default/weir")
        machine.install("/root/weir.deb", "-o", "Dpkg::Options::=--force-confold")
        wait_status(machine, f"leads group '{name}' of 1 worker")
        rest = Rest(f"http://127.0.0.1:{port}")
        topic = create_topic(cluster.bootstrap, unique_name("confined"), 3)
        rest.create("c", mqtt_source(cluster, topic, f"{name}/#"))
        wait_subscribed(rest, "c")
        with Publisher(cluster.mqtt_host, cluster.mqtt_port, tmp_path, devices=5, rate=200,
                       topic=f"{name}/{{device}}", count=400) as publisher:
            published = publisher.wait_end()
        wait_records(cluster, topic, 400)
        Judge(published, read_topic(cluster.bootstrap, topic)).require(duplicates=0)
        wait_status(machine, "has 1 task")
        machine.sh("systemctl stop weir")
        assert machine.show("weir", "Result", "ExecMainStatus") == {"Result": "success",
                                                                    "ExecMainStatus": "0"}
