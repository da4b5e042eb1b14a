"""Keeps benchmark problems out of training rows."""
