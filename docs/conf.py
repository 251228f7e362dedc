"""Sphinx configuration."""

project = "vamappo"
author = "the vamappo authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "vamappo"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
