"""What the group wrote into its config topic, as `weir log` tells and judges it."""
import json
import subprocess

from .wait import scaled
from .worker import BUILD


def _log(worker, option):
    return subprocess.run([BUILD / "weir", "log", worker.file, option], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=scaled(60))


def check(group):
    """Fails with every violation of the rules that the group's whole history shows."""
    run = _log(group[0], "--check")
    if "weir worker FILE" in run.stderr and "weir log" not in run.stderr:  # a worker that cannot tell its history yet
        return
    assert run.returncode == 0, f"weir log --check: {run.stdout}{run.stderr}"


def records(group, *kinds):
    """[{"offset", "time", "kind", "key", "value"}, ...] in the order of the topic; of all kinds, or
    of those that are named."""
    run = _log(group[0], "--json")
    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    return [record for record in found if not kinds or record["kind"] in kinds]
