"""Generative inference: a model on a device serves requests token by token, batched anew at every iteration.

`profiles` says how long an iteration lasts, `tokens` how many tokens a request has, `memory` what the KV cache holds, `course` when
the iterations of an unchanged batch end, `engine` is the station that puts them together.
"""
