"""The theory tests can fail: mistakes put in on purpose are caught."""

import pytest

from simulator import laws, link, station
from tests.theory import test_closed_forms as theory


def test_lomax_for_pareto(monkeypatch):
    monkeypatch.setattr(laws.Pareto, "sample", lambda self, generator, size: self.minimum * generator.pareto(self.shape, size))
    with pytest.raises(AssertionError):
        theory.test_m_g_1_pareto_quantiles()


def test_propagation_forgotten(monkeypatch):
    original = link.Link.__init__

    def without(self, *arguments, **named):
        original(self, *arguments, **named)
        self.propagation = 0.0

    monkeypatch.setattr(link.Link, "__init__", without)
    with pytest.raises(AssertionError):
        theory.test_a_link_is_m_d_1()


def test_a_worker_too_many(monkeypatch):
    original = station.Station.__init__

    def generous(self, *arguments, **named):
        original(self, *arguments, **named)
        self.workers += 1

    monkeypatch.setattr(station.Station, "__init__", generous)
    with pytest.raises(AssertionError):
        theory.test_m_m_1()
