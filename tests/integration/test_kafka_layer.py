"""The kafka layer alone on real brokers: programs of Check, one a module, in tests/integration/kafka.

They prove what no fake can: transaction markers, fencing, generations, topics, a broker that dies.
"""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.brokers import REPOSITORY, WEIR_DEV
from support.wait import scaled

BUILD = REPOSITORY / os.environ.get("WEIR_BUILD", "build/debug")
PROGRAMS = sorted(path.stem for path in (Path(__file__).parent / "kafka").glob("test_*.c"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PROGRAMS)
def test_layer(cluster, name):
    program = BUILD / "tests/integration/kafka" / name
    assert program.exists(), f"{program} is not built; run: make integration"
    environment = dict(os.environ, BOOTSTRAP=cluster.bootstrap,
                       BROKER=f"{WEIR_DEV} --dir {cluster.root} --name {cluster.name}")
    run = subprocess.run([program], env=environment, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         cwd=REPOSITORY, timeout=scaled(280))
    sys.stdout.write(run.stdout)
    assert run.returncode == 0, f"{name} failed"
