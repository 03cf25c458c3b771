"""deploy/ as its README has it: a copy of the tree, a shell in which the README's commands are run
in their order, and what stands outside of the containers."""
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time

import images
from engine import build_arguments, run
from support.kafka import wait_in_sync
from support.ports import free_port
from support.rest import Rest
from support.wait import scaled

README_PORT = 28083
COPIED = ("Makefile", "VERSION", "LICENSE", ".dockerignore", "configs", "connectors", "deploy",
          "rest-api", "worker")
FENCE = re.compile(r"^```sh(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def readme_blocks(text):
    """name -> commands of each block, in their order; a block without a name would escape us."""
    found = FENCE.findall(text)
    names = [name for name, _ in found]
    assert all(names) and len(set(names)) == len(names), f"blocks want names of their own: {names}"
    assert len(found) == text.count("\n```sh"), "a block does not end"
    return dict(found)


def copy_of_the_tree(directory):
    """What the README's commands may write to: git's folder stays untouched."""
    directory.mkdir()
    for name in COPIED:
        source = images.REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, directory / name,
                            ignore=shutil.ignore_patterns("__pycache__", ".env"))
        else:
            shutil.copy(source, directory / name)
    return directory


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def docker_with_a_network(directory, engine):
    """A folder for PATH with a `docker` whose builds reach the world, for this engine's containers
    have no network by themselves, and find what was built before."""
    directory.mkdir()
    docker = directory / "docker"
    real = shutil.which("docker", path=engine.env["PATH"])
    options = ["--network", "host", *images.KNOWN, *build_arguments()]
    docker.write_text(f'''#!/bin/sh
[ "$1" = build ] || exec {real} "$@"
shift
exec {real} build {" ".join(map(shlex.quote, options))} "$@"
''')
    docker.chmod(0o755)
    return directory


class Shell:
    """One bash for all blocks, as somebody sits before one terminal: variables stay. A command
    that fails ends it, and the test."""

    def __init__(self, directory, env):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash", "-e", "-o", "pipefail"], cwd=directory,
            env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.blocks = 0

    def run(self, commands, timeout):
        """What the commands printed."""
        self.blocks += 1
        end = f"== block {self.blocks} is done =="
        watchdog = threading.Timer(scaled(timeout), self.process.kill)
        watchdog.start()
        said = []
        try:
            self.process.stdin.write(f"{{\n{commands}}} </dev/null\necho\necho '{end}'\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                if line.strip() == end:
                    return "".join(said)
                said.append(line)
        except BrokenPipeError:
            pass
        finally:
            watchdog.cancel()
        raise AssertionError(f"ended with {self.process.wait()} (-9: after {scaled(timeout):g} s):\n"
                             f"{commands}---- said ----\n{''.join(said)}")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Town:
    def __init__(self, engine):
        self.engine, self.directory = engine, engine.directory / "tree"
        copy_of_the_tree(self.directory)
        images.make_weir(engine, self.directory)
        stand_ins = images.make_stand_ins(engine)
        self.rest_port = README_PORT if is_free(README_PORT) else free_port()
        self.mqtt_port, kafka = free_port(), [free_port() for _ in range(3)]
        self.bootstrap = ",".join(f"localhost:{port}" for port in kafka)
        self.rest = Rest(f"http://localhost:{self.rest_port}")
        self.readme = readme_blocks((self.directory / "deploy/README.md").read_text())
        self.unread = list(self.readme)
        tools = docker_with_a_network(engine.directory / "tools", engine)
        self.env = {**engine.env, "PATH": f"{tools}:{engine.env['PATH']}", "KAFKA_IMAGE": stand_ins["kafka"],
                    "MQTT_IMAGE": stand_ins["mosquitto"], "NGINX_IMAGE": stand_ins["nginx"],
                    "REST_PORT": str(self.rest_port),
                    "MQTT_PORT": str(self.mqtt_port), "MQTT_ADDRESS": "127.0.0.1",
                    **{f"KAFKA_PORT_{n}": str(port) for n, port in enumerate(kafka, 1)},
                    "KAFKA_HEAP_OPTS": "-Xms128m -Xmx384m",
                    "GIT_DIR": run("git", "-C", images.REPOSITORY, "rev-parse",
                                   "--absolute-git-dir").strip()}
        self.shell = Shell(self.directory / "deploy", self.env)

    def follow(self, name, timeout=60):
        """Runs the next block of the README, which is `name`."""
        assert self.unread and self.unread[0] == name, f"{name}, but next is {self.unread[:1]}"
        self.unread.pop(0)
        commands = self.readme[name]
        if self.rest_port != README_PORT:
            commands = commands.replace(str(README_PORT), str(self.rest_port))
        begin = time.monotonic()
        said = self.shell.run(commands, timeout)
        print(f"\n==== {name} ({time.monotonic() - begin:.1f} s)\n{commands}---- "
              f"\n{said.strip()[-1500:]}", flush=True)
        return said

    def compose(self, *words):
        return run("docker", "compose", *words, env=self.env, cwd=self.directory / "deploy")

    def inspect(self, service, template):
        container = self.compose("ps", "-q", service).split()[0]
        return self.engine.docker("inspect", "--format", template, container).strip()

    def wait_in_sync(self):
        wait_in_sync(self.bootstrap, timeout=60)

    def logs(self):
        """The end of what each container said, for a failure."""
        with_five = ["--profile", "five"]
        return self.compose(*with_five, "logs", "--no-color", "--tail", "40")

    def close(self):
        self.shell.close()


def left_over(engine):
    """Containers, volumes and networks of anybody, as docker names them."""
    return {"containers": engine.docker("ps", "-aq").split(),
            "volumes": engine.docker("volume", "ls", "-q").split(),
            "networks": engine.docker("network", "ls", "-q", "--filter", "type=custom").split()}
