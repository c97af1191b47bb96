# %% [markdown]
# # A network trained from Python, its kernel watched
#
# u_xxxx = f on [-1, 1] by Adam on full batches in float32, by AD and by FD from the same network:
# the loss, and the truncated entropy of the training kernel G = J J^T on the way.

# %%
import torch

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic
from pinnspectra.show.figures import save, spectrum_figure
from pinnspectra.solvers import Adam
from pinnspectra.spectra.entropy import truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.schedule import LearningRates

STEPS, EVERY, CUTOFF, BOUNDARY_WEIGHT = 100, 25, 1e-2, 100

pde, network, optimizer = Biharmonic(), TwoLayer(width=100), Adam(lr=1e-3)
initial = network.initial_parameters(dimension=1, seeds=[0], dtype=torch.float32)


# %%
def train(name: str, problem: Collocation) -> torch.Tensor:
    """Train, print every EVERY gradient steps; the eigenvalues of G at the end, (N,)."""
    theta = {key: value.clone() for key, value in initial.items()}  # trained in place
    rates = LearningRates([optimizer.lr])  # of every member
    ensemble = Ensemble(problem, network, theta, optimizer, rates, BOUNDARY_WEIGHT)
    ensemble.start()
    while True:
        sigma = kernel_singular_values(ensemble.method.working, network, theta)[0]
        step, loss = ensemble.gradient_step, ensemble.rows[0]["loss"]
        entropy = float(truncated_entropy(sigma**2, CUTOFF))
        print(f"{name}  step {step:>4}  loss {loss:>8.3f}  H {entropy:.4f}")
        if step == STEPS:
            return sigma**2
        ensemble.advance(EVERY)


# %%
kernels = {}
for name, method in {"ad": Automatic(), "fd": FiniteDifference(1 / 64)}.items():
    kernels[name] = train(
        name, Collocation(pde, method, pde.domain.grid(100), pde.domain.boundary(100))
    )

# %% [markdown]
# FD's kernel is filled by its rounding, which its loss cannot leave behind.

# %%
figure = spectrum_figure(kernels, cutoff=CUTOFF, eigenvalues=True)
save(figure, "outputs/examples/train_without_hydra.png")
figure  # shown by a notebook
