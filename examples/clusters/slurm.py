"""Build with jobs of Slurm as workers. Run this on a login node, or as a small job.

It needs ``pip install dask-jobqueue`` in the environment of augforge. All nodes must share the file system of that
environment, the data set's folder and the source. ``--show-job`` prints the job that it would submit.
"""

import argparse
import sys
from pathlib import Path

from distributed import Client

import augforge

# Walltime of a job. Workers leave shortly before, one after the other: Slurm would kill them.
WALLTIME, LIFETIME, STAGGER = "02:00:00", "110m", "5m"


def make_cluster(options: argparse.Namespace):
    """Make a cluster without jobs yet; each job will be a worker of one thread."""
    from dask_jobqueue import SLURMCluster

    return SLURMCluster(
        queue=options.partition,
        account=options.account,
        cores=1,  # threads of a worker wait for each other; processes do not
        processes=1,
        memory=options.memory,
        walltime=WALLTIME,
        python=sys.executable,  # on the shared file system, so that versions agree
        local_directory="/tmp",
        log_directory=str(options.logs),
        job_script_prologue=["export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False"],
        worker_extra_args=["--lifetime", LIFETIME, "--lifetime-stagger", STAGGER],
        # If nodes have several networks, choose one: interface="ib0".
    )


def main() -> None:
    """Parse the arguments, start the cluster, and build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("recipe", help="a recipe's file, or the name of a ready one")
    parser.add_argument("--out", type=Path, required=True, help="a folder that all nodes share")
    parser.add_argument("--jobs", type=int, default=16, help="workers at once (default: %(default)s)")
    parser.add_argument("--partition", help="Slurm's partition")
    parser.add_argument("--account", help="Slurm's account")
    parser.add_argument("--memory", default="2GB", help="of each worker (default: %(default)s)")
    parser.add_argument("--logs", type=Path, default=Path("slurm-logs"), help="a folder for the jobs' logs")
    parser.add_argument("--show-job", action="store_true", help="print the job's script and submit nothing")
    options = parser.parse_args()
    try:
        cluster = make_cluster(options)
    except ImportError as error:
        parser.error(f"{error}: pip install dask-jobqueue")
    with cluster:
        if options.show_job:
            print(cluster.job_script())
            return
        # Keep this number when jobs reach their walltime.
        cluster.adapt(minimum=options.jobs, maximum=options.jobs)
        with Client(cluster) as client:
            client.wait_for_workers(1)  # Slurm may take longer than a build would wait
        manifest = augforge.build(options.recipe, options.out, scheduler=cluster.scheduler_address)
    print(f"{manifest.samples:,} samples in {options.out}, content hash {manifest.content_hash}")


if __name__ == "__main__":
    main()
