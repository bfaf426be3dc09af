"""Build a data set from a recipe: plan, run, resume. The only package that imports Dask."""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.building.job import build as build
    from augforge.building.plan import BuildPlan as BuildPlan
    from augforge.building.plan import plan_build as plan_build
    from augforge.building.progress import Progress as Progress

_MODULES = {"BuildPlan": "plan", "Progress": "progress", "build": "job", "plan_build": "plan"}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)
