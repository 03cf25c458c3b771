"""A Debian machine with systemd as its first process, in a container of the run's engine.

systemd wants to mount, and cgroups of its own; not all that --privileged gives, which is more than
some places have to give. The image has the packages that weir's package depends on in apt's cache,
so an installation finds them without a network, as apt finds them with one.
"""
import re
import time

from engine import digest
from support.wait import scaled, wait_for

IMAGE = "weir-test/systemd"
DOCKERFILE = """\
FROM {base}
RUN rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-clean \\
    && apt-get update -qq \\
    && apt-get install -y -qq --no-install-recommends systemd systemd-sysv curl >/dev/null \\
    && apt-get install -y -qq --no-install-recommends --download-only {packages} >/dev/null
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
"""
OPTIONS = ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined",
           "--security-opt", "apparmor=unconfined", "--cgroupns", "host",
           "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs",
           "/run/lock", "--tmpfs", "/tmp", "--env", "container=docker")


def image(engine, depends):
    """The machine's image; `depends`: of a package that is to be installed on it."""
    packages = re.sub(r"\([^)]*\)|,", " ", depends).split()
    text = DOCKERFILE.format(base=engine.base(), packages=" ".join(packages))
    base = engine.docker("images", "--no-trunc", "--quiet", engine.base()).strip()

    def make():
        folder = engine.directory / "systemd"
        folder.mkdir()
        (folder / "Dockerfile").write_text(text)
        print("making an image of Debian with systemd (once)", flush=True)
        engine.build(IMAGE, folder)

    if f"{IMAGE}:latest" not in engine.tags():
        engine.keep("systemd", digest(text, base), [IMAGE], make)
    return IMAGE


class Machine:
    """Runs from with to its end; `network`: "none" or "host"."""

    def __init__(self, engine, name, network="none"):
        self.engine, self.name, self.network = engine, name, network

    def __enter__(self):
        self.engine.docker("run", "--detach", "--name", self.name, "--network", self.network,
                           *OPTIONS, IMAGE)
        try:
            wait_for(lambda: self.sh("systemctl is-system-running || true").strip() == "running",
                     60, "systemd running in a container")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.engine.docker("rm", "--force", "--volumes", self.name)

    def copy(self, file, to):
        self.engine.docker("cp", str(file), f"{self.name}:{to}")

    def sh(self, script, timeout=180):
        """stdout of a shell script that has to succeed; its standard error is its output, too."""
        return self.engine.docker("exec", self.name, "sh", "-ec", f"exec 2>&1; {script}",
                                  timeout=scaled(timeout))

    def timed(self, script):
        begin = time.monotonic()
        self.sh(script)
        return time.monotonic() - begin

    def install(self, file, *options):
        return self.sh("DEBIAN_FRONTEND=noninteractive apt-get install -y -q "
                       f"--no-install-recommends {' '.join(options)} {file}")

    def show(self, unit, *names):
        """Properties of a unit, or the one that was asked for."""
        text = self.sh(f"systemctl show {unit} -p {','.join(names)}")
        found = dict(line.split("=", 1) for line in text.splitlines())
        return found if len(names) > 1 else found[names[0]]

    def journal(self, unit):
        return self.sh(f"journalctl -u {unit} --no-pager -o cat")
