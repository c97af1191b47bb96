# %% [markdown]
# # The spectra of A by AD and by FD, and where they part
#
# The random feature model of u_xxxx = f on [-1, 1]: the system matrix A = (phi_j''''(x_i)), whose
# singular values differ between automatic differentiation and finite differences.

# %%
import torch

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, ExactDifference, FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic
from pinnspectra.rounding.floor import spectrum_floor, system_matrix_floor
from pinnspectra.show.figures import save, spectrum_figure
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy

N, M, H, CUTOFF = 200, 200, 1 / 64, 1e-13

pde, network = Biharmonic(), TwoLayer(width=M)
theta = network.initial_parameters(dimension=1, seeds=[0], dtype=torch.float64)
features = network.features(theta)
methods = {
    "ad": Automatic(),
    "fd": FiniteDifference(H),
    "fd_exact": ExactDifference(H),  # the same differences, without their rounding
}

# %% [markdown]
# A by every method, its singular values, and what of them is rounding, as predicted.

# %%
spectra, floors = {}, {}
for name, method in methods.items():
    points = pde.domain.grid(N), pde.domain.boundary(N)
    problem = Collocation(pde, method, *points).fitted(features)
    spectra[name] = singular_values(problem.system_matrix(features))[0]
    floors[name] = spectrum_floor(system_matrix_floor(problem, network, theta)[0], spectra[name])

# %% [markdown]
# By FD far more values are above the cut-off, but they are noise: they lie on the floor, and in
# exact arithmetic they are gone.

# %%
print(f"{'method':<10}{'e':>5}{'H':>10}{'values on the floor':>22}")
for name, sigma in spectra.items():
    e, entropy = effective_cutoff(sigma, CUTOFF), truncated_entropy(sigma, CUTOFF)
    on_floor = int((sigma[: int(e)] < 2 * floors[name][: int(e)]).sum())
    print(f"{name:<10}{int(e):>5}{float(entropy):>10.4f}{on_floor:>22}")

# %%
figure = spectrum_figure(spectra, cutoff=CUTOFF, floors={"fd": floors["fd"]})
save(figure, "outputs/examples/spectra_of_ad_and_fd.png")
figure  # shown by a notebook
