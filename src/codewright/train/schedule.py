"""The WSD learning-rate schedule: warm-up, stable, decay. A function of the step only, so that resuming needs no state."""


def wsd(step: int, total_steps: int, warmup_fraction: float, decay_fraction: float) -> float:
    """Return the factor on the peak learning rate at a step.

    step: 1 for the first. Rises linearly over the first `warmup_fraction` of the steps, stays at 1, falls linearly to 0
    just behind the last step over the final `decay_fraction`. Where both overlap, the smaller value holds.
    Source: MiniCPM, arXiv 2404.06395, section 4.   Differs: linear decay, as in Haegele et al., arXiv 2405.18392,
    section 4, instead of MiniCPM's exponential one.
    """
    warmup_steps = warmup_fraction * total_steps
    decay_steps = decay_fraction * total_steps
    rising = step / warmup_steps if step < warmup_steps else 1.0
    left = total_steps + 1 - step
    falling = left / decay_steps if left < decay_steps else 1.0
    return min(rising, falling)
