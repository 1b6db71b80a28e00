"""Figures and the summary, made from the tables."""
