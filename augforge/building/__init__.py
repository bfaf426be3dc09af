"""Build a data set from a recipe: plan, run, resume. The only package that imports Dask."""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.building.expectation import format_expect as format_expect
    from augforge.building.job import build as build
    from augforge.building.job import carry_out as carry_out
    from augforge.building.plan import BuildPlan as BuildPlan
    from augforge.building.plan import plan_build as plan_build
    from augforge.building.plan import refresh_plan as refresh_plan
    from augforge.building.progress import Progress as Progress

_MODULES = {
    "BuildPlan": "plan",
    "Progress": "progress",
    "build": "job",
    "carry_out": "job",
    "format_expect": "expectation",
    "plan_build": "plan",
    "refresh_plan": "plan",
}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)
