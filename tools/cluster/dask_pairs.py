"""The pairs of a layer, computed in parts by the workers of a Dask cluster.

    pip install dask distributed
    python dask_pairs.py dumps/ --parts 16 --job shared/job --out results -- --strongest 20

starts a cluster on this machine. With --scheduler tcp://host:8786 the parts go to the workers of a
running cluster. Each worker must reach the files, --job and the command by the same paths.
Arguments after -- go to cofire unchanged.

A part is one run of `cofire pairs --part I/N`. Finished blocks are kept in --job, so that a lost
worker, or a restarted script, costs only the blocks that were under way.
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
    """Runs a command. If it fails, the error has its stderr."""
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
        # Workers are processes with one task at a time. A part has the threads that --threads gives it.
        cluster = LocalCluster(
            n_workers=arguments.workers, threads_per_worker=1, dashboard_address=None
        )
        client = Client(cluster)
    with client:
        parts = range(1, arguments.parts + 1)
        # Not pure: a part that is requested again is run again, which is quick.
        futures = client.map(run, [command(part) for part in parts], pure=False, retries=2)
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            print(f"{done} of {arguments.parts} parts", file=sys.stderr)
    print(run([arguments.cofire, "merge", arguments.job, "--out", arguments.out]).stdout, end="")


if __name__ == "__main__":
    main()
