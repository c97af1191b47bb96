# %% [markdown]
# # A network trained from Python, its kernel watched
#
# u_xxxx = f on [-1, 1] by Adam on full batches in float32, by AD and by FD from the same network:
# the loss, and the truncated entropy of the training kernel G = J J^T on the way.

# %%
import torch
from torch.func import grad_and_value

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic
from pinnspectra.show.figures import save, spectrum_figure
from pinnspectra.solvers import Adam
from pinnspectra.spectra.entropy import truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values

STEPS, EVERY, CUTOFF, BOUNDARY_WEIGHT = 100, 25, 1e-2, 100

pde, network, optimizer = Biharmonic(), TwoLayer(width=100), Adam(lr=1e-3)
initial = network.initial_parameters(dimension=1, seeds=[0], dtype=torch.float32)
rate = torch.tensor([optimizer.lr], dtype=torch.float64)  # of every member


# %%
def train(name: str, problem: Collocation) -> torch.Tensor:
    """Train, print every EVERY gradient steps; the eigenvalues of G at the end, (N,)."""

    def loss(theta):
        parts = problem.losses(network.field(theta))  # of every member, (S,)
        return (parts["interior"] + BOUNDARY_WEIGHT * parts["boundary"]).sum()

    theta, memory, slopes = initial, optimizer.initial_memory(initial), grad_and_value(loss)
    eigenvalues = torch.empty(0)
    for step in range(STEPS + 1):
        gradient, value = slopes(theta)
        if step % EVERY == 0:
            eigenvalues = kernel_singular_values(problem, network, theta)[0] ** 2
            entropy = truncated_entropy(eigenvalues, CUTOFF)
            print(f"{name}  step {step:>4}  loss {float(value):>8.3f}  H {float(entropy):.4f}")
        theta, memory = optimizer.update(theta, gradient, memory, rate)
    return eigenvalues


# %%
kernels = {}
for name, method in {"ad": Automatic(), "fd": FiniteDifference(1 / 64)}.items():
    problem = Collocation(pde, method, pde.domain.grid(100), pde.domain.boundary(100))
    kernels[name] = train(name, problem.to(torch.float32))

# %% [markdown]
# FD's kernel is filled by its rounding, which its loss cannot leave behind.

# %%
figure = spectrum_figure(kernels, cutoff=CUTOFF, eigenvalues=True)
save(figure, "outputs/examples/train_without_hydra.png")
figure  # shown by a notebook
