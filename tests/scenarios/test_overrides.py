"""`--set PATH=VALUE`: what it changes, what it refuses, and that its mistakes are not blamed on a line of the file."""

import pytest

from scenarios.problems import ScenarioError
from scenarios.reading import load, resolved


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("workload.jobs.arrivals.rate=12 /s", ("workload", 0, "arrivals", "rate"), "12 /s"),
        ("network.nodes[0].workers=3", ("network", "nodes", 0, "workers"), 3),
        ("network.nodes.server.speed=2", ("network", "nodes", 0, "speed"), 2.0),
        ("control.policy=random", ("control", "policy"), {"kind": "random"}),
        ("services.work.service_time={kind: gamma, mean: 3 ms, cv: 2}", ("services", "work", "service_time"), {"kind": "gamma", "mean": "3 ms", "cv": 2.0}),
        ("network.routing.by=hops", ("network", "routing", "by"), "hops"),
        ("network.nodes.server.discipline={kind: fifo, capacity: 3}", ("network", "nodes", 0, "discipline", "capacity"), 3),
        ("services.other={service_time: 3 ms}", ("services", "other", "service_time"), "3 ms"),
        ("description=on", ("description",), "on"),
    ],
)
def test_value_is_set(text, path, value):
    at = resolved(load("m-m-1", [text]).scenario)
    for part in path:
        at = at[part]
    assert at == value


def test_later_ones_win_and_null_takes_a_key_out():
    loaded = load("m-m-1", ["seed=3", "seed=4", "requests=null", "horizon=5 s"])
    assert (loaded.scenario.seed, loaded.scenario.requests, loaded.scenario.horizon) == (4, None, 5.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workload.job.arrivals.rate=1 /s", "workload.job.arrivals.rate: there is no item 'job' (did you mean 'jobs'?)"),
        ("workload.jobs.arivals.rate=1 /s", "workload.jobs.arivals.rate: unknown key 'arivals' (did you mean 'arrivals'?)"),
        ("network.routng.by=hops", "network.routng.by: unknown key 'routng' (did you mean 'routing'?)"),
        ("sed=3", "sed: unknown key 'sed' (did you mean 'seed'?)"),
        ("services.wrok.service_time=1 s", "services.wrok.service_time: there is no 'wrok' in 'services' (did you mean 'work'?)"),
        ("spikes.slow.factor=3", "spikes.slow.factor: there are no spikes in this scenario; set the whole list"),
        ("network.nodes[7].speed=2", "network.nodes[7].speed: there is no item 7, the list has 1 (they count from 0)"),
        ("network.nodes.server[0]=2", "network.nodes.server[0]: 'network.nodes[0]' is not a list: it has no item 0"),
        ("seed", "expected PATH=VALUE, such as workload.chat.arrivals.rate='12 /s', got 'seed'"),
        ("seed.=3", "expected PATH=VALUE, such as workload.chat.arrivals.rate='12 /s', got 'seed.=3'"),
        ("seed={", "seed: the value is not YAML: '{'"),
        ("seed.x=1", "seed.x: 'seed' is 1, not a mapping or a list: it has no 'x'"),
        ("seed=", "seed: expected a whole number, got nothing"),
        ("workload.jobs.arrivals.rate=1", "workload.jobs.arrivals.rate: expected a rate such as '12 /s' (the unit is missing), got 1"),
        ("workload.jobs.application=jub", "workload.jobs.application: unknown application 'jub' (did you mean 'job'?)"),
        ("control.policy=lest-loaded", "control.policy: unknown policy 'lest-loaded' (did you mean 'least-loaded'?)"),
        ("deployments[0].nodes=[sever]", "deployments[0].nodes[0]: unknown node 'sever' (did you mean 'server'?)"),
    ],
)
def test_mistake_is_said_once_and_as_the_users_own(text, said):
    with pytest.raises(ScenarioError) as caught:
        load("m-m-1", ["seed=1", text])
    assert str(caught.value) == f"--set: {said}"


def test_the_file_keeps_its_own_mistakes(tmp_path):
    from scenarios.reading import LIBRARY

    (tmp_path / "x.yaml").write_text((LIBRARY / "m-m-1.yaml").read_text().replace("mean: 10 ms", "mean: 10"))
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path / "x.yaml", ["seed=-1", "workload.jobs.arrivals.rate=1"])
    places = [line.split(": ")[:2] for line in str(caught.value).splitlines()]
    assert places == [["--set", "workload.jobs.arrivals.rate"], [f"{tmp_path / 'x.yaml'}:11", "services.work.service_time.mean"]]
