"""From a model to scores with intervals, executed in the sandbox."""
