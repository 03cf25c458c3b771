"""`engine`: a Docker engine of the run's own (engine.py), with the base image in it.

Where there can be none, tests are skipped and say why, loudly. With CI=true that is a failure,
because CI is where somebody has promised an engine, unless the kernel itself forbids one.
"""
import os

import pytest
from engine import Engine, NoEngine

missing = []


@pytest.fixture(scope="session")
def engine():
    try:
        with Engine() as started:
            started.base()
            yield started
    except NoEngine as error:
        missing.append(str(error))
        if os.environ.get("CI", "").lower() in ("true", "1") and not error.forbidden:
            pytest.fail(f"CI=true, and no Docker engine: {error}")
        pytest.skip(f"no Docker engine: {error}")


def pytest_terminal_summary(terminalreporter):
    for why in missing:
        terminalreporter.section("NOT TESTED: DEPLOYMENT IN CONTAINERS", sep="!", red=True)
        terminalreporter.write_line(f"There is no Docker engine here: {why}")
