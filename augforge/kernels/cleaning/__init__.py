"""Kernels that separate ink from paper and center it, for normalization."""
