"""Joining legs: two by relaying packets (bridge), more by mixing what they say (room)."""
