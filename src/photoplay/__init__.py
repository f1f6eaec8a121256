"""Photoplay: a self-hosted server for media-generation tasks."""

__all__ = ["__version__"]

__version__ = "0.1.0"
