"""Synthesis methods; the file name is the method."""
