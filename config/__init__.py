"""The configuration: YAML files in, one immutable `Settings` out, or every mistake at once with its place.

`config.load.load` is the only door. Only `softswitch.app`, `softswitch.cli` and what they use to build their objects
read it; everything else gets constructor arguments.
"""
