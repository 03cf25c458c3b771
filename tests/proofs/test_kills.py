"""kill -9 of the worker that has the task, again and again at random moments under load, in every
way to speak to an MQTT broker: nothing is lost, and a kill repeats one window at most, where the
broker keeps one (support/window.py).

WEIR_SEED repeats a run's dice. One way by hand: make prove TESTS='-k "test_kill_9 and mqtt5-tls-2"'
"""
import os
import random
import time

import pytest
from support import faults
from support.kills import Kills
from support.lanes import WINDOW, errors_in
from support.mosquitto import Mosquitto
from support.proxy import Proxy
from support.variants import variants
from support.window import Window
from support.ws_wire import Unwrapped

RATE = 5000  # messages per second; a crowded machine manages fewer, and says so
ROUND = 10  # kills with one connector, one topic, one publisher


def shape(variant, window):
    return Unwrapped(Window(window)) if variant.ws else Window(window)


def prove(cluster, workers, tmp_path, certificates, variant, qos, kills, window=WINDOW):
    """`window`: None is as the broker has it, so that nothing can be said about repeats."""
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}")
    dice, group, begin = random.Random(seed), workers(2), time.monotonic()
    published = duplicates = 0
    with Mosquitto(tmp_path, certificates=certificates) as broker, Proxy() as proxy:
        port = variant.port(broker)
        if window:
            link = proxy.link(broker.ws_port if variant.ws else broker.port,
                              certificates.server() if variant.tls else None)
            link.shaper, port = lambda: shape(variant, window), link.port
        for first in range(0, kills, ROUND):
            part = min(ROUND, kills - first)
            round_ = Kills(cluster, group, broker.port, dice, qos, RATE,
                           **variant.config(port, certificates))
            with round_.publisher:
                for _ in range(part):
                    round_.one()
                verdict = round_.end(part if window else None)
            published += verdict.counts["published"]
            duplicates += verdict.duplicates
    faults.figures.append(
        f"kill -9, {variant}, QoS {qos}: {kills} kills, {published} messages in "
        f"{time.monotonic() - begin:.0f} s, lost 0, duplicates {duplicates} "
        f"({f'at most {kills * WINDOW}' if window else 'no window kept'}), seed {seed}")
    print(faults.figures[-1])
    for worker in group:
        assert not errors_in(worker), errors_in(worker)[:5]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_fifty_times(cluster, workers, tmp_path, certificates, any_variant, qos):
    prove(cluster, workers, tmp_path, certificates, any_variant, qos, 50)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_with_the_broker_as_it_is(cluster, workers, tmp_path, certificates, any_variant,
                                         qos):
    """Nothing in between. What comes twice is the broker's window, kept or not: a figure."""
    prove(cluster, workers, tmp_path, certificates, any_variant, qos, ROUND, None)


@pytest.mark.fast
@pytest.mark.timeout(300)
@pytest.mark.parametrize("qos", [1, 2])
def test_kill_9_five_times(cluster, workers, tmp_path, certificates, qos):
    """The oldest way with one QoS, the newest with the other."""
    prove(cluster, workers, tmp_path, certificates, variants()[0 if qos == 1 else -1], qos, 5)


@pytest.mark.fast
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["mqtt3.1.1-ws", "mqtt5-wss"])
def test_kill_9_three_times_over_websocket(cluster, workers, tmp_path, certificates, way):
    """The broker's own WebSocket, with nothing in between."""
    variant, = [v for v in variants(ws=True) if str(v) == way]
    prove(cluster, workers, tmp_path, certificates, variant, 1, 3, None)
