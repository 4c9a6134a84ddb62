"""Gatescope's library: metabolic models and RNAs as graphs, trained networks on them, and what those networks listen to."""

__version__ = "0.4.0"
