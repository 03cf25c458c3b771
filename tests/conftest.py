"""Fixtures of the tests on real brokers, and what keeps a run tidy.

`cluster`: the run's brokers, well at the start of each test. `workers`: starts groups of workers
that end with the test. `flow`: three of them under load. `case`: a fault and its figures.
`variant`: each way in which this build can speak to an MQTT broker; `any_variant`: over WebSocket
too.
Run with: /usr/bin/python3 -m pytest tests/integration
"""
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("support")  # its assertions say what they saw, too

from support import faults, logs  # noqa: E402  (the path comes first)
from support.brokers import REPOSITORY, Cluster  # noqa: E402
from support.certificates import Certificates  # noqa: E402
from support.kafka import sweep  # noqa: E402
from support.lanes import LANES, flowing  # noqa: E402
from support.variants import variants  # noqa: E402
from support.wait import scaled  # noqa: E402
from support.worker import WorkerGroup  # noqa: E402

CLUSTERS = REPOSITORY / ".dev"
FAULTS = REPOSITORY / "tests" / "faults"
PROOFS = REPOSITORY / "tests" / "proofs"
TEST_TIMEOUT = 120  # seconds, for a test without a timeout mark of its own


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("timeout"):
        raise pytest.UsageError("pytest-timeout is not installed; run: make deps")
    # A run that is told to end ends like one that is interrupted, with its fixtures.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_generate_tests(metafunc):
    for name, found in (("variant", variants), ("any_variant", lambda: variants(ws=True))):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found(), ids=str)


@pytest.hookimpl(tryfirst=True)  # before -m chooses by marks
def pytest_collection_modifyitems(items):
    for item in items:
        if FAULTS in item.path.parents:
            item.add_marker("faults")
        if PROOFS in item.path.parents:
            item.add_marker("proofs")
        mark = item.get_closest_marker("timeout")
        seconds = mark.args[0] if mark and mark.args else TEST_TIMEOUT
        # Fixtures have deadlines of their own; the first one may have to download Kafka.
        item.add_marker(pytest.mark.timeout(scaled(seconds), func_only=True), append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of every log of the processes that were there, and their state."""
    report = (yield).get_result()
    # Figures travel with the report: under pytest-xdist the run's end is in another process.
    report.user_properties.extend(("figures", line) for line in faults.figures)
    faults.figures.clear()
    if not report.failed:
        return
    cluster = getattr(item.session, "weir_cluster", None)
    if cluster is not None:
        report.sections.append(("weir-dev status", cluster.status()))
    report.sections.extend(logs.tails())


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    figures = [line for report in reports
               for name, line in getattr(report, "user_properties", ()) if name == "figures"]
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


def take_down_leftovers():
    """Clusters are named after the process of their run. A run that was killed could not take its
    own down, so the next one does."""
    for directory in CLUSTERS.glob("test-*/"):
        owner = directory.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            Cluster(directory.name, CLUSTERS).down()
            (CLUSTERS / f"{directory.name}.lock").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def shared_cluster(request):
    take_down_leftovers()
    cluster = Cluster(f"test-{os.getpid()}", CLUSTERS)
    try:
        cluster.up()
        request.session.weir_cluster = cluster
        yield cluster
    finally:
        request.session.weir_cluster = None
        cluster.down()
        (CLUSTERS / f"{cluster.name}.lock").unlink(missing_ok=True)


@pytest.fixture
def cluster(shared_cluster):
    """Three Kafka brokers and mosquitto. A test may kill what it likes: what it leaves dead is
    started before the next test. Its topics go then, too: those of a hundred tests would keep the
    brokers as busy as the tests do."""
    shared_cluster.up()
    sweep(shared_cluster.bootstrap)
    return shared_cluster


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def workers(cluster, tmp_path):
    """workers(3, {"offset.flush.interval.ms": 1000}) -> a WorkerGroup of three, answering REST."""
    groups = []

    def start(n=1, overrides=None, **options):
        groups.append(WorkerGroup(n, cluster.bootstrap, tmp_path, overrides, **options))
        return groups[-1]

    yield start
    everyone = [worker for group in groups for worker in group]
    for group in groups:
        group.kill_all()
    reports = [report for report in (w.sanitizer_report() for w in everyone) if report]
    assert not reports, "a sanitizer complained:\n" + "\n".join(reports)


@pytest.fixture
def flow(cluster, workers):
    """Three workers under load -> (group, lanes)."""
    with flowing(cluster, workers(LANES)) as flow:
        yield flow


@pytest.fixture
def tools():
    """What has to outlive the workers of a test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def case(request, cluster, tools, workers):
    case = faults.Case(request.node.name.removeprefix("test_"), cluster, workers, tools)
    with case.load:
        yield case


@pytest.fixture(autouse=True)
def _logs_of_this_test(tmp_path):
    yield
    logs.forget(tmp_path)
