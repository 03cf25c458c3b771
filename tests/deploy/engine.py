"""A Docker engine of the run's own, for tests that need containers and may touch nobody's.

    with Engine() as engine:
        engine.base()                                     # debian:bookworm-slim is there
        engine.build("weir:test", REPOSITORY, "deploy/Dockerfile")
        engine.docker("run", "--rm", "--network", "host", "debian:bookworm-slim", "true")

It lives in namespaces for mounts and processes, so that nothing of it outlives it, however it
ends; its data lie in a folder that goes with it. It makes no docker0 and no firewall rules of its
own: containers talk to the world with `--network host`, and among themselves in the networks that
compose makes out of POOL. No image is pulled: the base is debootstrap's, under the tag that
Dockerfiles name, with the apt settings of this machine. What took long to make is kept as a tar
file in the cache that weir-dev uses too ($WEIR_CACHE, else $XDG_CACHE_HOME/weir, else
~/.cache/weir).

As a program, `python3 engine.py sh` is a shell with such an engine, for trying things by hand.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

BASE = "debian:bookworm-slim"
POOL = "198.51.100.0/24"  # for documentation only (RFC 5737): nobody's network
PLACE = Path("/var/tmp")  # where images have room; /tmp may be memory
PROGRAMS = {"dockerd": "docker.io", "containerd": "containerd", "runc": "runc",
            "docker": "docker.io", "debootstrap": "debootstrap", "iptables": "iptables", "ip": "iproute2",
            "unshare": "util-linux"}
SBIN = ":/usr/local/sbin:/usr/sbin:/sbin"
START_DEADLINE = 60
STOP_DEADLINE = 30

# What slim images leave out, so that sizes are comparable with those of the real base.
WITHOUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
           "var/lib/apt/lists", "var/cache/apt", "var/log", "var/cache/debconf")
SLIM = """\
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
"""

# `docker compose`, as people write it, where only version 1 is installed: a plugin of the client.
COMPOSE_PLUGIN = """\
#!/bin/sh
case $1 in
docker-cli-plugin-metadata)
    echo '{"SchemaVersion": "0.1.0", "Vendor": "test", "Version": "v1", "ShortDescription": "-"}' ;;
*)
    shift
    exec docker-compose "$@" ;;
esac
"""


class NoEngine(Exception):
    """Why there can be none; `forbidden`: the kernel or a container around us does not let us, so
    that installing something would not help."""

    def __init__(self, why, forbidden=False):
        super().__init__(why)
        self.forbidden = forbidden


def cache_folder():
    base = os.environ.get("WEIR_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    folder = Path(base).resolve() / "deploy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(*command, **options):
    """stdout of a command that has to succeed; what it said otherwise is in the exception."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        said = (done.stdout[-3000:] + done.stderr[-3000:]).strip()
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")
    return done.stdout


def digest(*parts):
    """Of texts and of files, a folder's in order of their names."""
    sum_ = hashlib.sha256()
    for part in parts:
        for file in sorted(part.rglob("*")) if isinstance(part, Path) and part.is_dir() else [part]:
            if isinstance(file, Path):
                sum_.update(f"{file.name}\n".encode() + (file.read_bytes() if file.is_file() else b""))
            else:
                sum_.update(str(file).encode() + b"\0")
    return sum_.hexdigest()[:12]


def has_compose():
    """Version 2, which is a plugin of the client."""
    with contextlib.suppress(OSError, RuntimeError):
        return bool(run("docker", "compose", "version"))
    return False


# ---- Can there be one? ------------------------------------------------------------------------

def require():
    """Raises NoEngine with what is missing."""
    if sys.platform != "linux":
        raise NoEngine(f"Docker needs Linux, this is {sys.platform}", forbidden=True)
    if os.geteuid() != 0:
        raise NoEngine("a Docker engine has to be started by root")
    path = os.environ.get("PATH", "") + SBIN
    missing = {package for program, package in PROGRAMS.items()
               if not shutil.which(program, path=path)}
    if not has_compose() and not shutil.which("docker-compose", path=path):
        missing.add("docker-compose")
    if missing:
        raise NoEngine("not installed: " + ", ".join(sorted(missing)) +
                       " (make test-deploy does that)")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"],
                           capture_output=True, text=True)
    if probe.returncode:
        raise NoEngine("namespaces are not allowed here: " + probe.stderr.strip(), forbidden=True)
    if "cgroup" not in Path("/proc/mounts").read_text():
        raise NoEngine("no cgroups are mounted here", forbidden=True)


# ---- Base image -------------------------------------------------------------------------------

