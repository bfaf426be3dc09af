"""Imported once by the server that children are forked from: what every build needs is loaded, and compiled."""

import os
import tempfile
from pathlib import Path

import distributed  # noqa: F401
import hdf5plugin  # noqa: F401

from augforge.building import job
from augforge.cli.commands import build, verify  # noqa: F401
from augforge.forge import Forge
from augforge.integrity import repairs  # noqa: F401
from augforge.recipe import load_recipe
from augforge.writing.shard_writer import write_shard
from tests.stress import jobs

with tempfile.TemporaryDirectory() as _scratch:
    os.mkdir(f"{_scratch}/set")
    _forge = Forge(load_recipe(jobs.prepare(Path(_scratch)), ("variants=0",)))
    write_shard(Path(_scratch, "set"), job.plan_build(_forge.recipe).shards[0], _forge.make)
