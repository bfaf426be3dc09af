"""From a recipe to a data set on disk: plan, run, resume; prove and repair. The only place with Dask."""

from augforge.building.job import build
from augforge.building.plan import BuildPlan, plan_build
from augforge.building.proving import Repair, prove, repair
from augforge.building.running import Progress

__all__ = ["BuildPlan", "Progress", "Repair", "build", "plan_build", "prove", "repair"]