def host_apt():
    """(sources, settings): texts for a Debian 12 that is to use the mirrors and proxies of this
    machine. A machine with another system says nothing about them but its proxies."""
    sources = {}
    release = Path("/etc/os-release").read_text()
    if "VERSION_CODENAME=bookworm" in release and "\nID=debian" in "\n" + release:
        for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
            if file.suffix in (".list", ".sources") and file.is_file():
                text = file.read_text()
                if "debian" in text.lower() and "bookworm" in text:
                    sources[file.name] = text
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries",
              "Acquire::ForceIPv4")
    settings = ""
    if shutil.which("apt-config"):
        settings = "".join(line + "\n" for line in run("apt-config", "dump").splitlines()
                           if line.startswith(wanted))
    return sources, settings


def mirror(sources):
    """From where debootstrap takes Debian 12."""
    for text in sources.values():
        for line in text.splitlines():
            found = (re.match(r"URIs:\s*(https?://\S+)", line) or
                     re.match(r"deb\s+(?:\[[^]]*\]\s*)?(https?://\S+)\s+bookworm\s", line))
            if found and "security" not in line:
                return found.group(1)
    return "http://deb.debian.org/debian"


def build_arguments():
    """The proxies of this machine, for `docker build`."""
    names = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return [word for name in names if os.environ.get(name)
            for word in ("--build-arg", f"{name}={os.environ[name]}")]


def make_base(tar):
    """debootstrap's smallest Debian 12 as a file for `docker import`."""
    sources, settings = host_apt()
    with tempfile.TemporaryDirectory(prefix="weir-base-", dir=PLACE) as folder:
        root = Path(folder, "root")
        run("unshare", "--mount", "debootstrap", "--variant=minbase", "bookworm", root,
            mirror(sources), env={**os.environ, "PATH": os.environ.get("PATH", "") + SBIN})
        for name in WITHOUT:
            for entry in (root / name).glob("*") if (root / name).is_dir() else ():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(SLIM)
        (root / "etc/apt/apt.conf.d/90host").write_text(settings)
        if sources:
            (root / "etc/apt/sources.list").unlink(missing_ok=True)
        for name, text in sources.items():
            where = root / "etc/apt" if name == "sources.list" else root / "etc/apt/sources.list.d"
            (where / name).write_text(text)
        run("tar", "-C", root, "-cf", tar, ".")


# ---- Firewall, and what a killed run left behind ----------------------------------------------

def rules(comment):
    """Containers of POOL may talk to each other and to the outside, where another engine's rules
    or a careful administrator's would not let them."""
    mark = ["-m", "comment", "--comment", comment]
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [["filter", "FORWARD", "-s", POOL, *mark, "-j", "ACCEPT"],
            ["filter", "FORWARD", "-d", POOL, *answers, *mark, "-j", "ACCEPT"],
            ["nat", "POSTROUTING", "-s", POOL, "!", "-d", POOL, *mark, "-j", "MASQUERADE"]]


def iptables(action, rule, check=True):
    table, chain, *rest = rule
    done = subprocess.run(["iptables", "-w", "20", "-t", table, action, chain, *rest],
                          capture_output=True, text=True,
                          env={**os.environ, "PATH": os.environ.get("PATH", "") + SBIN})
    if check and done.returncode:
        raise NoEngine(f"iptables {action} {chain}: {done.stderr.strip()}", forbidden=True)
    return done.returncode == 0


def remove_rules(comment):
    for rule in rules(comment):
        while iptables("-D", rule, check=False):
            pass


def remove_empty_bridges():
    """Those of killed engines: with an address of POOL and nothing plugged in."""
    for link in json.loads(run("ip", "-json", "address") or "[]"):
        ports = Path("/sys/class/net", link["ifname"], "brif")
        ours = [a for a in link.get("addr_info", ()) if a["family"] == "inet" and
                ip_address(a["local"]) in ip_network(POOL)]
        if ours and ports.is_dir() and not list(ports.iterdir()):
            subprocess.run(["ip", "link", "delete", link["ifname"]], capture_output=True)


def take_down_leftovers():
    """Folders are named after the process of their run: a run that was killed could not remove
    its own, so the next one does. The engine itself has died with it."""
    for folder in PLACE.glob("weir-engine-*"):
        owner = folder.name.split("-")[2]
        if owner.isdigit() and not Path("/proc", owner).exists():
            remove_rules(f"weir-engine-{owner}")
            remove_empty_bridges()
            shutil.rmtree(folder, ignore_errors=True)


# ---- The engine -------------------------------------------------------------------------------

