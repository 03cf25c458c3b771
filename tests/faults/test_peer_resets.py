"""A proxy between the workers that drops connections at random: false alarms, and no harm."""
import os
import random
import time

import pytest
from support.lanes import WINDOW

SECONDS = 30


@pytest.mark.timeout(240)
def test_peer_connections_are_reset_at_random(case):
    """The tasks go on where they are; who is alive proves it on the next connection."""
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    case.flow(network=True)
    case.begin()
    case.note(f"seed {seed}")
    dice = random.Random(seed)
    for link in case.network.peers(case.group[0]) + case.network.between(*case.group[1:]):
        link.random_reset(dice.random(), 0.3)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for one in case.group:
            for other in case.group:
                if one is not other and dice.random() < 0.1:
                    case.network.between(one, other).cut(dice.choice(["rst", "fin"]))
        time.sleep(0.2)
    case.network.heal()
    case.end(duplicates=WINDOW)
