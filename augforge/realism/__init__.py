"""Measured properties of digits, and how far a recipe's samples are from what its source shows."""

from augforge.realism.attributing import Cause
from augforge.realism.extremes import Extreme
from augforge.realism.properties import PROPERTIES, Property, measure
from augforge.realism.report import (
    FAR_SHARE,
    SAMPLES,
    GuardReport,
    PropertyReport,
    Redrawing,
    Report,
    examine,
)

__all__ = [
    "FAR_SHARE",
    "PROPERTIES",
    "SAMPLES",
    "Cause",
    "Extreme",
    "GuardReport",
    "Property",
    "PropertyReport",
    "Redrawing",
    "Report",
    "examine",
    "measure",
]
