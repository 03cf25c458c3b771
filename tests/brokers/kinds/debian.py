"""Programs of a Debian release, in folders of their own: nothing is installed on this machine.

    room = Room("trixie", directory)        # downloads the release's brokers, once
    subprocess.Popen(room.command("/usr/sbin/mosquitto", "-c", room.directory / "mosquitto.conf"))

What apt downloads lies unpacked in the cache that weir-dev uses ($WEIR_CACHE, else
$XDG_CACHE_HOME/weir, else ~/.cache/weir), and all rooms of a release share its /usr. Where packages
come from is asked of this machine's own apt: its Debian archive, the release changed.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

# Besides the brokers what the scripts that start them call: no package depends on an essential one.
PACKAGES = ["mosquitto", "rabbitmq-server", "dash", "coreutils", "sed", "grep", "mawk"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TOP = ("bin", "sbin", "lib", "lib64")  # links into /usr since Debian 12

# In a mount namespace of its own, which ends with the last process in it.
ENTER = """
root=$1 usr=$2 directory=$3; shift 3
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$usr" "$root/usr"
mount --bind "$directory" "$root$directory"
exec setpriv --pdeathsig KILL chroot "$root" "$@"
"""


def cache_folder():
    base = os.environ.get("WEIR_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    folder = Path(base).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def made_once(folder):
    """Yields a new folder to fill, which then becomes `folder`; or None when that is there."""
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            yield None
            return
        partial = folder.with_name(folder.name + ".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        partial.rename(folder)


def run(*words, what):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{what} failed:\n{done.stdout[-3000:]}"
    return done.stdout


def sources(suite):
    """This machine's Debian archives as sources of another release."""
    found = set()
    for line in run("apt-get", "indextargets", "--format",
                    "$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)", "Created-By: Packages",
                    what="asking apt for its sources").splitlines():
        origin, component, release, uri = line.split()
        if (origin, component) == ("Debian", "main"):
            found.add((uri, suite + "".join(release.partition("-")[1:])))
    assert found, (f"Debian {suite}'s brokers cannot be had: this machine's apt knows no Debian "
                   "archive, or none of its lists is there yet (apt-get update)")
    return "".join(f"deb [signed-by={KEYRING}] {uri} {release} main\n"
                   for uri, release in sorted(found))


def fetch(suite, folder):
    """Downloads and unpacks PACKAGES and all that they need into `folder`."""
    print(f"downloading Debian {suite}'s MQTT brokers (once)", flush=True)
    apt = folder / "apt"
    for name in ("lists/partial", "archives/partial", "none"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()  # nothing is installed: so everything is downloaded
    (apt / "sources.list").write_text(sources(suite))
    options = {"Dir::State": apt, "Dir::State::lists": apt / "lists",
               "Dir::State::status": apt / "status", "Dir::Cache": apt,
               "Dir::Cache::archives": apt / "archives", "Dir::Etc::sourceparts": apt / "none",
               "Dir::Etc::sourcelist": apt / "sources.list", "APT::Sandbox::User": ""}
    get = ["apt-get", "-qq", "-y", *[f"-o{key}={value}" for key, value in options.items()]]
    run(*get, "update", what=f"apt-get update of {suite}")
    run(*get, "install", "--download-only", "--no-install-recommends", *PACKAGES,
        what=f"downloading {', '.join(PACKAGES)} of {suite}")
    for name in TOP:
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    for package in sorted((apt / "archives").glob("*.deb")):
        unpacked = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder],
                       stdin=unpacked.stdout, check=True)
        unpacked.stdout.close()
        assert unpacked.wait() == 0, f"{package} cannot be unpacked"
    shutil.rmtree(apt)


def tree(suite):
    """The folder with the release's programs."""
    name = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    folder = cache_folder() / f"debian-{suite}-{name}"
    with made_once(folder) as new:
        if new:
            fetch(suite, new)
    return folder


class Room:
    """A root directory of one broker: the release's /usr, an /etc of its own, and `directory` under
    the same path as outside. Nothing else of this machine's files."""

    def __init__(self, suite, directory):
        self.directory = Path(directory).resolve()
        self.tree, self.root = tree(suite), self.directory / "root"
        for name in ("proc", "dev", "usr", "tmp", "run", "var/log", "var/lib", "root"):
            (self.root / name).mkdir(parents=True)
        for name in TOP:
            (self.root / name).symlink_to(f"usr/{name}")
        shutil.copytree(self.tree / "etc", self.root / "etc", symlinks=True)
        for file, text in {"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n",
                           "hosts": "127.0.0.1 localhost\n", "nsswitch.conf": "hosts: files\n",
                           "resolv.conf": ""}.items():
            (self.root / "etc" / file).write_text(text)
        (self.root / str(self.directory).lstrip("/")).mkdir(parents=True)

    def command(self, *words):
        """For Popen: the program's pid is that of the process, and it dies with its parent."""
        become = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return ["unshare", "--mount", *become, "sh", "-ec", ENTER, "enter", str(self.root),
                str(self.tree / "usr"), str(self.directory), *map(str, words)]
