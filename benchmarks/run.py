"""All benchmarks, one after the other: JSON lines on stdout. `make bench`.

Each script measures ours and the peer in one run, on the same data, with the same threads, both
warmed up, and prints medians and their ratio. Peers live in virtual environments of their own under
.peers/, made on first use.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser.add_argument("only", nargs="*", choices=[[], *names], help="which; all without")
    chosen = parser.parse_args().only or names
    failed = []
    for name in chosen:
        print(f"benchmark {name}", file=sys.stderr)
        done = subprocess.run([sys.executable, HERE / f"bench_{name}.py"], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        sys.exit(f"error: these benchmarks failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
