"""Faces of a simulation for learners from elsewhere, all of them over one loop of turns.

`turns` is that loop: one episode, decision by decision, with observations, masks and rewards. `multi` shows it as a PettingZoo
environment, `single` as a Gymnasium one; these two modules import the libraries that they are for, and nothing else does.
"""
