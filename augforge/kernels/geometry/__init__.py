"""Affine maps, displacement fields and resampling of images along chains of both."""
