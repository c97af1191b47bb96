"""Whether there is a W&B account, and how long W&B may take; wandb is imported only when asked."""

from __future__ import annotations

import os
from typing import Any

SECONDS = 10
"""Seconds that are waited for a server at the start, and for what is left to send at the end."""

FLUSH_SECONDS = 1.0
"""Seconds between writes of the .wandb file; what is not in it is lost where a job is killed."""


def settings() -> Any:
    """Return settings by which W&B prints nothing and gives up where it takes too long."""
    import wandb

    return wandb.Settings(
        silent=True,
        console="off",
        init_timeout=SECONDS,
        finish_timeout=SECONDS,
        finish_timeout_raises=True,
        x_transaction_log_flush_interval=FLUSH_SECONDS,
    )


def asked_mode() -> str:
    """Return WANDB_MODE; online without one."""
    return os.environ.get("WANDB_MODE", "online")


def has_account() -> bool:
    """Ask whether a key is set up (WANDB_API_KEY or `wandb login`) and the server takes it.

    Raises:
        Exception: W&B's, where the key is refused or there is no server.
    """
    import wandb

    return bool(wandb.login(prompt=False, verify=True))
