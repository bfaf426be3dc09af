"""From a recipe to a data set on disk: plan, run, resume. The only place with Dask."""

from augforge.building.job import build
from augforge.building.plan import BuildPlan, plan_build
from augforge.building.running import Progress

__all__ = ["BuildPlan", "Progress", "build", "plan_build"]
