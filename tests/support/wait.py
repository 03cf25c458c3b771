"""Waiting for what happens elsewhere: the only place where tests poll, and where deadlines stretch.

WEIR_TEST_SLOWNESS=3 triples every deadline, for sanitizer builds and crowded machines.
"""
import os
import time

SLOWNESS = float(os.environ.get("WEIR_TEST_SLOWNESS", "1"))


class NotYet(Exception):
    """For a predicate that wants its deadline to say more than a false value does."""


def scaled(seconds):
    return seconds * SLOWNESS


def wait_for(predicate, timeout, what, interval=0.05):
    """Returns the first true value of `predicate()`. Past the deadline it raises with `what` was
    awaited and what was seen last; an exception counts as "not yet" and is then what was seen.
    An AssertionError goes through at once: it says that waiting longer is of no use."""
    seconds = scaled(timeout)
    limit = time.monotonic() + seconds
    while True:
        try:
            last = predicate()
            if last:
                return last
        except AssertionError:
            raise
        except Exception as error:  # whatever a half-started peer makes a client raise
            last = error
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds:g} s for {what}; last seen: {last!r}")
        time.sleep(interval)
