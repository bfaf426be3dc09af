"""The page and the pictures that `docs/generate.py` writes."""
