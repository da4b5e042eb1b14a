"""Models: one small contract, and a backend per file."""

import os

# As in codewright.train: must stand before torch loads its OpenMP, whose spinning threads collapse on shared cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
