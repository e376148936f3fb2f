"""What needs the `bench` extra is collected where that is installed: `make bench-detect` runs it before it measures."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("river") else ["test_others.py"]
