"""`weir log`: what a group of workers has done, told and judged from its config topic."""
import json
import subprocess

from .wait import scaled
from .worker import BUILD


def weir_log(*words, timeout=60, env=None):
    """Runs `weir log`; the completed process, with text."""
    return subprocess.run([BUILD / "weir", "log", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=scaled(timeout), env=env)


def history(group):
    """Every record of the group's config topic, as `weir log --json` tells it."""
    done = weir_log(group[0].file, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def require_lawful(group):
    """No rule of the group was ever broken; returns the figures of --check."""
    done = weir_log(group[0].file, "--check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
