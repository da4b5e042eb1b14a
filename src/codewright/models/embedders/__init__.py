"""Embedders, one a file: `open_embedder_plugin(rest)`, with the base URL as well where the file says `SERVED = True`.

`KEPT = True` says that its vectors cost more than looking them up, so that they are kept (models/embed.py).
"""
