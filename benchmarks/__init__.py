"""The benchmark of mpvnc against its peers; `python -m benchmarks --help`, and README.md beside this file."""
