"""For authors of methods: `check_explainer` says what is wrong with an explainer."""

from unoise.testing.explainer import FaultyExplainer, check_explainer

__all__ = ["FaultyExplainer", "check_explainer"]
