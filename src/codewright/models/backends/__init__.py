"""Model backends; the file name is the prefix of a model spec."""
