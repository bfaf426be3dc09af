"""What `docs/generate.py` writes: a page, and pictures."""
