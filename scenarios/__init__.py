"""Scenario files and everything that puts simulator, agents and analysis together: loading, building, running, the command line."""
