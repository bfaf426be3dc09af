"""Build a data set on disk from a recipe: plan, run, resume. The only room with Dask."""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.building.job import build as build
    from augforge.building.plan import BuildPlan as BuildPlan
    from augforge.building.plan import plan_build as plan_build
    from augforge.building.running import Progress as Progress

_MODULES = {"BuildPlan": "plan", "Progress": "running", "build": "job", "plan_build": "plan"}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)
