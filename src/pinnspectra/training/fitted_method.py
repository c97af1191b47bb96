"""A method of differentiation that is fitted to the networks while they are trained."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch

from pinnspectra.collocation import Collocation, FitError
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.training.members import Members

log = logging.getLogger(__name__)


class FittedMethod:
    """The collocation that is trained on, its method fitted to the networks.

    `working` has the dtype and the device of the parameters that it was `fitted_to`.

    Args:
        collocation: at float64 points, with the method as it was given.
        network: the network.
    """

    def __init__(self, collocation: Collocation, network: AbstractNetwork) -> None:
        self._collocation, self._network = collocation, network
        self.fitted_to: Parameters = {}

    def fit(self, parameters: Parameters) -> None:
        """Fit the method to parameters (S, ...), and remember them.

        Raises:
            FitError: it cannot be fitted to them.
        """
        self.working, self.fitted_to = self._fitted(parameters), parameters

    def fit_anew(self, members: Members, gradient_step: int) -> bool:
        """Fit the method to the live members; return whether that changes it.

        Members that it cannot be fitted to end at this gradient step.

        Raises:
            FitError: it can be fitted to none.
        """
        before = self.working.method
        try:
            self.fit(members.copied())
        except FitError:
            unfit = {s: error for s in members.live if (error := self._misfit(members, s))}
            if len(unfit) == len(members.live):
                raise
            for s, error in unfit.items():
                members.ended[s] = gradient_step
                log.warning("member %d is left out from here on: method.%s", s, error)
            self.fit(members.copied())
        return self.working.method != before

    def renew_every(self, parameters: Parameters) -> int | None:
        """Return the gradient steps after which to fit it anew; None where it does not adapt.

        Raises:
            FitError: it cannot be fitted to parameters (S, ...).
        """
        adapts = self._fitted(parameters).method != self._collocation.method
        return getattr(self._collocation.method, "renew_every", None) if adapts else None

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the fitted method, as method/NAME."""
        return {f"method/{name}": value for name, value in self.working.method.metrics.items()}

    def in_float64(self, parameters: Parameters) -> Collocation:
        """Return the collocation in float64, this method fitted to float64 parameters (S, ...)."""
        device = parameters["coefficients"].device
        now = replace(self._collocation, method=self.working.method).to(torch.float64, device)
        return now.fitted(self._network.field(parameters))

    def _fitted(self, parameters: Parameters) -> Collocation:
        like = parameters["coefficients"]
        working = self._collocation.to(like.dtype, like.device)
        return working.fitted(self._network.field(parameters))

    def _misfit(self, members: Members, member: int) -> FitError | None:
        """Return why the method cannot be fitted to a member."""
        try:
            self._fitted(members.copied([member]))
        except FitError as error:
            return error
        return None
