"""Where and how precisely both loops compute: device, autocast type and thread count."""

import contextlib
from dataclasses import dataclass

import torch

from codewright.train.config import Precision


@dataclass(frozen=True)
class Compute:
    """The device, and the type of matrix products: weights and optimizer state always stay fp32."""

    device: torch.device
    dtype: torch.dtype

    @property
    def dtype_name(self) -> str:
        """How manifests call the type: `bf16` or `fp32`."""
        return "bf16" if self.dtype is torch.bfloat16 else "fp32"

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Compute the block in the chosen type."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)


def prepare(precision: Precision, threads: int) -> Compute:
    """Choose device and type and fix the thread count, on which the last bits of sums depend."""
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wants_bf16 = precision == "bf16" or (precision == "auto" and multiplies_bf16(device))
    return Compute(device, torch.bfloat16 if wants_bf16 else torch.float32)


def multiplies_bf16(device: torch.device) -> bool:
    """Tell whether the device has bf16 instructions; emulated, bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Younger than the oldest torch that is allowed; without it fp32 is the safe answer.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def seed_weights(seed: int) -> None:
    """Seed torch's generators, which only the initial weights use: nothing random happens in the loops."""
    torch.manual_seed(seed % 2**63)
