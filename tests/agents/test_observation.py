"""Observations: within their bounds in every bundled scenario, by hand on a small one, the same in a batch, and of no influence."""

from pathlib import Path

import numpy as np
import pytest

from agents.baselines import LeastLoaded, Random
from agents.observation import Batch, Encoder, shape_of
from agents.transitions import hop_matrix
from scenarios.build import build
from scenarios.reading import bundled, load
from simulator.decisions import REJECT
from tests.helpers import scenario

SMALL = """
name: small
drain: stop
network:
  nodes: [{name: a, workers: 2, speed: 0.5}, {name: b, workers: 1}, {name: c}]
  links: [{between: [a, b], propagation: 500 ms, bandwidth: 8 Mbit/s}, {between: [b, c]}]
services:
  s: {variants: {small: {quality: 0.5, service_time: 1 s}, large: {quality: 1.0, service_time: 3 s}}}
  t: {service_time: 2 s}
deployments: [{service: s, nodes: [a, b]}, {service: t, nodes: [b]}]
applications:
  x: {utility: {midpoint: 2 s, steepness: 1 /s}, calls: [{name: one, service: s, payload: 1 MB}, {name: two, service: t, after: [one]}]}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s, 1 s]}}]
control: {forced: ask, CONTROL}
"""


def made(control: str):
    simulation = build(scenario(SMALL.replace("CONTROL", control)), Path())
    shape = shape_of(simulation)
    return simulation, shape, Encoder(shape, simulation)


def test_by_hand():
    simulation, shape, encoder = made("telemetry: {period: 10 s}")
    assert (shape.width, shape.services, shape.scales, shape.actions) == (4, ("s", "t"), (2.0,), 4)
    assert hop_matrix(simulation).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    loop = simulation.decisions()
    decision = next(loop)
    decision.choose(decision.candidates[0])  # small on a: until 2 s
    decision = next(loop)
    own, slots, mask = encoder.observe(decision)
    assert mask.tolist() == [1, 1, 1, 1]
    mine = dict(zip((feature.name for feature in shape.own), own.tolist(), strict=True))
    expected = {"elapsed": 0, "slack": 1, "remaining_path": 3 / 5, "remaining_calls": 2 / 3, "mean_work": 1 / 3, "prompt": 0, "tries": 0, "hedge": 0}
    expected |= {"input_bits": 8e6 / (8e6 + 8e4), "own_load": 0.5 / 1.5, "own_recent": 0, "own_slowness": 0, "own_speed": 1 / 3, "pause": 1 / 3}
    assert mine == pytest.approx(expected | {"class:s": 1, "class:t": 0})
    far = dict(zip((feature.name for feature in shape.slot), slots[3].tolist(), strict=True))
    assert decision.candidates[3].node == "b"
    expected = {"load": 0, "own_calls": 0, "wait": 0, "recent": 0, "slowness": 0, "outcomes": 0, "overdue": 0, "age": 1 / 3, "resident": 1}
    expected |= {"transfer": 1.5 / 3.5, "delay": 4.5 / 6.5, "service": 3 / 5, "quality": 1, "distance": 0.5 / 2.5, "speed": 1 / 2}
    expected |= {"workers": 1 / (1 + 4 / 3), "local": 0, "there": 1}
    assert far == pytest.approx(expected)
    assert slots[0, :1] == pytest.approx([0.5 / 1.5]), "one job on two workers"
    decision.choose(decision.candidates[3])
    decision = next(loop)  # of the first request, at 2 s: its second call can run on b only
    own, slots, mask = encoder.observe(decision)
    assert mask.tolist() == [1, 0, 0, 0]
    assert slots[1:].tolist() == [[0.0] * len(shape.slot)] * 3
    assert slots[0, :2] == pytest.approx([1 / 2, 1 / 2]), "its own call is on the way there"
    assert own[shape.own.index(next(f for f in shape.own if f.name == "slack"))] == 0.0


LATE = """
name: late
drain: stop
network: {nodes: [{name: a, workers: 9}]}
services: {s: {service_time: 1 s}}
deployments: [{service: s, nodes: all}]
applications: {x: {calls: [{name: c, service: s}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s, 2 s, 5 s, 8.5 s]}}]
spikes: [{name: slow, kind: slow_down, nodes: [a], factor: 4, at: [0 s], for: 99 s}]
control: {forced: ask, telemetry: {period: 1 s, pace: false}}
"""


