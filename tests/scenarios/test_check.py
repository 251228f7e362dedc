"""`vamappo check`: offered loads against what runs show, what they leave out, and settings without effect."""

import json

import pytest

from analysis.summary import summarise
from scenarios.idle_settings import left_out
from scenarios.loads import offered_loads
from scenarios.reading import load
from tests.helpers import run, scenario

ONE = """
name: one
requests: 20000
warm_up: 10 %
network: {{nodes: [{{name: n, workers: {workers}, discipline: {discipline}}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 20 ms}}}}}}
deployments: [{{service: s, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s{care}}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: {rate} /s}}}}]
{more}
"""


def text(discipline="fifo", rate="40", workers="1", care="", more=""):
    return ONE.format(discipline=discipline, rate=rate, workers=workers, care=care, more=more)


@pytest.mark.parametrize(
    ("discipline", "rate"), [("fifo", 40), ("{kind: batch, size: 8, duration: once}", 240), ("{kind: batch, size: 4, duration: max}", 60),
                             ("{kind: batch, size: 4, duration: sum}", 30)]
)  # fmt: skip
def test_offered_load_is_what_a_run_shows(discipline, rate, tmp_path):
    described = scenario(text(discipline, rate))
    offered = offered_loads(described, tmp_path)["stations"]["n"]
    assert summarise([run(described)])["stations"]["n"]["utilisation"] == pytest.approx(offered, rel=0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"care": ", hedge: {after: 80 ms}, timeout: 50 ms"}, "no second copy is ever sent"),
        ({"care": ", shed: {hopeless: true}"}, "hopeless needs a time-out"),
        ({"discipline": "{kind: fifo, capacity: 2}", "workers": "4"}, "at most 2 of the 4 workers"),
        ({"discipline": "lifo", "workers": "unlimited"}, "lifo has no effect"),
    ],
)
def test_settings_without_effect_are_said(options, said, tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(text(**options))
    assert any(said in warning for warning in load(str(path)).warnings)


def test_what_is_left_out_is_said():
    freeze = "spikes: [{name: pause, kind: freeze, nodes: [n], at: [1 s], for: 1 s}]"
    found = left_out(scenario(text(care=", timeout: 50 ms", more=freeze)))
    assert found is not None
    assert "pause" in found
    assert "time-outs" in found
    assert left_out(scenario(text())) is None


def test_one_instant_has_no_rates():
    at_once = text().replace("{kind: poisson, rate: 40 /s}", "{kind: times, at: [0 s, 0 s]}").replace("requests: 20000\nwarm_up: 10 %\n", "")
    figures = summarise([run(scenario(at_once))])
    assert figures["throughput_per_s"] is None
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize(("rate", "full"), [(40, False), (75, True)])
def test_overload_is_said(rate, full):
    from scenarios.commands.tables import cautions

    assert any("no idle moment" in caution for caution in cautions(summarise([run(scenario(text(rate=str(rate)).replace("20000", "3000")))]))) == full


def test_models_that_do_not_fit_together_are_told():
    from scenarios.reading import load

    assert any("the 8 models of 'campus' do not fit together, 25.6 GiB of 22.4 GiB" in note for note in load("edge-genai").warnings)
    assert not any("of 'campus' do not fit" in note for note in load("edge-genai", ["network.nodes.campus.memory=30 GiB"]).warnings)
