"""The world: a discrete-event simulator of requests, services, stations and links. Knows no learning, no plots, no files."""
