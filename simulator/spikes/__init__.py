"""Latency spikes and faults: each a named description with a target, a schedule and an effect, a file each."""

from typing import Annotated, Any

from simulator.descriptions import Choice
from simulator.spikes.call_spike import CallSpike
from simulator.spikes.cascade import Cascade
from simulator.spikes.evict import Evict
from simulator.spikes.flash_crowd import FlashCrowd
from simulator.spikes.freeze import Freeze
from simulator.spikes.link import LinkSpike
from simulator.spikes.outage import Outage
from simulator.spikes.rtt_recording import RttRecording
from simulator.spikes.slow_down import SlowDown

SPIKES = (CallSpike, SlowDown, Freeze, Outage, LinkSpike, RttRecording, FlashCrowd, Evict, Cascade)
Spike = Annotated[Any, Choice("spike", SPIKES)]

__all__ = ["SPIKES", "CallSpike", "Cascade", "Evict", "FlashCrowd", "Freeze", "LinkSpike", "Outage", "RttRecording", "SlowDown", "Spike"]
