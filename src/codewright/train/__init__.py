"""Training: a byte-level BPE tokenizer, pretraining and supervised fine-tuning as two visible loops."""

import os

# Must stand before torch loads its OpenMP: waiting threads that spin collapse when cores are shared with others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
