"""Objectives of interpreters: what a noise scale is trained for. One module each."""
