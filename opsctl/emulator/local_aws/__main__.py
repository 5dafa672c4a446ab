"""Command line: check, prepare the environment, then (and only then) import MiniStack and serve."""

import sys


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"local_aws: needs Python 3.11 or newer, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    from local_aws import launch

    return launch.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
