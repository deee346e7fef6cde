"""The version, said once: the package metadata and the metrics read it here."""

VERSION = "0.1.0"
