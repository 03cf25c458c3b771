"""The brokers that weir is tried with, each of a version of its own: see broker.py."""
from .hivemq import HiveMq
from .mosquitto import NewMosquitto, OldMosquitto
from .rabbitmq import NewRabbitMq, OldRabbitMq

KINDS = [OldMosquitto, NewMosquitto, OldRabbitMq, NewRabbitMq, HiveMq]
