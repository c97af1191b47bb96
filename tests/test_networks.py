import math

import numpy as np
import pytest
import scipy.stats
import torch
from cases import NETWORKS

from pinnspectra.differentiation.activations import ACTIVATIONS
from pinnspectra.networks import MLP, TwoLayer

EACH = {
    **NETWORKS,
    "two_layer_pytorch": TwoLayer(7, "tanh", initialization="pytorch"),
    "mlp1": MLP(7, depth=1),
    "mlp3": MLP(7, depth=3, activation="tanh"),
}
EACH_NETWORK = pytest.mark.parametrize("network", EACH.values(), ids=EACH)
SEEDS = (4, 0, 9)


@EACH_NETWORK
def test_fields_are_S_by_N_and_features_S_by_M_by_N(network):
    for dimension in (1, 2, 3):
        parameters = network.initial_parameters(dimension, SEEDS, torch.float64)
        x = torch.zeros(5, dimension, dtype=torch.float64)
        assert network.field(parameters)(x).shape == (3, 5)
        assert network.features(parameters)(x).shape == (3, network.width, 5)
        assert all(len(value) == 3 for value in parameters.values())
        count = sum(value[0].numel() for value in parameters.values())
        assert network.parameter_count(dimension) == count


@EACH_NETWORK
def test_the_field_is_the_coefficients_times_the_features(network):
    parameters = network.initial_parameters(2, SEEDS, torch.float64)
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)
    phi, a = network.features(parameters)(x), parameters["coefficients"]
    expected = np.einsum("sm,smn->sn", a.numpy(), phi.numpy())
    # seven products of at most 0.4 are added in an order of the library's own
    np.testing.assert_allclose(network.field(parameters)(x), expected, rtol=0, atol=4e-15)


@EACH_NETWORK
def test_a_seed_gives_the_same_network_in_every_precision_alone_or_among_others(network):
    together = network.initial_parameters(2, SEEDS, torch.float64)
    single = network.initial_parameters(2, SEEDS, torch.float32)
    alone = network.initial_parameters(2, SEEDS[1:2], torch.float64)
    again = network.initial_parameters(2, SEEDS, torch.float64)
    for name, value in together.items():
        assert torch.equal(single[name], value.to(torch.float32))
        assert torch.equal(alone[name][0], value[1])
        assert torch.equal(again[name], value)
        assert not torch.equal(value[0], value[1])


def assert_uniform(values, bound):
    """Kolmogorov and Smirnov's test, and no value outside."""
    values = values.flatten().numpy()
    assert np.abs(values).max() <= bound
    assert scipy.stats.kstest(values, "uniform", (-bound, 2 * bound)).pvalue > 1e-3


@pytest.mark.parametrize("weight_range", [0.5, 1.0, 3.0])
def test_two_layers_are_drawn_uniformly_within_the_weight_range(weight_range):
    network = TwoLayer(2000, weight_range=weight_range)
    parameters = network.initial_parameters(2, [0], torch.float64)
    assert_uniform(parameters["weights_1"], weight_range)
    assert_uniform(parameters["biases_1"], weight_range)
    assert_uniform(parameters["coefficients"], 1 / math.sqrt(2000))


def bounds_of_torch(inputs, outputs):
    """Bounds of torch.nn.Linear's weights and biases, from its own draws."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.Linear(inputs, outputs)
    return float(layer.weight.detach().abs().max()), float(layer.bias.detach().abs().max())


@pytest.mark.parametrize("dimension", [1, 5])
@pytest.mark.parametrize(
    "network",
    [TwoLayer(900, initialization="pytorch"), MLP(900, depth=2)],
    ids=["two_layer", "mlp2"],
)
def test_the_pytorch_way_draws_as_torch_nn_linear_does(network, dimension):
    parameters = network.initial_parameters(dimension, [0], torch.float64)
    layers = [name.removeprefix("weights_") for name in parameters if "weights" in name]
    for layer in layers:
        weights, biases = parameters[f"weights_{layer}"], parameters[f"biases_{layer}"]
        inputs = weights.shape[-1]
        assert_uniform(weights, 1 / math.sqrt(inputs))
        assert_uniform(biases, 1 / math.sqrt(inputs))
        # the extremes of 900 uniform draws are within 2 % of the bound
        torch_weights, torch_biases = bounds_of_torch(inputs, 900)
        assert float(weights.abs().max()) == pytest.approx(torch_weights, rel=0.02)
        assert float(biases.abs().max()) == pytest.approx(torch_biases, rel=0.02)
    torch_output, _ = bounds_of_torch(900, 900)
    assert_uniform(parameters["coefficients"], 1 / math.sqrt(900))
    assert float(parameters["coefficients"].abs().max()) == pytest.approx(torch_output, rel=0.02)


def test_a_deep_network_of_one_hidden_layer_is_the_two_layer_network():
    deep = MLP(6, depth=1).initial_parameters(2, SEEDS, torch.float64)
    shallow = TwoLayer(6, initialization="pytorch").initial_parameters(2, SEEDS, torch.float64)
    assert deep.keys() == shallow.keys()
    assert all(torch.equal(deep[name], shallow[name]) for name in deep)


class Elementwise(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_deep_network_is_the_torch_sequential_of_the_same_weights(depth, activation):
    network = MLP(5, depth, activation)
    parameters = network.initial_parameters(2, SEEDS, torch.float64)
    x = torch.linspace(-2, 2, 16, dtype=torch.float64).reshape(8, 2)
    for s in range(len(SEEDS)):
        modules = []
        for layer in range(1, depth + 1):
            weight = parameters[f"weights_{layer}"][s]
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(weight)
                linear.bias.copy_(parameters[f"biases_{layer}"][s])
            modules += [linear, Elementwise(getattr(torch, activation))]
        output = torch.nn.Linear(5, 1, bias=False, dtype=torch.float64)
        with torch.no_grad():
            output.weight.copy_(parameters["coefficients"][s : s + 1])
            expected = torch.nn.Sequential(*modules, output)(x)[:, 0]
        got = network.field(parameters)(x)[s]
        torch.testing.assert_close(got, expected, rtol=0, atol=4e-15)


@pytest.mark.parametrize("make", [TwoLayer, MLP])
def test_unfit_widths_and_activations_are_refused(make):
    with pytest.raises(ValueError, match=r"width=0: .*at least 1"):
        make(0)
    with pytest.raises(ValueError, match="activation=swish: allowed are sin, tanh"):
        make(3, activation="swish")


@pytest.mark.parametrize("weight_range", [0.0, -1.0, math.inf, math.nan])
def test_a_weight_range_that_is_not_a_finite_number_above_zero_is_refused(weight_range):
    with pytest.raises(ValueError, match=f"weight_range={weight_range}: .*finite"):
        TwoLayer(3, weight_range=weight_range)


def test_an_unknown_initialization_is_refused():
    with pytest.raises(ValueError, match="initialization=xavier"):
        TwoLayer(3, initialization="xavier")


def test_a_network_without_a_hidden_layer_is_refused():
    with pytest.raises(ValueError, match=r"depth=0: a whole number from 1 to 1000"):
        MLP(3, depth=0)
