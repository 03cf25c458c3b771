"""A broker's window, kept for it by the link in between.

    link.shaper = lambda: Window(1000)

mosquitto before 2.0.13 does not keep its own: with much in its queue it sends far more than
max_inflight_messages before it looks at an acknowledgement, and all of that comes twice when its
client dies. What a client repeats can be held against a window only where there is one.
"""
from collections import deque

from .mqtt_wire import PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, frames

PING = bytes([PINGREQ << 4, 0])


def finishes(frame, body):
    """Is it the last word of the client about a message?"""
    kind = frame[0] >> 4
    return kind in (PUBACK, PUBCOMP) or (
        kind == PUBREC and len(frame) > body + 2 and frame[body + 2] >= 0x80)


class Window:
    """Of one connection: no more than `size` messages of QoS 1 and 2 on their way at a time. What
    is too early waits here, in its order; everything else passes. A message is over when the
    broker has read its acknowledgement: it has when it answers a ping that was sent behind it."""

    def __init__(self, size):
        self.size, self.flight, self.waiting = size, set(), deque()
        self.buffers = {"up": bytearray(), "down": bytearray()}
        self.pings = deque()  # asked of the broker, in order: the ids that are over, None: client's
        self.unread = set()  # acknowledged, and no ping of ours is behind it yet

    def __call__(self, way, data):
        """-> pairs (way, bytes) that go out now."""
        self.buffers[way] += data
        out = {"up": bytearray(), "down": bytearray()}
        for frame, body in frames(self.buffers[way]):
            if way == "up":
                self._said(frame, body)
                out["up"] += frame
            elif frame[0] >> 4 == PUBLISH:
                self.waiting.append((frame, body))
            elif frame[0] >> 4 != PINGRESP or self._answered():
                out["down"] += frame
        if self.unread and not any(self.pings):
            self.pings.append(self.unread)
            self.unread = set()
            out["up"] += PING
        while self.waiting and (len(self.flight) < self.size or not self.waiting[0][0][0] & 6):
            frame, body = self.waiting.popleft()
            if frame[0] & 6:
                topic = int.from_bytes(frame[body:body + 2], "big")
                self.flight.add(frame[body + 2 + topic:body + 4 + topic])
            out["down"] += frame
        return [(to, bytes(part)) for to, part in out.items() if part]

    def _said(self, frame, body):
        if finishes(frame, body):
            self.unread.add(frame[body:body + 2])
        elif frame[0] >> 4 == PINGREQ:
            self.pings.append(None)

    def _answered(self):
        """Is this PINGRESP the client's?"""
        over = self.pings.popleft() if self.pings else None
        self.flight -= over or set()
        return over is None
