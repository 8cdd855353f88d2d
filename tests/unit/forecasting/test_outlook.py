"""Layers and what decides about a search on them."""

import math

import numpy as np
import pytest

import theory
from spear_xp.forecasting.outlook import Layer, identifiable_of_sizes, layer_of_sizes, survives_noise


def test_the_signal_to_noise_ratio_of_gaussian_inputs() -> None:
    inputs = np.random.default_rng(0).standard_normal((20, 784))
    extended = np.c_[inputs, np.ones(20)]
    relative = 1e-3 * math.sqrt(0.5 * 20)  # of an entry of D
    exact = float(np.median(theory.snr(extended, 1.0, relative)))
    layer = layer_of_sizes(20, 200, 784, 1e-3)
    assert layer.drowning / layer.noise == pytest.approx(exact, rel=0.02)


def test_decibels_are_those_of_the_theory() -> None:
    inputs = np.random.default_rng(0).standard_normal((20, 784))
    relative = 1e-3 * math.sqrt(0.5 * 20)
    mse = float(np.median(theory.polish_mse(inputs, 1.0, relative, 200)))
    assert layer_of_sizes(20, 200, 784, 1e-3).psnr == pytest.approx(theory.psnr(mse, 6.0), abs=0.2)


def test_noise_ends_searches_around_its_edge() -> None:
    layer = layer_of_sizes(20, 200, 784, 1e-4)
    at_edge = layer_of_sizes(20, 200, 784, layer.noise_edge)
    assert survives_noise(at_edge) == pytest.approx(0.5)
    assert survives_noise(layer) > 0.9
    assert survives_noise(layer_of_sizes(20, 200, 784, 10 * layer.noise_edge)) < 0.01


def test_what_is_not_known_stands_in_no_way() -> None:
    unknown = layer_of_sizes(20, 200, None, 1e-4)
    assert math.isnan(unknown.noise_edge)
    assert survives_noise(unknown) == 1
    assert survives_noise(layer_of_sizes(1, 200, 784, 1e-4)) == 1
    assert layer_of_sizes(120, 200, 784, 1e-4).noise_edge == 0
    silent = layer_of_sizes(20, 200, 784, 0.0)
    assert silent.psnr == math.inf
    assert survives_noise(silent) == 1


def test_ranks() -> None:
    assert Layer(5, 100, 30, 0.5, 0.0, math.nan).most == 31
    assert Layer(5, 20, None, 0.5, 0.0, math.nan).most == 20


def test_identifiability_at_the_ends() -> None:
    assert identifiable_of_sizes(1, 50, 0.5) == 1
    assert identifiable_of_sizes(80, 50, 0.5) == 0
    assert identifiable_of_sizes(20, 100, 0.5) == pytest.approx(theory.unlimited_success(20, 100))
