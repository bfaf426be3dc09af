"""Measure digits, and compare a recipe's samples with its source."""

from augforge.realism.attribution import Cause
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
