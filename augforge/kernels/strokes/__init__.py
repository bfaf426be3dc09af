"""Kernels that read or change strokes: width, gaps, smudges, topology, contrast."""