@pytest.mark.parametrize("looked_at", [(0.0, 2.0, 5.0, 8.5), (5.0, 8.5)])
def test_what_became_of_own_calls(looked_at):
    """Calls that should take 1 s take 4 s: the agent sees them overdue before it learns how they ended, whenever it looks."""
    simulation = build(scenario(LATE), Path())
    shape = shape_of(simulation)
    encoder = Encoder(shape, simulation)
    places = [[feature.name for feature in shape.slot].index(name) for name in ("outcomes", "overdue")]
    seen = {}
    for decision in simulation.decisions():
        if decision.time in looked_at:
            seen[decision.time] = encoder.observe(decision)[1][0, places].tolist()
        encoder.chose(decision, decision.candidates[0])
        decision.choose(decision.candidates[0])
    later = 1.0 + 0.9 * np.exp(-3.5 / 15.0)  # 1.9 after 4 had been learnt with weight 0.3, forgotten for 3.5 s
    later += 0.3 * (4.0 - later)
    expected = {0.0: [0.0, 0.0], 2.0: [0.0, 1 - 1 / 2], 5.0: [1 - 1 / 1.9, 1 - 1 / 3], 8.5: [1 - 1 / later, 1 - 1 / 3.5]}
    assert seen == {time: pytest.approx(expected[time]) for time in looked_at}


@pytest.mark.parametrize("control", ["reject: true", "prefetch: true", "reject: true, prefetch: true"])
def test_actions(control):
    simulation, shape, encoder = made(control)
    decision = next(simulation.decisions())
    mask = encoder.observe(decision)[2]
    assert len(mask) == shape.actions == len(shape.action_names())
    assert shape.answer(decision, 3) is decision.candidates[3]
    if "reject" in control:
        assert mask[4]
        assert shape.answer(decision, 4) is REJECT
    if "prefetch" in control:
        assert not mask[-4:].any(), "nothing to load where models need no memory"
        assert shape.answer(decision, shape.actions - 1).candidate is decision.candidates[3]
    with pytest.raises(IndexError):
        shape.answer(decision, shape.actions)


@pytest.mark.parametrize("name", bundled())
@pytest.mark.parametrize("telemetry", ["exact", "{period: 100 ms}"])
def test_within_bounds_and_equal_in_a_batch(name, telemetry):
    simulation = load(name, [f"control.telemetry={telemetry}", "control.forced=ask"]).build()
    shape = shape_of(simulation)
    encoder, other, batch = Encoder(shape, simulation), Encoder(shape, simulation), Batch(shape, 3)
    low, high = (np.array([f[k] for f in shape.own], dtype=np.float32) for k in (1, 2))
    policy = Random().actor(simulation)
    for count, decision in enumerate(simulation.decisions()):
        own, slots, mask = encoder.observe(decision)
        assert own.shape == low.shape and slots.shape == (shape.width, len(shape.slot)) and mask.shape == (shape.actions,)
        assert ((own >= low) & (own <= high)).all() and ((slots >= 0) & (slots <= 1)).all() and mask.any()
        batch.write(count % 3, other, decision)
        assert (batch.own[count % 3] == own).all() and (batch.slots[count % 3] == slots).all() and (batch.mask[count % 3] == mask).all()
        if count % 50 == 0:
            states = encoder.node_states()
            assert states.shape == (len(simulation.nodes), len(shape.node)) and ((states >= 0) & (states <= 1)).all()
        decision.choose(policy.act(decision))
        if count == 600:
            break


def test_looking_changes_nothing():
    loaded = load("edge-chat", ["control.telemetry={period: 50 ms}", "horizon=5 s", "warm_up=0 s"])
    plain = loaded.build().run(LeastLoaded().actor(None))
    simulation = loaded.build()
    encoder = Encoder(shape_of(simulation), simulation)
    actor = LeastLoaded().actor(simulation)
    for decision in simulation.decisions():
        encoder.observe(decision)
        encoder.node_states()
        decision.choose(actor.act(decision))
    np.testing.assert_array_equal(simulation.trace.latency, plain.latency)


def test_slots_out_of_order_or_out_of_reach_are_masked():
    text = SMALL.replace("CONTROL", "telemetry: exact") + "spikes: [{name: stop, kind: outage, nodes: [b], at: [500 ms], for: 10 s}]\n"
    simulation = build(scenario(text), Path())
    encoder = Encoder(shape_of(simulation), simulation)
    masks = []
    for decision in simulation.decisions():
        masks.append((decision.time, encoder.observe(decision)[2].tolist()))
        decision.choose(decision.candidates[0])
    assert masks == [(0.0, [1, 1, 1, 1]), (1.0, [1, 1, 0, 0]), (2.0, [1, 0, 0, 0]), (3.0, [1, 0, 0, 0])], "where nothing is left, all is"


def test_several_scenarios_can_share_a_shape():
    simulation, shape, _ = made("telemetry: exact")
    wide = shape_of(simulation, 6, ("q", "s", "t"))
    assert (wide.width, len(wide.own)) == (6, len(shape.own) + 1)
    with pytest.raises(ValueError, match="up to 4 slots"):
        shape_of(simulation, 3)
    with pytest.raises(ValueError, match="not among the classes: t"):
        shape_of(simulation, None, ("s",))
