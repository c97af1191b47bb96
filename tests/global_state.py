"""What a library can change for everybody else in its process."""

import random
import warnings
from typing import Any

import numpy as np
import torch


def global_state() -> dict[str, Any]:
    """Settings and generators of torch, numpy, warnings and random, but for torch's threads."""
    subnormal = torch.full((8,), 1e-310, dtype=torch.float64)
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "float32 products": torch.get_float32_matmul_precision(),
        "subnormal numbers": bool((2 * subnormal > 0).all()),
        "cudnn": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        "torch's generator": torch.get_rng_state().tolist(),
        "numpy's errors": np.geterr(),
        "numpy's generator": str(np.random.get_state()),
        "random's generator": random.getstate(),
        "warnings": [str(entry) for entry in warnings.filters],
    }
