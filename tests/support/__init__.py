"""What integration tests stand on: real brokers, real workers, and a judge of what arrived.

Everything waits for events with a deadline and takes its ports from ports.py, so that several
runs, and a demo, live beside each other on one machine.
"""
