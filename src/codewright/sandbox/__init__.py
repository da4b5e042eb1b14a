"""Untrusted code runs here and nowhere else: `Job` in, `Result` out, through an isolated pool."""