class Engine:
    def __init__(self):
        require()
        take_down_leftovers()
        self.cache = cache_folder()
        self.name = f"weir-engine-{os.getpid()}"
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=PLACE))
        self.socket = self.directory / "docker.sock"
        self.log = self.directory / "dockerd.log"
        self.process, self.forwarding = None, None
        config = self.directory / "config"
        plugin = config / "cli-plugins" / "docker-compose"
        plugin.parent.mkdir(parents=True)
        if not has_compose():
            plugin.write_text(COMPOSE_PLUGIN)
            plugin.chmod(0o755)
        self.env = {**os.environ, "PATH": os.environ.get("PATH", "") + SBIN,
                    "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(config),
                    "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0",
                    "COMPOSE_INTERACTIVE_NO_CLI": "1"}
        for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "COMPOSE_FILE",
                     "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"):
            self.env.pop(name, None)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def docker(self, *words, **options):
        return run("docker", *words, env=self.env, **options)

    # From start to end

    def start(self):
        self.forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
        try:
            for rule in rules(self.name):
                iptables("-I", rule)
            with open(self.log, "ab") as out:
                self.process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation",
                     "private", "--pid", "--fork", "--kill-child", "--mount-proc", "dockerd",
                     "--data-root", self.directory / "data", "--exec-root", self.directory / "exec",
                     "--pidfile", self.directory / "pid", "-H", f"unix://{self.socket}",
                     "--bridge", "none", "--iptables=false", "--ip6tables=false",
                     "--default-address-pool", f"base={POOL},size=26"],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env,
                    start_new_session=True)
            self._wait_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_answers(self):
        limit = time.monotonic() + START_DEADLINE
        while True:
            with contextlib.suppress(RuntimeError):
                self.docker("version", "--format", "{{.Server.Version}}")
                return
            if self.process.poll() is not None or time.monotonic() > limit:
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise NoEngine(f"dockerd does not start:\n{end}")
            time.sleep(0.1)

    def _dockerd(self):
        """Its process id out here; unshare is its parent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def _remove_all(self):
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-f", "-v", *containers)
        networks = self.docker("network", "ls", "-q", "--filter", "type=custom").split()
        if networks:
            self.docker("network", "rm", *networks)

    def stop(self):
        """Ends containers, networks, engine; nothing of it is left."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(RuntimeError):
                self._remove_all()
            with contextlib.suppress(OSError, IndexError, ValueError):
                os.kill(self._dockerd(), signal.SIGTERM)
            try:
                self.process.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()  # and with it the whole namespace
                self.process.wait()
        remove_rules(self.name)
        remove_empty_bridges()
        if self.forwarding and not list(PLACE.glob("weir-engine-*/docker.sock")):
            Path("/proc/sys/net/ipv4/ip_forward").write_text(self.forwarding)
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not self.directory.exists(), f"{self.directory} cannot be removed"

    # Images

    @contextlib.contextmanager
    def _cached(self, name, key):
        """Yields (file, is it there): one maker at a time, older ones of the name go."""
        with open(self.cache / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file = self.cache / f"{name}-{key}.tar"
            for other in self.cache.glob(f"{name}-*.tar*"):
                if other != file:
                    other.unlink()
            yield file, file.exists()

    def base(self):
        """Makes debian:bookworm-slim; a second, and a minute the first time."""
        def make():
            print(f"making {BASE} with debootstrap (once)", flush=True)
            tar = self.directory / "base.tar"
            make_base(tar)
            self.docker("import", "--change", 'CMD ["bash"]', tar, BASE)
            tar.unlink()
        # Loaded, not imported again: that would be another image each time, with another id, and
        # no layer made on top of it could be kept.
        if BASE not in self.tags():
            self.keep("base", digest(*map(str, host_apt()), str(WITHOUT), SLIM), [BASE], make)
        return BASE

    def tags(self):
        return self.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def build(self, tag, context, dockerfile="Dockerfile", *options):
        """`docker build` with the network and the proxies of this machine."""
        self.docker("build", "--network", "host", "--tag", tag, *build_arguments(), *options,
                    "--file", Path(context, dockerfile), context, timeout=1800)
        return tag

    def keep(self, name, key, tags, make):
        """`tags` out of the cache, where they were put under this key, or by make()."""
        with self._cached(name, key) as (tar, there):
            if there:
                self.docker("load", "--quiet", "--input", tar)
                return
            make()
            partial = tar.with_suffix(".tar.new")
            self.docker("save", "--output", partial, *tags)
            partial.rename(tar)


if __name__ == "__main__":
    with Engine() as by_hand:
        subprocess.run(sys.argv[1:] or ["sh"], env=by_hand.env)
