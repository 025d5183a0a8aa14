"""The pairs of a layer, computed in parts by the workers of a Dask cluster.

    pip install dask distributed
    python dask_pairs.py dumps/ --parts 16 --job shared/job --out results -- --strongest 20

starts a cluster on this machine. With --scheduler tcp://host:8786 the parts go to the workers of one
that runs already; files, --job and the command have to be reachable from each of them by the same
paths. What follows -- goes to cofire as it is.

A part is one run of `cofire pairs --part I/N`. What it has finished is in --job, so that a worker that
is lost, or a script that is started again, costs the blocks that were under way and no more.
"""

import argparse
import subprocess
import sys

from dask.distributed import Client, LocalCluster, as_completed


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", help="the layer, in one file or in shards")
    parser.add_argument("--parts", type=int, default=16, help="shares of the work [%(default)s]")
    parser.add_argument("--job", required=True, help="directory for finished blocks")
    parser.add_argument("--out", required=True, help="directory for the results")
    parser.add_argument("--scheduler", help="address of a running cluster [one on this machine]")
    parser.add_argument("--workers", type=int, help="workers of a cluster on this machine [cores]")
    parser.add_argument("--cofire", default="cofire", help="the command [%(default)s]")
    arguments = sys.argv[1:]
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parsed = parser.parse_args(arguments[:split])
    parsed.settings = arguments[split + 1 :]
    return parsed


def run(command):
    """Runs a command; an error has what it wrote to stderr."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()}")
    return done


def main():
    arguments = parse_arguments()

    def command(part):
        where = ["--job", arguments.job, "--part", f"{part}/{arguments.parts}"]
        return [arguments.cofire, "pairs", *arguments.files, *where, *arguments.settings]

    if arguments.scheduler:
        client = Client(arguments.scheduler)
    else:
        # A part has all threads that --threads gives it; workers are processes of one task at a time.
        cluster = LocalCluster(
            n_workers=arguments.workers, threads_per_worker=1, dashboard_address=None
        )
        client = Client(cluster)
    with client:
        parts = range(1, arguments.parts + 1)
        # Not pure: a part that is asked for again is run again, which is soon done.
        futures = client.map(run, [command(part) for part in parts], pure=False, retries=2)
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            print(f"{done} of {arguments.parts} parts", file=sys.stderr)
    print(run([arguments.cofire, "merge", arguments.job, "--out", arguments.out]).stdout, end="")


if __name__ == "__main__":
    main()
